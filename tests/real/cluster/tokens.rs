//! Keys in a PKCS#11 token: by the user's own `ssh`, which asks for the PIN, and by an agent that has been given it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{KeypairData, SkEd25519 as PrivateSkEd25519};
use russh::keys::ssh_key::public::{KeyData, SkEd25519};
use tempfile::TempDir;

use super::prompt::Terminal;
use super::{Cluster, Done};
use crate::sshd::{Sshd, find, keygen, me, skip, wait_for_socket};

const PIN: &str = "venom-4711";

/// A token of software with one key, and what counts the logins to it.
struct Token {
    folder: TempDir,
    module: PathBuf,
    spy: PathBuf,
    public: String,
}

impl Token {
    fn new() -> Option<Self> {
        let programs = ["ssh", "softhsm2-util", "pkcs11-tool"];
        if let Some(missing) = programs.iter().find(|program| find(program).is_none()) {
            skip(&format!("there is no {missing}"));
            return None;
        }
        let (Some(module), Some(spy)) = (library("softhsm/libsofthsm2.so"), library("pkcs11-spy.so")) else {
            skip("there is no libsofthsm2.so or pkcs11-spy.so");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("hactl-token").tempdir().unwrap();
        fs::create_dir(folder.path().join("tokens")).unwrap();
        let config = format!("directories.tokendir = {}/tokens\nlog.level = ERROR\n", folder.path().display());
        fs::write(folder.path().join("softhsm2.conf"), config).unwrap();
        let mut token = Self { folder, module, spy, public: String::new() };
        token.tool(
            "softhsm2-util",
            &["--init-token", "--free", "--label", "hactl", "--pin", PIN, "--so-pin", "venom-so"],
        );
        let module = token.module.display().to_string();
        let key = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "first"];
        token.tool("pkcs11-tool", &[&["--module", &module, "--login", "--pin", PIN], &key[..]].concat());
        token.public = token.tool("ssh-keygen", &["-D", &module]);
        assert!(token.public.starts_with("ecdsa-sha2-nistp256 "), "{}", token.public);
        Some(token)
    }

    /// Where the token is, for a program.
    fn arrange<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("SOFTHSM2_CONF", self.folder.path().join("softhsm2.conf"))
            .env("PKCS11SPY", &self.module)
            .env("PKCS11SPY_OUTPUT", self.folder.path().join("calls"))
    }

    fn tool(&self, name: &str, words: &[&str]) -> String {
        let done = self.arrange(&mut Command::new(name)).args(words).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name} {words:?}: {said}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// How often somebody has tried a PIN.
    fn logins(&self) -> usize {
        let calls = fs::read(self.folder.path().join("calls")).unwrap_or_default();
        String::from_utf8_lossy(&calls).matches("C_Login").count()
    }

    /// An `ssh_config` that names the token.
    fn ssh_config(&self) -> PathBuf {
        let file = self.folder.path().join("ssh_config");
        fs::write(&file, format!("Host *\n  PKCS11Provider {}\n", self.spy.display())).unwrap();
        file
    }
}

/// A library where a Debian, with or without its folder for each kind of machine, or a Red Hat has it.
fn library(name: &str) -> Option<PathBuf> {
    let bare = name.rsplit('/').next().unwrap();
    let triple = format!("/usr/lib/{}-linux-gnu/{name}", std::env::consts::ARCH);
    let places =
        [triple, format!("/usr/lib/{name}"), format!("/usr/lib64/{name}"), format!("/usr/lib64/pkcs11/{bare}")];
    places.into_iter().map(PathBuf::from).find(|file| file.exists())
}

/// Two hosts that let the token's key in and no other.
fn cluster(token: &Token) -> Option<Cluster> {
    let cluster = Cluster::start(&[])?;
    let mut text = fs::read_to_string(cluster.inventory()).unwrap().replace("transport: ssh", "transport: openssh");
    for server in &cluster.servers {
        fs::write(server.file("authorized_keys"), &token.public).unwrap();
        text = text.replace(&format!("identity: {}, ", server.identity().display()), "");
    }
    assert!(!text.contains("identity:"), "{text}");
    fs::write(cluster.inventory(), text).unwrap();
    Some(cluster)
}

