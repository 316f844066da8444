//! `hactl exec` on two real servers: what comes out, what it costs, and what is left running.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::jump::behind;
use super::{Cluster, PASSWORD};
use crate::sshd::Sshd;

/// Waits until `what` holds; a test that waits for ever is a test that fails.
#[track_caller]
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come true within 60 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A file of one server, which a command has open as long as it runs.
struct Mark(PathBuf);

impl Mark {
    fn new(cluster: &Cluster, index: usize) -> Self {
        let file = cluster.servers[index].file("mark");
        fs::write(&file, "").unwrap();
        Self(file)
    }

    /// Shell that opens it.
    fn open(&self) -> String {
        format!("exec 9<{}", self.0.display())
    }

    /// Has any process of this machine it open?
    fn is_held(&self) -> bool {
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("fd/9"));
        all.filter_map(|open| fs::read_link(open).ok()).any(|open| open == self.0)
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// The most memory that a living process has had so far, in KiB.
fn most_memory(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn lines_of_all_hosts_come_with_their_names_and_the_statuses_are_told() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let done = cluster.expect(0, &["exec", "--", "echo out; echo err >&2"]);
    let mut lines: Vec<&str> = done.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["is-1  out", "is-2  out"]);
    assert!(done.stderr.contains("is-1  err\n") && done.stderr.ends_with("2 hosts: 2 ok\n"), "{}", done.stderr);
    let second = cluster.servers[1].folder().display().to_string();
    let done = cluster.expect(1, &["exec", "--", &format!("[ \"$HOME\" != {second} ] || exit 3")]);
    assert!(done.stderr.ends_with("2 hosts: 1 ok; 1 failed: is-2 status 3\n"), "{}", done.stderr);
    // Several words are a program and its arguments, whatever they hold; nothing is read.
    let done = cluster.expect(0, &["exec", "--limit", "is-1", "--", "printf", "%s|", "a b", "it's $HOME", "", "*"]);
    assert_eq!(done.stdout, "is-1  a b|it's $HOME||*|\n");
    assert_eq!(done.stderr, "", "one host that did what it should needs no words");
    assert_eq!(cluster.expect(0, &["exec", "-l", "is-1", "--", "cat"]).stdout, "");
    let done = cluster.expect(1, &["exec", "-l", "is-1", "--", "no-such-program", "x"]);
    assert!(done.stderr.contains("failed: is-1 status 127"), "{}", done.stderr);
    let done = cluster.expect(1, &["exec", "-l", "is-1", "--", "kill -KILL $$"]);
    assert!(done.stderr.contains("is-1 status 137") || done.stderr.contains("is-1 signal KILL"), "{}", done.stderr);
    cluster.expect(64, &["exec", "--limit", "is-9", "--", "true"]);
    cluster.expect(64, &["exec"]);
    let runs = cluster.expect(0, &["runs"]).stdout;
    assert!(runs.lines().any(|line| line.contains("  exec  ") && line.contains("exit 0")), "{runs}");
    let state = cluster.servers[0].file("state");
    assert!(!state.exists(), "nothing is written on the hosts");
}

#[test]
fn one_host_without_prefix_is_byte_for_byte_and_standard_input_goes_to_all() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let file = cluster.folder.path().join("bytes");
    fs::write(&file, &bytes).unwrap();
    let file = file.to_str().unwrap();
    let output =
        cluster.command(&["exec", "--no-prefix", "-l", "is-1", "--stdin", file, "--", "cat"]).output().unwrap();
    assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
    let done = cluster.expect(0, &["exec", "--stdin", file, "--output", "jsonl", "--", "sha256sum | cut -c1-64"]);
    let digest = hactl::model::Sha256::of(&bytes).to_string();
    assert_eq!(done.stdout.matches(&digest).count(), 2, "{}", done.stdout);
    let large = cluster.folder.path().join("large");
    fs::write(&large, vec![b'x'; (1 << 20) + 1]).unwrap();
    let done = cluster.expect(64, &["exec", "--stdin", large.to_str().unwrap(), "--", "cat"]);
    assert!(done.stderr.contains("larger than 1 MiB"), "{}", done.stderr);
}

