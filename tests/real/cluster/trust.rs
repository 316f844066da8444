//! `hactl hosts trust`: what is unknown is shown, asked for once and recorded; what is known otherwise is left alone.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::jump::behind;
use super::{Cluster, Done};
use crate::sshd::{Sshd, find, keygen, me, output, skip};

fn fingerprint(server: &Sshd, file: &str) -> String {
    let line = output("ssh-keygen", &["-lf", server.file(file).to_str().unwrap()]);
    line.split(' ').nth(1).unwrap().to_owned()
}

fn line(server: &Sshd, file: &str) -> String {
    let key = fs::read_to_string(server.file(file)).unwrap();
    let mut words = key.split(' ');
    format!("[127.0.0.1]:{} {} {}\n", server.port(), words.next().unwrap(), words.next().unwrap())
}

/// The known_hosts file of a test; nothing is in it.
fn empty(cluster: &Cluster) -> PathBuf {
    cluster.folder.path().join(".ssh/known_hosts")
}

/// Runs `hactl hosts trust` with a file of its own.
#[track_caller]
fn trust(cluster: &Cluster, exit: i32, words: &[&str]) -> Done {
    let file = empty(cluster);
    cluster.expect(exit, &[&["hosts", "trust", "--known-hosts", file.to_str().unwrap()], words].concat())
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_is_unknown_is_shown_printed_and_recorded_and_then_it_is_known() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = empty(&cluster);
    let shown = trust(&cluster, 2, &["--no-input"]).stdout;
    for server in &cluster.servers {
        assert!(shown.contains(&fingerprint(server, "host_ed25519.pub")), "{shown}");
        assert!(shown.contains(&format!("127.0.0.1:{}", server.port())), "{shown}");
    }
    for text in ["is-1", "is-2", "ssh-ed25519", "2 unknown", "ssh-keygen -lf", "--yes"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    assert!(!file.exists(), "nothing was recorded");
    let lines: String = cluster.servers.iter().map(|server| line(server, "host_ed25519.pub")).collect();
    assert_eq!(trust(&cluster, 0, &["--print"]).stdout, lines);
    assert_eq!(
        trust(&cluster, 0, &["--print", "--limit", "is-2"]).stdout,
        line(&cluster.servers[1], "host_ed25519.pub")
    );
    assert!(!file.exists(), "nothing was recorded");

    let done = trust(&cluster, 0, &["--yes"]);
    assert!(done.stdout.ends_with(&format!("2 keys recorded in {}\n", file.display())), "{}", done.stdout);
    assert_eq!(fs::read_to_string(&file).unwrap(), lines);
    assert_eq!(trust(&cluster, 0, &["--no-input"]).stdout, "2 known\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), lines);
    cluster.expect(2, &["plan", "--known-hosts", file.to_str().unwrap()]);
    for server in &cluster.servers {
        assert_eq!(ssh(server, &file, &["-o", "StrictHostKeyChecking=yes"], "echo in"), "in\n", "OpenSSH reads it too");
        assert_eq!(server.log().matches("Accepted publickey").count(), 2, "only plan and ssh have logged in");
    }
}

fn ssh(server: &Sshd, file: &Path, options: &[&str], command: &str) -> String {
    let (port, user, identity) = (server.port().to_string(), me(), server.identity());
    let known = format!("UserKnownHostsFile={}", file.display());
    let mut words = vec!["-F", "none", "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=/dev/null", "-o", &known];
    words.extend(["-o", "UpdateHostKeys=no", "-i", identity.to_str().unwrap(), "-p", &port, "-l", &user]);
    words.extend(options);
    words.extend(["127.0.0.1", command]);
    output("ssh", &words)
}

#[test]
fn a_changed_key_is_never_written_over_and_says_what_to_compare() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = empty(&cluster);
    let server = &cluster.servers[0];
    keygen(&server.file("other"), "ed25519", "");
    let before = format!("# mine\n{}", line(server, "other.pub"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, before.trim_end()).unwrap();
    let said = trust(&cluster, 1, &["--yes"]).stdout;
    for text in [
        fingerprint(server, "host_ed25519.pub"),
        fingerprint(server, "other.pub"),
        format!("{}:2", file.display()),
        "[host-key-changed]".to_owned(),
        "ssh-keygen -lf".to_owned(),
        "remove line 2 of".to_owned(),
        format!("-R '[127.0.0.1]:{}'", server.port()),
    ] {
        assert!(said.contains(&text), "{text} in {said}");
    }
    let other = line(&cluster.servers[1], "host_ed25519.pub");
    assert_eq!(fs::read_to_string(&file).unwrap(), before.clone() + &other, "the other host's key is recorded");
    trust(&cluster, 1, &["--yes"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), before + &other);
    let removed = fs::read_to_string(&file).unwrap().replace(&line(server, "other.pub"), "");
    fs::write(&file, removed).unwrap();
    trust(&cluster, 0, &["--yes"]);
}

#[test]
fn a_revoked_key_and_a_host_that_is_down_are_told_and_the_others_recorded() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = empty(&cluster);
    let key = fs::read_to_string(cluster.servers[0].file("host_ed25519.pub")).unwrap();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("@revoked * {key}")).unwrap();
    let said = trust(&cluster, 1, &["--yes"]).stdout;
    assert!(said.contains("[host-key-revoked]") && said.contains("1 key recorded"), "{said}");

    fs::remove_file(&file).unwrap();
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    let port = format!("port: {}", cluster.servers[0].port());
    fs::write(cluster.inventory(), text.replace(&port, "port: 1")).unwrap();
    let said = trust(&cluster, 3, &["--yes"]).stdout;
    assert!(said.contains("is-1: tcp: 127.0.0.1 port 1 refuses connections"), "{said}");
    assert!(said.contains("1 key recorded") && said.contains("1 not seen"), "{said}");
    let json = trust(&cluster, 3, &["--output", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let states: Vec<&str> = json["keys"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!((states, &json["exit"]), (vec!["unreachable", "known"], &3.into()), "{json:#}");
    assert_eq!(json["keys"][0]["failure"]["code"], "connection-refused");
    let print = fingerprint(&cluster.servers[1], "host_ed25519.pub");
    assert_eq!(json["keys"][1]["fingerprint"], print);
    let lines = trust(&cluster, 3, &["--output", "jsonl"]).stdout;
    let events: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 3, "{lines}");
    assert_eq!((&events[1]["event"], &events[1]["hosts"][0]), (&"host_key".into(), &"is-2".into()), "{lines}");
    assert_eq!((&events[2]["event"], &events[2]["result"]), (&"result".into(), &json), "{lines}");
}

#[test]
fn behind_unknown_jump_hosts_it_goes_in_rounds_and_an_untrusted_one_is_not_logged_in_to() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (Some(outer), Some(inner)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    behind(&cluster, &[&outer, &inner], outer.port());
    let file = empty(&cluster);
    let said = trust(&cluster, 3, &["--no-input"]).stdout;
    assert!(said.contains(&fingerprint(&outer, "host_ed25519.pub")), "{said}");
    assert!(!said.contains(&fingerprint(&inner, "host_ed25519.pub")), "{said}");
    assert!(said.contains("not seen: hop-2, is-1, is-2: behind jump host hop-1, whose key must be"), "{said}");
    assert_eq!(trust(&cluster, 3, &["--print"]).stdout, line(&outer, "host_ed25519.pub"));
    assert_eq!(outer.log().matches("Accepted").count(), 0, "{}", outer.log());
    trust(&cluster, 0, &["--yes"]);
    let all: String =
        [&outer, &inner, &cluster.servers[0], &cluster.servers[1]].map(|one| line(one, "host_ed25519.pub")).concat();
    assert_eq!(fs::read_to_string(&file).unwrap(), all, "from the outermost inwards");
    assert_eq!(trust(&cluster, 0, &["--yes"]).stdout, "4 known\n");
    cluster.expect(2, &["plan", "--known-hosts", file.to_str().unwrap()]);

    // A jump host that shows another key hides what is behind it, and nobody logs in there.
    keygen(&outer.file("other"), "ed25519", "");
    fs::write(&file, line(&outer, "other.pub")).unwrap();
    let before = outer.log().matches("Accepted").count();
    let said = trust(&cluster, 1, &["--yes"]).stdout;
    assert_eq!(said.matches("[host-key-changed]").count(), 1, "{said}");
    assert!(said.ends_with("behind jump host hop-1, as above\n1 refused, 3 not seen\n"), "{said}");
    assert_eq!(outer.log().matches("Accepted").count(), before);
}

#[test]
fn it_asks_once_a_round_and_records_nothing_without_a_yes() {
    if find("script").is_none() {
        return skip("there is no script(1), which makes a terminal");
    }
    let Some(cluster) = Cluster::start(&[]) else { return };
    let Some(hop) = Sshd::start(&[]) else { return };
    behind(&cluster, &[&hop], hop.port());
    let file = empty(&cluster);
    let (exit, said) = at_a_terminal(&cluster, "no\n");
    assert_eq!(exit, 3, "{said}");
    assert!(said.contains("Trust this key and record it in ") && said.contains("Type yes"), "{said}");
    assert!(!file.exists(), "{said}");
    let (exit, said) = at_a_terminal(&cluster, "yes\nyes\n");
    assert_eq!(exit, 0, "{said}");
    assert_eq!(said.matches("Type yes").count(), 2, "the jump host, then all behind it: {said}");
    assert!(said.contains("Trust these 2 keys and record them in "), "{said}");
    assert!(said.contains("3 keys recorded in "), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 3);
}

/// Runs `hactl hosts trust` at a terminal, where somebody types.
fn at_a_terminal(cluster: &Cluster, typed: &str) -> (i32, String) {
    let hactl = cluster.command(&[]);
    let line = format!("'{}' hosts trust --known-hosts '{}'", env!("CARGO_BIN_EXE_hactl"), empty(cluster).display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(cluster.folder.path()).env("NO_COLOR", "1");
    for (name, value) in hactl.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Kept open: the end of the input would be typed too.
    let mut input = child.stdin.take().unwrap();
    input.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn several_at_once_beside_ssh_lose_no_line_and_double_none() {
    let Some(cluster) = Cluster::start(&["MaxStartups 100"]) else { return };
    let file = empty(&cluster);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "# no final newline").unwrap();
    let path = file.to_str().unwrap();
    let mut children: Vec<_> = (0..6)
        .map(|number| {
            let limit = ["is-1", "is-2", "is-*"][number % 3];
            let words = ["hosts", "trust", "--known-hosts", path, "--yes", "--limit", limit];
            cluster.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (cluster, file) = (&cluster, &file);
            scope.spawn(move || {
                let alias = format!("HostKeyAlias=other-{number}");
                let options = ["-o", "StrictHostKeyChecking=accept-new", "-o", &alias, "-o", "LogLevel=ERROR"];
                ssh(&cluster.servers[0], file, &options, "true");
            });
        }
    });
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = sorted(&text).into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("other-")).count(), 4, "{text}");
    for server in &cluster.servers {
        let wanted = line(server, "host_ed25519.pub");
        assert_eq!(lines.iter().filter(|line| **line == wanted.trim_end()).count(), 1, "{text}");
    }
}