fn plan(cluster: &Cluster, token: &Token, more: &[&str]) -> Command {
    let mut command = cluster.command(&[&["plan"], more].concat());
    token.arrange(&mut command).env("HACTL_SSH_CONFIG", token.ssh_config());
    command
}

fn done(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    Done {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn the_pin_is_asked_for_once_for_all_hosts_and_anew_when_it_was_refused() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let Some(mut terminal) = Terminal::run(&plan(&cluster, &token, &[])) else { return };
    terminal.shows("PIN of token hactl: ", 1);
    assert_eq!(token.logins(), 0, "nothing is tried without a PIN");
    terminal.types("venom-wrong\n");
    terminal.shows("That was refused. PIN of token hactl: ", 1);
    terminal.types(&format!("{PIN}\n"));
    terminal.shows("exit 2", 1);
    let screen = terminal.screen();
    assert_eq!(screen.matches("PIN of ").count(), 2, "{screen}");
    assert!(screen.contains("is-1") && screen.contains("is-2") && !screen.contains("venom"), "{screen}");
    // The wrong one once, and the right one once for each host.
    assert_eq!(token.logins(), 3);
}

#[test]
fn three_pins_are_tried_in_all_and_then_the_token_is_left_alone() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let Some(mut terminal) = Terminal::run(&plan(&cluster, &token, &[])) else { return };
    for number in 1..=3 {
        terminal.shows("PIN of token hactl: ", number);
        assert_eq!(token.logins(), number - 1, "a PIN that was refused is not tried again");
        terminal.types(&format!("venom-{number}\n"));
    }
    terminal.shows("exit 3", 1);
    let screen = terminal.screen();
    assert_eq!(screen.matches("PIN of token hactl: ").count(), 3, "{screen}");
    assert!(
        screen.matches("[token-pin-refused]").count() >= 2 && screen.contains("3 PINs that were typed"),
        "{screen}"
    );
    assert!(screen.contains("pkcs11-tool -L") && !screen.contains("venom"), "{screen}");
    assert_eq!(token.logins(), 3);
}

#[test]
fn no_answer_is_no_pin() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let Some(mut terminal) = Terminal::run(&plan(&cluster, &token, &[])) else { return };
    terminal.shows("PIN of token hactl: ", 1);
    terminal.types("\n");
    terminal.shows("exit 3", 1);
    let screen = terminal.screen();
    assert_eq!(screen.matches("PIN of token hactl: ").count(), 1, "{screen}");
    assert!(screen.contains("[token-pin-missing]") && screen.contains("none was given"), "{screen}");
    assert_eq!(token.logins(), 0);
}

#[test]
fn ctrl_c_at_the_question_ends_the_run() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let Some(mut terminal) = Terminal::run(&plan(&cluster, &token, &[])) else { return };
    terminal.shows("PIN of token hactl: ", 1);
    terminal.types("\x03");
    terminal.shows("exit 130", 1);
    terminal.shows("icanon", 1);
    let screen = terminal.screen();
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
    assert_eq!(token.logins(), 0);
}

#[test]
fn under_no_input_the_error_names_the_token_and_what_to_do() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let told = |screen: &str| {
        assert!(screen.contains("[token-pin-missing]") && screen.contains("the PIN of token hactl"), "{screen}");
        assert!(screen.contains("--no-input") && screen.contains("ssh-add -s"), "{screen}");
    };
    let without = done(&mut plan(&cluster, &token, &[]));
    assert_eq!(without.exit, 3, "{}{}", without.stdout, without.stderr);
    told(&without.stdout);
    let Some(terminal) = Terminal::run(&plan(&cluster, &token, &["--no-input"])) else { return };
    terminal.shows("exit 3", 1);
    told(&terminal.screen());
    assert_eq!(token.logins(), 0);
}

