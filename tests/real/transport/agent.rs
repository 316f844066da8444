//! Keys that an SSH agent holds.
//!
//! The agent is found through the environment, which all tests of a process share: each of these runs itself again in
//! a process of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::*;
use crate::sshd::{Sshd, by_openssh, find, keygen, skip};

/// A real ssh-agent, killed when this is dropped.
struct Agent {
    child: Child,
    folder: TempDir,
}

impl Agent {
    fn start() -> Option<Self> {
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
        while !agent.socket().exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(agent)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn add(&self, key: &std::path::Path) {
        let done = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", self.socket())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Connects from a process that sees the agent; returns what it printed: `in`, or the error.
fn connect_with(agent: Option<&Agent>, link: &Link) -> String {
    let words = [&link.port.to_string(), &link.user];
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "transport::agent::in_a_process_of_its_own", "--nocapture"])
        .env("HACTL_TEST_LINK", words.map(String::as_str).join(" "))
        .env("HACTL_TEST_KNOWN_HOSTS", &link.known_hosts[0])
        .env("HACTL_TEST_IDENTITIES", std::env::join_paths(&link.identities).unwrap())
        .env_remove("SSH_AUTH_SOCK");
    if let Some(agent) = agent {
        child.env("SSH_AUTH_SOCK", agent.socket());
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
    let files = |name: &str| {
        let value = std::env::var_os(name).unwrap_or_default();
        std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect::<Vec<_>>()
    };
    let link = Link {
        kind: crate::sshd::kind(),
        address: "127.0.0.1".to_owned(),
        port: port.parse().unwrap(),
        user: user.to_owned(),
        identities: files("HACTL_TEST_IDENTITIES"),
        agent: true,
        known_hosts: files("HACTL_TEST_KNOWN_HOSTS"),
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
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    agent.add(&server.identity());
    let link = Link { identities: Vec::new(), ..server.link() };
    assert_eq!(connect_with(Some(&agent), &link), "in");
    let error = connect_with(None, &link);
    let tried = if by_openssh() { "tried nothing" } else { "tried agent (none: SSH_AUTH_SOCK is not set)" };
    assert!(error.contains(tried), "{error}");
}

#[tokio::test]
async fn an_rsa_key_of_the_agent_signs_with_sha2() {
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    keygen(&server.file("rsa"), "rsa", "");
    fs::copy(server.file("rsa.pub"), server.file("authorized_keys")).unwrap();
    agent.add(&server.file("rsa"));
    let link = Link { identities: Vec::new(), ..server.link() };
    assert_eq!(connect_with(Some(&agent), &link), "in");
}

#[tokio::test]
async fn an_agent_full_of_other_keys_leaves_room_for_the_file() {
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    for number in 0..8 {
        let file = server.file(&format!("stranger-{number}"));
        keygen(&file, "ed25519", "");
        agent.add(&file);
    }
    let answer = connect_with(Some(&agent), &server.link());
    if by_openssh() {
        // The order is that of the user's own ssh, which tries all keys of the agent before any file.
        return assert!(answer.starts_with("too-many-authentication-failures"), "{answer}");
    }
    assert_eq!(answer, "in");
    assert_eq!(server.log().matches("Failed publickey").count(), 4);
}

#[tokio::test]
async fn the_agents_key_of_a_configured_file_comes_first_and_once() {
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(agent) = Agent::start() else { return };
    for number in 0..8 {
        let file = server.file(&format!("stranger-{number}"));
        keygen(&file, "ed25519", "");
        agent.add(&file);
    }
    agent.add(&server.identity());
    let mut link = server.link();
    assert_eq!(connect_with(Some(&agent), &link), "in");
    assert!(!server.log().contains("Failed publickey"), "{}", server.log());
    link.identities = vec![server.file("stranger-7")];
    let error = connect_with(Some(&agent), &link);
    if by_openssh() {
        return assert!(error.starts_with("too-many-authentication-failures"), "{error}");
    }
    assert!(error.starts_with("authentication-refused"), "{error}");
    assert!(error.contains("agent (5 keys, 4 not offered)") && !error.contains("stranger"), "{error}");
}
