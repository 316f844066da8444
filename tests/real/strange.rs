//! Servers that no real sshd is: each has its own clear error in the end, or a full answer, and the others beside it
//! are reported as if it were not there.
//!
//! With `HACTL_TEST_TRANSPORT=openssh` all of them are reached by the user's own `ssh`, and mostly the same is said of them.
//! Where `ssh` keeps to itself what hactl would have to know, a case names what is said instead, and why (`but`).

mod accounts;
mod cases;
mod names;
mod network;
mod packets;
mod server;

use std::fs;
use std::path::PathBuf;

use cases::{Case, Expected, Instead};
use russh::keys::PrivateKey;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::sshd::{by_openssh, find, keygen, skip};

/// How much memory a run may need at most, in kilobytes: two answers that are cut at 16 MiB are in it.
const MEMORY: u64 = 220_000;

/// A host beside the sound ones.
pub(crate) struct Host {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// Who logs in, where that is not whoever runs the tests.
    pub(crate) user: Option<String>,
    pub(crate) identity: PathBuf,
    pub(crate) known_hosts: PathBuf,
    pub(crate) patience: u16,
    pub(crate) home: PathBuf,
    pub(crate) expected: Expected,
    pub(crate) openssh: Option<Instead>,
}

impl Host {
    /// What must be known of it in the end, over the transport of these tests; and why, where that is special.
    fn expected(&self) -> (Expected, &'static str) {
        match self.openssh.filter(|_| by_openssh()) {
            Some(Instead(why, expected)) => (expected, why),
            None => (self.expected, "as over any transport"),
        }
    }
}

/// A cluster of two sound hosts and these.
fn beside(hosts: &[Host]) -> Option<Cluster> {
    let cluster = Cluster::start(&[])?;
    let mut text = String::new();
    let transport = if by_openssh() { "openssh" } else { "ssh" };
    for (index, host) in hosts.iter().enumerate() {
        let user = host.user.as_ref().map(|user| format!("user: {user}, ")).unwrap_or_default();
        let home = host.home.display();
        text.push_str(&format!(
            "  {}:\n    address: 127.0.0.1\n    transport: {transport}\n    ssh: {{ {user}port: {}, identity: {}, known_hosts: {}, connect_timeout: {}, \
             state_folder: {home}/state }}\n    product: {{ home: {home} }}\n    member_address: 10.0.1.{}\n",
            host.name,
            host.port,
            host.identity.display(),
            host.known_hosts.display(),
            host.patience,
            index + 1
        ));
    }
    let inventory = fs::read_to_string(cluster.inventory()).unwrap();
    fs::write(cluster.inventory(), inventory.replacen("databases:\n", &format!("{text}databases:\n"), 1)).unwrap();
    Some(cluster)
}

/// Starts a strange server for each case, and looks at all of them at once.
fn look(cases: &[Case], commands: &[&str]) {
    if find("sshd").is_none() {
        return skip("there is no sshd");
    }
    let folder = tempfile::Builder::new().prefix("hactl-strange").tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    keygen(&file("host"), "ed25519", "");
    keygen(&file("id_ed25519"), "ed25519", "");
    let key = PrivateKey::from_openssh(fs::read_to_string(file("host")).unwrap()).unwrap();
    let (mut known, mut hosts) = (String::new(), Vec::new());
    for case in cases {
        let port = server::serve(&key, case.serve);
        known.push_str(&format!("[127.0.0.1]:{port} {}\n", key.public_key().to_openssh().unwrap()));
        Cluster::lay_down(&file(case.name));
        hosts.push(Host {
            name: case.name,
            port,
            user: None,
            identity: file("id_ed25519"),
            known_hosts: file("known_hosts"),
            patience: case.patience,
            home: file(case.name),
            expected: case.expected,
            openssh: case.openssh,
        });
    }
    fs::write(file("known_hosts"), known).unwrap();
    for command in commands {
        look_at(&hosts, command);
    }
}