#[test]
fn one_question_is_enough_for_many_hosts_at_the_same_time() {
    const HOSTS: usize = 12;
    let Some(token) = Token::new() else { return };
    let folder = Sshd::folder_with_keys();
    fs::write(folder.path().join("authorized_keys"), &token.public).unwrap();
    // All of 127.0.0.0/8 is this machine; nobody else is here.
    let addresses: Vec<String> = (2..2 + HOSTS).map(|number| format!("127.77.0.{number}")).collect();
    let listen: Vec<String> = addresses.iter().map(|address| format!("ListenAddress {address}")).collect();
    let mut config: Vec<&str> = vec!["MaxStartups 100"];
    config.extend(listen.iter().map(String::as_str));
    let Some(server) = Sshd::start_in(folder, &config) else { return };
    let key = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    fs::write(server.known_hosts(), format!("[127.77.0.*]:{} {key}", server.port())).unwrap();
    let mut text = format!(
        "version: 1\ncluster: test\nssh: {{ user: {}, agent: false, port: {}, known_hosts: {}, connect_timeout: 60 }}\nhosts:\n",
        me(),
        server.port(),
        server.known_hosts().display()
    );
    for (index, address) in addresses.iter().enumerate() {
        text.push_str(&format!("  is-{index}: {{ address: {address}, transport: openssh }}\n"));
    }
    fs::write(token.folder.path().join("inventory.yaml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hactl"));
    command.args(["hosts", "ping"]).current_dir(token.folder.path()).env("HOME", token.folder.path()).env("USER", me());
    command.env_remove("HACTL_INVENTORY").env("XDG_STATE_HOME", token.folder.path().join("state"));
    token.arrange(&mut command).env("HACTL_SSH_CONFIG", token.ssh_config());
    let Some(mut terminal) = Terminal::run(&command) else { return };
    terminal.shows("PIN of token hactl: ", 1);
    terminal.types("venom-wrong\n");
    terminal.shows("That was refused. ", 1);
    assert_eq!(token.logins(), 1);
    terminal.types(&format!("{PIN}\n"));
    terminal.shows("exit ", 1);
    let screen = terminal.screen();
    assert_eq!(screen.matches("PIN of token hactl: ").count(), 2, "{screen}");
    assert_eq!(token.logins(), 1 + HOSTS, "{screen}");
    assert_eq!(server.log().matches("Accepted publickey").count(), HOSTS, "{screen}");
}

/// An agent that was given the token.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(token: &Token) -> Option<Self> {
        let Some(program) = find("ssh-agent") else {
            skip("there is no ssh-agent");
            return None;
        };
        let socket = token.folder.path().join("agent");
        let mut command = Command::new(program);
        let child = token.arrange(&mut command).args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let agent = Self { child, socket };
        wait_for_socket(&agent.socket);
        let ask = token.folder.path().join("ask");
        fs::write(&ask, format!("#!/bin/sh\necho '{PIN}'\n")).unwrap();
        fs::set_permissions(&ask, fs::Permissions::from_mode(0o700)).unwrap();
        // The agent wants to know where the library really is.
        let module = fs::canonicalize(&token.module).unwrap();
        let done = Command::new("ssh-add")
            .arg("-s")
            .arg(module)
            .env("SSH_AUTH_SOCK", &agent.socket)
            .env("SSH_ASKPASS", ask)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn an_agent_that_was_given_the_token_asks_nobody_over_either_transport() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let Some(agent) = Agent::start(&token) else { return };
    let text = fs::read_to_string(cluster.inventory()).unwrap().replace("agent: false", "agent: true");
    for transport in ["openssh", "ssh"] {
        fs::write(cluster.inventory(), text.replace("transport: openssh", &format!("transport: {transport}"))).unwrap();
        let mut command = cluster.command(&["plan", "--no-input"]);
        let planned = done(command.env("SSH_AUTH_SOCK", &agent.socket));
        assert_eq!(planned.exit, 2, "{transport}: {}{}", planned.stdout, planned.stderr);
    }
    let accepted = "Accepted publickey for ";
    assert!(cluster.servers.iter().all(|server| server.log().matches(accepted).count() == 2));
}