#[test]
fn a_pinned_host_needs_no_line_and_a_wrong_pin_is_refused() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let pin = |index: usize, print: &str| {
        let text = fs::read_to_string(cluster.inventory()).unwrap();
        let port = format!("port: {},", cluster.servers[index].port());
        fs::write(cluster.inventory(), text.replace(&port, &format!("{port} host_keys: [\"{print}\"],"))).unwrap();
    };
    // Of a kind that is not asked for first.
    let ecdsa = fingerprint(&cluster.servers[0], "host_ecdsa.pub");
    pin(0, &ecdsa);
    let said = trust(&cluster, 0, &["--yes"]).stdout;
    assert!(said.contains("1 key recorded") && said.ends_with("1 known\n"), "{said}");
    let file = empty(&cluster);
    assert_eq!(fs::read_to_string(&file).unwrap(), line(&cluster.servers[1], "host_ed25519.pub"));
    cluster.expect(2, &["plan", "--known-hosts", file.to_str().unwrap()]);
    pin(1, &ecdsa);
    let said = trust(&cluster, 1, &["--yes"]).stdout;
    for text in [&ecdsa, &fingerprint(&cluster.servers[1], "host_ed25519.pub"), "[host-key-not-pinned]"] {
        assert!(said.contains(text), "{text} in {said}");
    }
    cluster.expect(3, &["plan", "--known-hosts", file.to_str().unwrap()]);
}