/// Looks at these and two sound hosts, all at once, and compares what is said of each with what is expected.
fn look_at(hosts: &[Host], command: &str) {
    let Some(cluster) = beside(hosts) else { return };
    let done = measured(&cluster, &[command, "--output", "json", "--timeout", "15", "-c", "200"]);
    let report = &done.report["clusters"][0];
    // The rules find fault with hosts that have no product, and say so of each.
    let looked = |host: &Value, outcome: &str| {
        let findings = host["findings"].as_array().is_some_and(|findings| !findings.is_empty());
        outcome != "unknown" && (host["looked_at"].as_u64() > Some(0) || findings)
    };
    let mut wrong = Vec::new();
    for host in report["hosts"].as_array().unwrap() {
        let name = host["host"].as_str().unwrap();
        let outcome = host["outcome"].as_str().unwrap();
        let Some(case) = hosts.iter().find(|host| host.name == name) else {
            assert!(looked(host, outcome), "{name} is sound: {host:#}");
            continue;
        };
        let failure = if host["failures"][0].is_null() { host } else { &host["failures"][0] };
        let text = |key: &str| failure[key].as_str().unwrap_or_default();
        let (expected, why) = case.expected();
        let told = match expected {
            Expected::Looked => looked(host, outcome),
            Expected::Failed(code, phrase) => {
                outcome == "failed" && text("code") == code && text("cause").contains(phrase)
            }
            Expected::Unknown(rung, code, phrase) => {
                let cause = text("cause");
                let prefix = if rung.is_empty() { String::new() } else { format!("{rung}: ") };
                outcome == "unknown"
                    && text("code").starts_with(code)
                    && cause.starts_with(&prefix)
                    && cause.contains(phrase)
                    && !text("hint").is_empty()
                    && cause.len() < 2000
                    && !cause.contains('\x1b')
            }
        };
        if !told {
            wrong.push(format!(
                "{name}: expected {expected:?} ({why})\n    {outcome} {} {}",
                text("code"),
                text("cause")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), done.stderr);
    assert_eq!(report["hosts"].as_array().unwrap().len(), hosts.len() + 2, "every host is reported");
    let failed = hosts.iter().any(|host| matches!(host.expected().0, Expected::Failed(..)));
    let unknown = hosts.iter().any(|host| matches!(host.expected().0, Expected::Unknown(..)));
    let exit = match (command, failed, unknown) {
        ("preflight", ..) => 5,
        (_, true, _) => 1,
        (_, _, true) => 3,
        _ => 2,
    };
    assert_eq!(done.exit, exit, "{}", done.stderr);
    assert!(done.memory < MEMORY, "{} kB were needed", done.memory);
}

struct Measured {
    exit: i32,
    report: Value,
    stderr: String,
    memory: u64,
}

/// Runs hactl, and watches how much memory it needs.
fn measured(cluster: &Cluster, words: &[&str]) -> Measured {
    let out = cluster.folder.path().join("out");
    let err = cluster.folder.path().join("err");
    let mut child = cluster
        .command(words)
        .stdout(fs::File::create(&out).unwrap())
        .stderr(fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let mut memory = 0;
    let status = loop {
        // The peak that the kernel keeps goes with the process, so it is read again and again.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let stderr = fs::read_to_string(err).unwrap();
    let text = fs::read_to_string(out).unwrap();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{stderr}"));
    if memory == 0 {
        skip("there is no /proc to read the memory from");
    }
    Measured { exit: status.code().unwrap_or(-1), report, stderr, memory }
}

#[test]
fn a_server_that_falls_silent_costs_its_deadline() {
    look(&cases::silent::cases(), &["plan"]);
}

#[test]
fn a_server_that_goes_away_is_told_with_its_last_words() {
    look(&cases::gone::cases(), &["plan", "status", "preflight"]);
}

#[test]
fn what_is_no_ssh_is_named_as_that() {
    look(&cases::garbage::cases(), &["plan"]);
}

#[test]
fn a_server_that_sends_without_end_is_cut_off() {
    look(&cases::floods::cases(), &["plan"]);
}

#[test]
fn a_server_that_keeps_to_the_letter_is_heard_and_no_answer_is_made_up() {
    look(&cases::odd::cases(), &["plan"]);
}
