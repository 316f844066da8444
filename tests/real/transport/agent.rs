//! Keys that an SSH agent holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::*;
use crate::sshd::{Sshd, find, is_left_to_openssh, keygen, skip, wait_for_socket};

/// A real ssh-agent, killed when this is dropped.
pub(super) struct Agent {
    child: Child,
    folder: TempDir,
}

impl Agent {
    pub(super) fn start() -> Option<Self> {
        let (Some(program), Some(_)) = (find("ssh-agent"), find("ssh-add")) else {
            skip("there is no ssh-agent");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let child = Command::new(program)
            .args(["-D", "-a"])
            .arg(folder.path().join("socket"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { child, folder };
        wait_for_socket(&agent.socket());
        Some(agent)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Adds a key, and the certificate beside it.
    pub(super) fn add(&self, key: &Path) {
        self.ssh_add(&["-q", key.to_str().unwrap()]);
    }

    pub(super) fn ssh_add(&self, words: &[&str]) {
        let done = Command::new("ssh-add")
            .args(words)
            .env("SSH_AUTH_SOCK", self.socket())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Adds keys that no server here knows.
    fn add_strangers(&self, server: &Sshd, count: usize) {
        for number in 0..count {
            let file = server.file(&format!("stranger-{number}"));
            keygen(&file, "ed25519", "");
            self.add(&file);
        }
    }

    /// A way to a server that leads through this agent.
    pub(super) fn link(&self, server: &Sshd) -> Link {
        Link { agent: true, agent_socket: Some(self.socket()), ..server.link() }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How many keys a server has refused.
pub(super) fn refusals(server: &Sshd) -> usize {
    server.log().matches("Failed publickey").count()
}

/// Connects from a process with this SSH_AUTH_SOCK, which all tests of one process share; returns what it printed:
/// `in`, or the error.
fn connect_with(socket: Option<&Path>, link: &Link) -> String {
    let words = [&link.port.to_string(), &link.user];
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "transport::agent::in_a_process_of_its_own", "--nocapture"])
        .env("HACTL_TEST_LINK", words.map(String::as_str).join(" "))
        .env("HACTL_TEST_KNOWN_HOSTS", &link.known_hosts[0])
        .env_remove("SSH_AUTH_SOCK");
    if let Some(socket) = socket {
        child.env("SSH_AUTH_SOCK", socket);
    }
    let done = child.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    let line = text.lines().find_map(|line| line.split_once("RESULT "));
    line.unwrap_or_else(|| panic!("{text}")).1.to_owned()
}

#[tokio::test]
async fn in_a_process_of_its_own() {
    let Ok(words) = std::env::var("HACTL_TEST_LINK") else {
        return;
    };
    let (port, user) = words.split_once(' ').unwrap();
    let link = Link {
        kind: crate::sshd::kind(),
        address: "127.0.0.1".to_owned(),
        port: port.parse().unwrap(),
        user: user.to_owned(),
        agent: true,
        known_hosts: vec![std::env::var_os("HACTL_TEST_KNOWN_HOSTS").unwrap().into()],
        connect_timeout: Duration::from_secs(20),
        ..super::local::link()
    };
    match connect(&link).await {
        Ok(transport) => println!("RESULT {}", say(&*transport, "echo in").await),
        Err(error) => println!("RESULT {} {}", error.code, error.cause),
    }
}

#[tokio::test]
async fn the_agents_keys_let_us_in_without_any_file() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add(&server.identity());
    let link = Link { identities: Vec::new(), ..server.link() };
    assert_eq!(connect_with(Some(&agent.socket()), &link), "in");
    let error = connect_with(None, &link);
    assert!(error.contains("tried agent (none: SSH_AUTH_SOCK is not set)"), "{error}");
    for nothing in [server.file("nothing"), server.file("log"), PathBuf::new()] {
        let error = connect_with(Some(&nothing), &link);
        assert!(error.starts_with("authentication-refused") && error.contains("agent (no"), "{error}");
    }
    // A socket of its own wins.
    open(&Link { identities: Vec::new(), ..agent.link(&server) }).await;
}

#[tokio::test]
async fn an_rsa_key_of_the_agent_signs_with_sha2() {
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    keygen(&server.file("rsa"), "rsa", "");
    fs::copy(server.file("rsa.pub"), server.file("authorized_keys")).unwrap();
    agent.add(&server.file("rsa"));
    open(&Link { identities: Vec::new(), ..agent.link(&server) }).await;
}

#[tokio::test]
async fn what_is_configured_comes_before_what_the_agent_holds_besides() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    for tries in ["2", "3", "6"] {
        let Some(server) = Sshd::start(&[&format!("MaxAuthTries {tries}")]) else { return };
        let Some(agent) = Agent::start() else { return };
        agent.add_strangers(&server, 10);
        // From its file, then from the agent, which holds it last.
        open(&agent.link(&server)).await;
        agent.add(&server.identity());
        open(&agent.link(&server)).await;
        let link = Link { identities: vec![server.file("id_ed25519.pub")], ..agent.link(&server) };
        open(&link).await;
        assert_eq!(refusals(&server), 0, "{}", server.log());
        assert_eq!(server.log().matches("Accepted publickey").count(), 3);
    }
}

#[tokio::test]
async fn an_agent_full_of_other_keys_leaves_room_for_the_usual_files() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add_strangers(&server, 100);
    let link = Link { identities: Vec::new(), usual_identities: vec![server.identity()], ..agent.link(&server) };
    open(&link).await;
    assert_eq!(refusals(&server), 4);
    // Nor does it take the place of those for which the agent itself has the key.
    agent.add(&server.identity());
    open(&link).await;
    assert_eq!(refusals(&server), 4);
}

#[tokio::test]
async fn more_keys_than_a_strict_server_hears_is_one_error_that_names_the_remedy() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&["MaxAuthTries 3"]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add_strangers(&server, 20);
    let link = Link { identities: Vec::new(), ..agent.link(&server) };
    let error = refused(&link).await;
    assert_eq!((error.code, error.rung), ("too-many-authentication-failures", Rung::Authentication), "{error}");
    let hint = error.hint.unwrap();
    assert!(hint.contains("ssh.identity") && hint.contains("MaxAuthTries"), "{hint}");
    // One connection: a server that counts failures bans whoever comes again and again.
    assert_eq!(server.log().matches("Connection from").count(), 1, "{}", server.log());
    // The remedy: the agent holds the key as its last, and it is named.
    agent.add(&server.identity());
    open(&Link { identities: vec![server.file("id_ed25519.pub")], identities_only: true, ..agent.link(&server) }).await;
}

#[tokio::test]
async fn the_servers_limit_is_never_reached() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&["MaxAuthTries 6"]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add_strangers(&server, 10);
    let link = Link { identities: vec![server.file("stranger-7")], ..agent.link(&server) };
    let error = refused(&link).await;
    assert_eq!(error.code, "authentication-refused");
    assert!(error.cause.contains("stranger-7 through the agent, agent (4 keys, 5 not offered)"), "{error}");
    assert_eq!(refusals(&server), 5, "{}", server.log());
    assert!(!server.log().contains("maximum authentication attempts"), "{}", server.log());
}