#[test]
fn many_unknown_hosts_are_one_hint() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = empty(&cluster);
    for command in ["plan", "preflight"] {
        let said = cluster.expect(3, &[command, "--known-hosts", file.to_str().unwrap()]).stdout;
        assert_eq!(said.matches("[host-key-unknown]").count(), 2, "{said}");
        assert_eq!(said.matches("hactl hosts trust").count(), 1, "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_the_keys_stay_unknown() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = cluster.folder.path().join("inventory.yaml/known_hosts");
    let done = cluster.hactl(&["hosts", "trust", "--yes", "--known-hosts", file.to_str().unwrap()]);
    // What lies below a file is no folder: neither read nor written.
    assert!([1, 3].contains(&done.exit), "{done:?}");
    assert!(done.stdout.contains("[known-hosts-un"), "{done:?}");
    for (device, code) in [("/dev/null", "[known-hosts-unwritable]"), ("/dev/zero", "[known-hosts-unreadable]")] {
        let done = cluster.hactl(&["hosts", "trust", "--yes", "--known-hosts", device]);
        assert!([1, 3].contains(&done.exit) && done.stdout.contains(code), "{device}: {done:?}");
    }
}

#[test]
fn a_disk_that_takes_a_part_of_it_leaves_the_file_as_it_was() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = empty(&cluster);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let before = format!("# {}\n", "x".repeat(450));
    fs::write(&file, &before).unwrap();
    let hactl = cluster.command(&["hosts", "trust", "--yes", "--known-hosts", file.to_str().unwrap()]);
    // No file may grow beyond 512 bytes: the lines begin below that and end above it.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]).arg(hactl.get_program());
    limited.args(hactl.get_args()).current_dir(cluster.folder.path()).stdin(Stdio::null());
    for (name, value) in hactl.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let done = limited.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(said.contains("[known-hosts-unwritable]") && said.contains("2 unknown"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}
