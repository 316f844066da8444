//! A cluster that only the user's ssh_config tells how to reach: names of its own, `Match`, `Include`, jump hosts.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Cluster, Done};
use crate::sshd::{Sshd, find, keygen, me, output, skip, wait_for_socket};

/// A cluster whose inventory says nothing of how its hosts are reached, and the ssh_config that does.
struct Told {
    cluster: Cluster,
}

impl Told {
    /// `before` are lines that stand before all others. `None` when the test was skipped.
    fn start(before: &str) -> Option<Self> {
        if find("ssh").is_none() {
            skip("there is no ssh");
            return None;
        }
        let cluster = Cluster::start(&[])?;
        let mut text = fs::read_to_string(cluster.inventory()).unwrap();
        text = text.replace(&format!("ssh: {{ user: {}, agent: false }}\n", me()), "");
        for (index, server) in cluster.servers.iter().enumerate() {
            let folder = server.folder().display();
            let ssh =
                format!("port: {}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts, ", server.port());
            assert!(text.contains(&ssh), "{text}");
            text =
                text.replace(&ssh, "").replacen("address: 127.0.0.1", &format!("address: node-{}.test", index + 1), 1);
        }
        fs::write(cluster.inventory(), text).unwrap();
        let told = Self { cluster };
        let folder = told.file("conf.d");
        fs::create_dir(&folder).unwrap();
        let mut nodes = String::new();
        for (index, server) in told.cluster.servers.iter().enumerate() {
            nodes.push_str(&format!("Host node-{}.test\n{}", index + 1, to(server)));
        }
        fs::write(folder.join("10-nodes.conf"), nodes).unwrap();
        told.write(before);
        Some(told)
    }