#[tokio::test]
async fn identities_only_keeps_the_agents_other_keys_back() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add_strangers(&server, 3);
    agent.add(&server.identity());
    let stranger =
        Link { identities: vec![server.file("stranger-1.pub")], identities_only: true, ..agent.link(&server) };
    let error = refused(&stranger).await;
    assert!(error.cause.contains("stranger-1.pub through the agent") && error.cause.contains("publickey"), "{error}");
    assert!(error.hint.unwrap().contains("ssh.identities_only: false"));
    assert_eq!(refusals(&server), 1);
    open(&Link { identities_only: false, ..stranger.clone() }).await;
    open(&Link { identities: vec![server.identity()], ..stranger.clone() }).await;
    open(&Link { identities: Vec::new(), usual_identities: vec![server.identity()], ..stranger }).await;
    // The same key in the agent and in two files is one key.
    fs::copy(server.file("stranger-0"), server.file("copy")).unwrap();
    let before = refusals(&server);
    let twice = vec![server.file("stranger-0"), server.file("copy"), server.file("stranger-0.pub")];
    refused(&Link { identities: twice, identities_only: true, ..agent.link(&server) }).await;
    assert_eq!(refusals(&server), before + 1);
}

#[tokio::test]
async fn a_public_half_alone_says_that_the_agent_is_needed() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    fs::rename(server.identity(), server.file("elsewhere")).unwrap();
    // Also where the private file that is named is not there, but its public half is.
    for name in ["id_ed25519.pub", "id_ed25519"] {
        let link = Link { identities: vec![server.file(name)], ..agent.link(&server) };
        let error = refused(&link).await;
        assert_eq!(error.code, "key-not-in-agent");
        assert!(error.cause.contains(server.file(name).to_str().unwrap()), "{error}");
    }
    agent.add(&server.file("elsewhere"));
    for name in ["id_ed25519.pub", "id_ed25519"] {
        open(&Link { identities: vec![server.file(name)], ..agent.link(&server) }).await;
    }
}

#[tokio::test]
async fn a_locked_agent_is_one_without_keys() {
    if is_left_to_openssh("which keys are offered, in which order, and what is said of them") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add(&server.identity());
    let mut client = russh::keys::agent::client::AgentClient::connect_uds(agent.socket()).await.unwrap();
    client.lock(b"poison").await.unwrap();
    let error = refused(&Link { identities: Vec::new(), ..agent.link(&server) }).await;
    assert!(error.cause.contains("tried agent (0 keys)"), "{error}");
    client.unlock(b"poison").await.unwrap();
    open(&Link { identities: Vec::new(), ..agent.link(&server) }).await;
}

#[tokio::test]
async fn the_agent_is_never_forwarded() {
    let Some(server) = Sshd::start(&["LogLevel DEBUG3", "AllowAgentForwarding yes"]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add(&server.identity());
    let wire = open(&Link { identities: Vec::new(), ..agent.link(&server) }).await;
    let seen = say(&*wire, "env").await;
    assert!(seen.contains("SSH_CONNECTION") && !seen.contains("SSH_AUTH_SOCK"), "{seen}");
    wire.close().await.unwrap();
    let log = server.log();
    assert!(log.contains("request exec"), "{log}");
    assert!(!log.contains("auth-agent"), "{log}");
}