#[test]
fn a_flood_and_a_trickle_interleave_and_memory_stays_bounded() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let Some(hop) = Sshd::start(&[]) else { return };
    let second = cluster.servers[1].folder().display().to_string();
    for through_hop in [false, true] {
        if through_hop {
            behind(&cluster, &[&hop], hop.port());
        }
        // is-1 floods; is-2 says something now and then, which has to get through.
        let both = format!(
            "if [ \"$HOME\" = {second} ]; then n=0; while [ $n -lt 40 ]; do n=$((n + 1)); echo tick $n; sleep 0.05; done; else exec yes flood; fi"
        );
        let words = ["exec", "--timeout", "600", "--", &both];
        let mut child = cluster.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut ticks, mut flood) = (String::new(), 0, 0u64);
        while ticks < 40 || flood < 100_000_000 {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0, "it ended after {ticks} ticks and {flood} bytes");
            match line.as_str() {
                "is-1  flood\n" => flood += 12,
                tick => {
                    ticks += 1;
                    assert_eq!(tick, format!("is-2  tick {ticks}\n"), "lines are never torn");
                }
            }
        }
        // Now nobody reads: it waits, and keeps no more than before.
        let before = most_memory(&child);
        std::thread::sleep(Duration::from_secs(3));
        let after = most_memory(&child);
        assert!(after < 60 * 1024, "{after} KiB, and {before} KiB while somebody read");
        eprintln!("most memory: {before} KiB while read, {after} KiB while stuck; through a hop: {through_hop}");
        // And goes on where it was; then the reader goes away, which ends it in order and on the hosts.
        line.clear();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with("is-"), "{line}");
        drop(reader);
        assert_eq!(child.wait().unwrap().code(), Some(1));
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("1 ended early: is-1"), "{said}");
        eventually("the end of the flood", || {
            !crate::sshd::output("ps", &["-e", "-o", "args="]).lines().any(|args| args == "yes flood")
        });
    }
}

#[test]
fn whatever_ends_hactl_ends_what_it_runs() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (one, two) = (Mark::new(&cluster, 0), Mark::new(&cluster, 1));
    let second = cluster.servers[1].folder().display().to_string();
    // Stubborn: it ignores the TERM.
    let line = format!(
        "if [ \"$HOME\" = {second} ]; then {}; else {}; fi; trap '' TERM; sleep 98765 & echo begun; while :; do sleep 1; done",
        two.open(),
        one.open()
    );
    for (name, exit) in [("-INT", Some(130)), ("-TERM", Some(143)), ("-KILL", None)] {
        let words = ["exec", "--timeout", "600", "--", &line];
        let mut child = cluster.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..2 {
            let mut begun = String::new();
            reader.read_line(&mut begun).unwrap();
            assert!(begun.ends_with("  begun\n"), "{begun}");
        }
        assert!(one.is_held() && two.is_held(), "the test looks in the right place");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), exit);
        eventually("the end of what was run", || !one.is_held() && !two.is_held());
        if exit.is_some() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(said.contains("interrupted: ending the commands"), "{said}");
            assert!(said.contains("2 ended early: is-1, is-2"), "{said}");
        }
    }
    // A deadline ends it there, too, and the other host's command is not touched.
    let late = format!("if [ \"$HOME\" = {second} ]; then {line}; fi; echo done");
    let done = cluster.expect(1, &["exec", "--timeout", "2", "--", &late]);
    assert!(done.stdout.contains("is-1  done\n"), "{}", done.stdout);
    assert!(done.stderr.contains("error: is-2: command: no end within 2.0 s"), "{}", done.stderr);
    assert!(done.stderr.contains("[deadline]") && done.stderr.contains("1 ok; 1 failed: is-2"), "{}", done.stderr);
    eventually("the end of what was late", || !two.is_held());
}

#[test]
fn a_child_that_holds_the_output_open_is_not_waited_for() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let mark = Mark::new(&cluster, 0);
    let line = format!("{}; sleep 87123 & echo begun", mark.open());
    let done = cluster.expect(0, &["exec", "-l", "is-1", "--timeout", "100", "--", &line]);
    assert_eq!(done.stdout, "is-1  begun\n");
    assert!(mark.is_held(), "a child that a command has left in good order lives on, as it does with ssh");
    crate::sshd::output("pkill", &["-KILL", "-f", "^sleep 87123$"]);
}

#[test]
fn partial_lines_long_lines_secrets_and_strange_bytes_come_out_whole_and_clean() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    // A question without a newline is seen while the host waits for the answer.
    let line = "printf 'Are you sure? '; while [ ! -e go ]; do sleep 0.02; done; echo yes";
    let line = format!("cd {}; {line}", cluster.servers[0].folder().display());
    let mut child = cluster
        .command(&["exec", "-l", "is-1", "--", &line])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    reader.read_line(&mut shown).unwrap();
    assert_eq!(shown, "is-1  Are you sure?  …\n");
    fs::write(cluster.servers[0].file("go"), "").unwrap();
    shown.clear();
    reader.read_line(&mut shown).unwrap();
    assert_eq!(shown, "is-1  yes\n");
    child.wait().unwrap();
    // A secret of the inventory, in two writes, and in base64.
    let secret = cluster.folder.path().join("secret");
    fs::write(&secret, PASSWORD).unwrap();
    let line = "cat > s; head -c 9 s; sleep 1.5; tail -c +10 s; echo; base64 < s; rm s; printf 'end\\377\\033[1m'";
    let line = format!("cd {}; {line}", cluster.servers[0].folder().display());
    let words = ["exec", "-l", "is-1", "--stdin", secret.to_str().unwrap(), "--", &line];
    let output = cluster.command(&words).output().unwrap();
    assert_eq!(output.stdout, b"is-1  [redacted]\nis-1  [redacted]\nis-1  end\xff\x1b[1m\n", "{output:?}");
    // A line of a megabyte comes in pieces.
    let line = "head -c 1000000 /dev/zero | tr '\\000' x";
    let done = cluster.expect(0, &["exec", "-l", "is-1", "--", line]);
    assert_eq!(done.stdout.matches('x').count(), 1_000_000);
    assert!(done.stdout.lines().all(|line| line.len() < 17_000), "no line is longer than its bound");
}