    /// Writes the ssh_config, with these lines before all others.
    fn write(&self, before: &str) {
        let folder = self.cluster.folder.path().display();
        let text = format!(
            "{before}\nHost *\nInclude {folder}/conf.d/*.conf\nMatch originalhost node-?.test exec \"test %n = %n\"\n  User {}\n  IdentityAgent none\n",
            me()
        );
        fs::write(self.file("ssh_config"), text).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.cluster.folder.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Done {
        let mut command = self.cluster.command(words);
        let output = command.env("HACTL_SSH_CONFIG", self.file("ssh_config")).output().unwrap();
        Done {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn expect(&self, exit: i32, words: &[&str]) -> Done {
        let done = self.run(words);
        assert_eq!(done.exit, exit, "hactl {words:?}\n--- stdout\n{}\n--- stderr\n{}", done.stdout, done.stderr);
        done
    }

    /// Nobody has come to any of the nodes.
    #[track_caller]
    fn nobody_came(&self) {
        for server in &self.cluster.servers {
            assert!(!server.log().contains("Connection from"), "{}", server.log());
        }
    }
}

/// The lines that lead to a server.
fn to(server: &Sshd) -> String {
    let folder = server.folder().display();
    format!(
        "  HostName 127.0.0.1\n  Port {}\n  IdentityFile {folder}/id_ed25519\n  UserKnownHostsFile {folder}/known_hosts\n",
        server.port()
    )
}

fn logins(server: &Sshd) -> usize {
    server.log().matches("Accepted publickey").count()
}

#[test]
fn two_nodes_behind_two_bastions_of_the_ssh_config_are_configured_and_stay_so() {
    let (Some(outer), Some(inner)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let user = me();
    let hops = format!(
        "Host outer\n{}  User {user}\nHost inner\n{}  User {user}\n  ProxyJump outer\nMatch originalhost node-*.test\n  ProxyJump inner\n",
        to(&outer),
        to(&inner)
    );
    let Some(told) = Told::start(&hops) else { return };
    told.expect(2, &["plan"]);
    told.expect(0, &["apply"]);
    let again = told.expect(0, &["apply"]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    for hop in [&outer, &inner] {
        assert_eq!((logins(hop), hop.execs()), (3, 0), "one login a run for both hosts, and no command");
    }
    let said = told.expect(0, &["validate", "--explain"]).stdout;
    for (key, value) in [("ssh.jump", "outer, inner"), ("ssh.identity", "id_ed25519"), ("HostName", "127.0.0.1")] {
        let line = |line: &&str| line.trim_start().starts_with(key) && line.contains(value);
        let line = said.lines().find(line).unwrap_or_else(|| panic!("{key}: {said}"));
        assert!(line.contains("ssh -G") && line.contains("node-"), "{line}");
    }
    assert!(said.contains("jump inner: port") && said.contains("jump outer: identity"), "{said}");
}

#[test]
fn the_inventory_wins_over_the_ssh_config() {
    let Some(told) = Told::start("") else { return };
    // All that the file says of the port is wrong for these two, and the inventory is right.
    let wrong = fs::read_to_string(told.file("conf.d/10-nodes.conf")).unwrap();
    let mut text = fs::read_to_string(told.cluster.inventory()).unwrap();
    let mut ports = String::new();
    for (index, server) in told.cluster.servers.iter().enumerate() {
        let state = format!("state_folder: {}/state", server.folder().display());
        text = text.replace(&state, &format!("{state}, port: {}", server.port()));
        ports.push_str(&format!("Host node-{}.test\n  Port 1\n", index + 1));
    }
    fs::write(told.file("conf.d/10-nodes.conf"), ports + &wrong).unwrap();
    told.expect(3, &["plan"]);
    fs::write(told.cluster.inventory(), text).unwrap();
    told.expect(2, &["plan"]);
    let said = told.expect(0, &["validate", "--explain"]).stdout;
    let port = said.lines().find(|line| line.contains("ssh.port")).unwrap();
    assert!(port.contains("inventory.yaml:"), "{port}");
}

#[test]
fn without_the_file_the_names_lead_nowhere() {
    let Some(told) = Told::start("") else { return };
    told.expect(2, &["plan"]);
    let done = told.expect(3, &["plan", "--ssh-config", "none"]);
    assert!(done.stdout.contains("node-1.test cannot be looked up"), "{}", done.stdout);
}

#[test]
fn a_name_of_its_own_is_looked_up_where_the_inventory_gives_one() {
    let Some(told) = Told::start("") else { return };
    let mut text = fs::read_to_string(told.cluster.inventory()).unwrap();
    for index in 1..=2 {
        let (address, way) = (format!("address: node-{index}.test\n"), "    transport: ssh\n    ssh: { ");
        let line = format!("{address}{way}");
        assert!(text.contains(&line), "{text}");
        text = text.replace(&line, &format!("address: 127.0.0.1\n{way}config_host: node-{index}.test, "));
    }
    fs::write(told.cluster.inventory(), text).unwrap();
    told.expect(2, &["plan"]);
}

#[test]
fn a_way_in_a_circle_is_refused_before_anything_connects() {
    let Some(told) = Told::start("") else { return };
    told.write("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\nHost node-*\n  ProxyJump a");
    let done = told.expect(65, &["plan"]);
    assert!(done.stderr.contains("[jump-loop]") && done.stderr.contains("is-1"), "{}", done.stderr);
    // OpenSSH itself refuses the shortest circle.
    told.write("Host *\n  ProxyJump gate");
    let done = told.expect(65, &["plan"]);
    assert!(done.stderr.contains("jumphost loop via gate"), "{}", done.stderr);
    told.nobody_came();
}

#[test]
fn what_ssh_refuses_is_told_in_its_words_with_file_and_line() {
    let Some(told) = Told::start("Host *\n  Prot 22") else { return };
    let done = told.expect(65, &["plan"]);
    assert!(done.stderr.contains("[ssh-config-refused]"), "{}", done.stderr);
    assert!(done.stderr.contains("ssh_config: line 2: Bad configuration option: prot"), "{}", done.stderr);
    told.write("Host node-2.test\n  BindInterface lo");
    let done = told.expect(65, &["plan"]);
    assert!(done.stderr.contains("is-2: bindinterface cannot be honoured"), "{}", done.stderr);
    told.expect(2, &["plan", "--limit", "is-1", "--step", "hostname"]);
    let done = told.expect(65, &["plan", "--ssh-config", "/no/such/file"]);
    assert!(done.stderr.contains("/no/such/file"), "{}", done.stderr);
}

#[test]
fn a_match_that_waits_for_ever_is_given_up_with_what_it_runs() {
    let Some(told) = Told::start("") else { return };
    let process = told.file("process");
    told.write(&format!(
        "Match originalhost node-2.test exec \"echo $$ > {}; sleep 1000; true\"\n  Port 1",
        process.display()
    ));
    let done = told.expect(65, &["plan"]);
    assert!(done.stderr.contains("[ssh-config-timeout]") && done.stderr.contains("is-2"), "{}", done.stderr);
    let number = fs::read_to_string(process).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while fs::exists(format!("/proc/{}", number.trim())).unwrap() {
        assert!(Instant::now() < end, "process {number} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
    told.nobody_came();
}

#[test]
fn host_keys_stay_checked_whatever_the_ssh_config_says() {
    let Some(told) = Told::start("Host *\n  StrictHostKeyChecking no\n  ForwardAgent yes") else { return };
    fs::write(told.cluster.servers[0].known_hosts(), "").unwrap();
    let done = told.expect(3, &["plan"]);
    assert_eq!(
        done.stderr.matches("StrictHostKeyChecking no of your ssh_config is not followed").count(),
        1,
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("no known_hosts file has the key"), "{}", done.stdout);
    let said = told.expect(0, &["validate", "--explain"]).stdout;
    assert!(said.contains("forwardagent") && said.contains("without effect: hactl never lends the agent"), "{said}");
}

#[test]
fn every_command_says_what_it_does_not_follow_of_the_ssh_config() {
    let Some(told) = Told::start("Host *\n  StrictHostKeyChecking no") else { return };
    let warning = "StrictHostKeyChecking no of your ssh_config is not followed";
    for (exit, words) in [
        (2, &["plan"][..]),
        (0, &["hosts", "ping"]),
        (0, &["hosts", "trust", "--no-input"]),
        (0, &["exec", "--", "true"]),
        (1, &["logs"]),
    ] {
        let said = told.expect(exit, words).stderr;
        assert_eq!(said.matches(warning).count(), 1, "hactl {words:?}: {said}");
        let quiet = told.expect(exit, &[&["--quiet"], words].concat()).stderr;
        assert!(!quiet.contains(warning), "hactl {words:?}: {quiet}");
    }
}

#[test]
fn the_jump_host_of_the_ssh_config_is_passed_with_the_inventory_s_passphrase_to_see_the_keys_behind_it() {
    let Some(gate) = Sshd::start(&[]) else { return };
    let key = gate.file("locked");
    keygen(&key, "ed25519", "open sesame");
    fs::copy(gate.file("locked.pub"), gate.file("authorized_keys")).unwrap();
    let hop = to(&gate).replace(gate.identity().to_str().unwrap(), key.to_str().unwrap());
    let user = me();
    let jump = format!(
        "Host gate\n{hop}  User {user}\n  IdentityAgent none\nMatch originalhost node-*.test\n  ProxyJump gate\n"
    );
    let Some(told) = Told::start(&jump) else { return };
    let mut text = fs::read_to_string(told.cluster.inventory()).unwrap();
    let ssh =
        format!("ssh: {{ user: {user}, identity: {}, passphrase: {{ env: HACTL_TEST_PASSPHRASE }} }}\n", key.display());
    text = text.replacen("product: {", &format!("{ssh}product: {{"), 1);
    fs::write(told.cluster.inventory(), text).unwrap();
    let trust = |passphrase: Option<&str>| {
        let mut command = told.cluster.command(&["hosts", "trust", "--no-input"]);
        command.env("HACTL_SSH_CONFIG", told.file("ssh_config")).env_remove("HACTL_TEST_PASSWORD");
        if let Some(passphrase) = passphrase {
            command.env("HACTL_TEST_PASSPHRASE", passphrase);
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
    };
    // The database's password is asked for by nobody: whoever only looks at keys need not have it.
    let (exit, said) = trust(Some("open sesame"));
    assert!(exit == 0 && said.contains("3 known"), "{exit}: {said}");
    assert_eq!(logins(&gate), 1, "{}", gate.log());
    let (exit, said) = trust(None);
    assert!(exit == 65 && said.contains("HACTL_TEST_PASSPHRASE is not set"), "{exit}: {said}");
    assert!(!said.contains("HACTL_TEST_PASSWORD"), "{said}");
    // Nobody is logged in to where no jump host is.
    told.write("");
    let (exit, said) = trust(None);
    assert!(exit == 0 && said.contains("2 known"), "{exit}: {said}");
}

#[test]
fn a_rollback_looks_its_hosts_up_once() {
    let Some(told) = Told::start("") else { return };
    let run = told.expect(0, &["apply", "--output", "json"]).stdout;
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let run = run["clusters"][0]["run"].as_str().unwrap();
    let lookups = told.file("lookups");
    told.write(&format!("Match originalhost node-?.test exec \"echo %n >> {}\"\n  User {}\n", lookups.display(), me()));
    told.expect(2, &["rollback", run, "--plan"]);
    let sorted = || {
        let text = fs::read_to_string(&lookups).unwrap();
        let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(), ["node-1.test", "node-2.test"]);
    fs::remove_file(&lookups).unwrap();
    told.expect(0, &["rollback", run, "--yes"]);
    assert_eq!(sorted(), ["node-1.test", "node-2.test"]);
    told.expect(2, &["plan"]);
}

#[test]
fn a_proxy_command_of_the_ssh_config_leads_through_a_gate() {
    let Some(gate) = Sshd::start(&[]) else { return };
    let Some(told) = Told::start("") else { return };
    let user = me();
    let hop = told.file("gate_config");
    fs::write(&hop, format!("Host gate\n{}  User {user}\n", to(&gate))).unwrap();
    told.write(&format!("Host node-*.test\n  ProxyCommand ssh -F {} -W %h:%p gate", hop.display()));
    told.expect(2, &["plan"]);
    assert_eq!(logins(&gate), 2, "{}", gate.log());
    told.write("Host node-*.test\n  ProxyCommand sh -c 'echo the gate is shut to %n >&2; exit 3'");
    let done = told.expect(3, &["plan"]);
    assert!(
        done.stdout.contains("ended with status 3") && done.stdout.contains("the gate is shut to node-1.test"),
        "{}",
        done.stdout
    );
}

#[test]
fn without_openssh_s_client_a_part_of_the_file_is_read_and_the_rest_refused() {
    let Some(told) = Told::start("") else { return };
    let nodes = fs::read_to_string(told.file("conf.d/10-nodes.conf")).unwrap();
    let without = |exit: i32| {
        let mut command = told.cluster.command(&["plan"]);
        let output =
            command.env("HACTL_SSH_CONFIG", told.file("ssh_config")).env("PATH", told.file("empty")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        said
    };
    let said = without(65);
    assert!(said.contains("[ssh-config-unsupported]") && said.contains("Match exec"), "{said}");
    fs::write(told.file("ssh_config"), format!("Match originalhost node-?.test\n  User {}\n{nodes}", me())).unwrap();
    without(2);
}

/// An agent with one key, on a socket that no environment names.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_agent_of_the_ssh_config_is_asked() {
    if find("ssh-agent").is_none() {
        return skip("there is no ssh-agent");
    }
    let Some(told) = Told::start("") else { return };
    let socket = told.file("agent.sock");
    let mut agent = Command::new("ssh-agent");
    agent.args(["-D", "-a"]).arg(&socket).stdin(Stdio::null()).stdout(Stdio::null());
    let _agent = Agent(agent.spawn().unwrap());
    wait_for_socket(&socket);
    for server in &told.cluster.servers {
        let key = server.identity().display().to_string();
        let done = Command::new("ssh-add").arg(&key).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null()).status();
        assert!(done.unwrap().success(), "{key}");
        // The file with the private key is gone; its public half names it to the agent.
        let away = output("mv", &[&key, &format!("{key}.away")]);
        assert!(away.is_empty());
    }
    told.expect(3, &["plan"]);
    told.write(&format!("Host node-*.test\n  IdentityAgent {}", socket.display()));
    told.expect(2, &["plan"]);
}