/// Writes a key file as that of a security key with this key in it, and its public half.
fn as_security_key(key: &Path, file: &Path) {
    let twin = PrivateKey::read_openssh_file(key).unwrap();
    let KeyData::Ed25519(point) = twin.public_key().key_data() else { panic!() };
    let token = PrivateSkEd25519::new(SkEd25519::new(*point, "ssh:"), 1, vec![1, 2, 3]).unwrap();
    let token = PrivateKey::new(KeypairData::SkEd25519(token), "token").unwrap();
    token.write_openssh_file(file, LineEnding::LF).unwrap();
    fs::write(file.with_extension("pub"), token.public_key().to_openssh().unwrap()).unwrap();
}

/// A security key needs more than a passphrase; that it waits to be touched is shown. Its maker's library is ours, and
/// has no key: it says so after it was asked to sign.
#[test]
fn that_a_security_key_waits_to_be_touched_is_shown() {
    let Some(token) = Token::new() else { return };
    let Some(cluster) = cluster(&token) else { return };
    let Some(compiler) = find("cc") else { return skip("there is no C compiler") };
    let key = token.folder.path().join("key");
    keygen(&key, "ed25519", "");
    as_security_key(&key, &token.folder.path().join("sk"));
    let source = token.folder.path().join("provider.c");
    let touched = token.folder.path().join("touched");
    // It waits to be touched, wants a PIN (-3), and has no such key (-4); `struct sk_option` and so on are of no matter.
    fs::write(
        &source,
        "#include <stddef.h>\n#include <stdint.h>\n#include <unistd.h>\n\
         uint32_t sk_api_version(void) { return 0x000a0000; }\n\
         int sk_enroll(void) { return -1; }\nint sk_load_resident_keys(void) { return -1; }\n\
         int sk_sign(uint32_t a, const uint8_t *d, size_t n, const char *p, const uint8_t *h, size_t m, uint8_t f,\n\
         const char *pin, void **o, void **r) {\n\
         for (int i = 0; i < 6000 && access(TOUCHED, F_OK) != 0; i++) usleep(10000);\n\
         return pin == NULL ? -3 : -4; }\n",
    )
    .unwrap();
    let library = token.folder.path().join("provider.so");
    let defined = format!("-DTOUCHED=\"{}\"", touched.display());
    let mut build = Command::new(compiler);
    build.args(["-shared", "-fPIC", &defined, "-o"]).args([&library, &source]);
    let built = build.status().unwrap();
    assert!(built.success());
    for server in &cluster.servers {
        fs::copy(token.folder.path().join("sk.pub"), server.file("authorized_keys")).unwrap();
    }
    let config = token.folder.path().join("sk_config");
    let file = token.folder.path().join("sk");
    fs::write(
        &config,
        format!("Host *\n  IdentityFile {}\n  SecurityKeyProvider {}\n", file.display(), library.display()),
    )
    .unwrap();
    let mut command = plan(&cluster, &token, &["--limit", "is-1"]);
    command.env("HACTL_SSH_CONFIG", &config);
    let Some(mut terminal) = Terminal::run(&command) else { return };
    terminal.shows("is-1: touch the token (Confirm user presence for key ED25519-SK ", 1);
    fs::write(&touched, "").unwrap();
    terminal.shows(&format!("PIN of ED25519-SK key {}: ", file.display()), 1);
    terminal.types("venom-7\n");
    // Nobody knows whether the PIN was right: it is not given again.
    terminal.shows(&format!("That was refused. PIN of ED25519-SK key {}: ", file.display()), 1);
    terminal.types("\n");
    terminal.shows("exit 3", 1);
    assert!(!terminal.screen().contains("venom"), "{}", terminal.screen());
}