#[test]
fn a_host_that_is_not_reached_is_told_apart_and_programs_can_read_it() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    cluster.servers[1].signal("KILL");
    let done = cluster.expect(3, &["exec", "--", "echo here"]);
    assert_eq!(done.stdout, "is-1  here\n");
    assert!(done.stderr.contains("error: is-2: tcp: 127.0.0.1 port"), "{}", done.stderr);
    assert!(done.stderr.ends_with("2 hosts: 1 ok; 1 unknown: is-2\n"), "{}", done.stderr);
    let done = cluster.expect(1, &["exec", "--output", "json", "--", "echo here; echo err >&2; exit 7"]);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    let (one, two) = (&json["calls"][0], &json["calls"][1]);
    assert_eq!((&json["version"], &json["exit"]), (&1.into(), &1.into()));
    assert_eq!((&one["outcome"], &one["status"]), (&"failed".into(), &7.into()), "{json:#}");
    assert_eq!((&one["stdout"], &one["stderr"]), (&"here\n".into(), &"err\n".into()), "{json:#}");
    assert_eq!((&two["outcome"], &two["failure"]["code"]), (&"unknown".into(), &"connection-refused".into()));
    let done = cluster.expect(3, &["exec", "--output", "jsonl", "--", "echo here"]);
    let events: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let schema = serde_json::from_str(&cluster.expect(0, &["schema", "call"]).stdout).unwrap();
    for event in &events {
        assert_eq!(super::output::faults(event, &schema, &schema, "line"), Vec::<String>::new(), "{event:#}");
    }
    assert_eq!(
        (&events[events.len() - 1]["event"], &events[events.len() - 1]["result"]["exit"]),
        (&"result".into(), &3.into())
    );
    assert!(events.iter().any(|event| event["event"] == "line" && event["line"] == "here"), "{events:#?}");
    cluster.servers.truncate(1);
}

#[test]
fn ctrl_c_ends_it_also_while_nobody_reads() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let mark = Mark::new(&cluster, 0);
    let line = format!("{}; yes", mark.open());
    let words = ["exec", "-l", "is-1", "--timeout", "600", "--", &line];
    let mut child = cluster.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the flood", || mark.is_held());
    signal(&child, "-INT");
    // Standard output is still open, and full.
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("1 ended early: is-1"), "{said}");
    eventually("the end of the flood", || !mark.is_held());
}

#[test]
fn an_account_that_runs_nothing_is_told_as_such_and_not_as_the_commands_own_failure() {
    let nologin = ["ForceCommand printf 'This account is currently not available.\\n'; exit 1"];
    for (forced, code) in [
        (&nologin[0], "login-shell-refuses"),
        (&"ForceCommand internal-sftp", "sftp-only"),
        (&"ForceCommand echo only backups here", "forced-command"),
        (&"ForceCommand head -c 200", "forced-command"),
        (&"ForceCommand exit 7", "no-answer"),
    ] {
        let Some(cluster) = Cluster::start(&[forced]) else { return };
        for words in [&["exec", "--", "id"][..], &["logs"], &["logs", "-f"], &["hosts", "ping"], &["plan"]] {
            let done = cluster.expect(3, words);
            let all = format!("{}{}", done.stdout, done.stderr);
            assert_eq!(all.matches(&format!("[{code}]")).count(), 2, "{forced}: {words:?}: {all}");
            // Nothing that was printed there passes for a line of the command or of the log.
            let passes =
                |line: &str| line.starts_with("is-1  ") && !line.starts_with("is-1  … ") && line.contains("available");
            assert!(!all.lines().any(passes), "{forced}: {words:?}: {all}");
        }
    }
}

#[test]
fn what_a_login_shell_says_is_nobody_s_output() {
    let Some(cluster) =
        Cluster::start(&["ForceCommand echo welcome; echo beware >&2; exec sh -c \"$SSH_ORIGINAL_COMMAND\""])
    else {
        return;
    };
    let done = cluster.expect(0, &["exec", "--", "echo out; echo err >&2"]);
    let mut out: Vec<&str> = done.stdout.lines().collect();
    out.sort_unstable();
    assert_eq!(out, ["is-1  out", "is-2  out"]);
    let said: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with("is-")).collect();
    assert_eq!(said.len(), 2, "{}", done.stderr);
    assert!(said.iter().all(|line| line.ends_with("  err")), "{said:?}");
}
