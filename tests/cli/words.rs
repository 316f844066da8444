//! What is typed: commands, flags, help.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::{Desk, INVENTORY};

#[test]
fn the_commands_are_the_ones_of_the_interface() {
    let help = Desk::new(INVENTORY).expect(0, &["-h"]).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        commands,
        [
            "init",
            "validate",
            "schema",
            "hosts",
            "preflight",
            "plan",
            "apply",
            "status",
            "runs",
            "rollback",
            "lock",
            "exec",
            "logs",
            "lab",
            "explain",
            "completion",
            "man",
            "version",
            "help"
        ]
    );
    assert!(help.contains("Exit codes: 0 in place or done, 1 failed, 2 differs"), "{help}");
}

#[test]
fn wrong_usage_ends_with_64_and_says_what_is_right() {
    let desk = Desk::new(INVENTORY);
    let run = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let wrong: &[(&[&str], &str)] = &[
        (&[], "Usage: hactl"),
        (&["plna"], "'plan'"),
        (&["plan", "--bogus"], "--bogus"),
        (&["apply", "--concurrency", "0"], "1..=2000"),
        (&["apply", "--batch", "0"], "such as 25%"),
        (&["apply", "--resume", "nonsense"], "26 letters and digits"),
        (&["apply", "--resume", run], "no such run on this machine"),
        (&["apply", "--resume", run, "other.yaml"], "cannot be used with"),
        (&["rollback", run], "no such run on this machine"),
        (&["runs", run], "no such run on this machine"),
        (&["lock", "release"], "--run <RUN>"),
        (&["exec"], "<COMMAND>..."),
        (&["exec", "uptime", "now"], "'now'"),
        (&["logs", "--since", "1h", "-f"], "cannot be used with"),
        (&["logs", "--since", "soon"], "`2h 30m`"),
        (&["hosts"], "trust"),
        (&["hosts", "trust", "--print", "--yes"], "cannot be used with"),
        (&["hosts", "trust", "--print", "--output", "json"], "goes without --output"),
        (&["hosts", "trust", "--limit", "is-3"], "no host or group of iam has this name"),
        (&["plan", "--limit", "is-3"], "no host or group of iam has this name"),
        (&["plan", "--limit", ""], "--limit \"\": no host"),
        (&["plan", "--limit", "!is-1,!is-2"], "leaves no host of iam"),
        (&["plan", "--step", "datasource"], "did you mean `datasources`?"),
        (&["plan", "--step", "hostname", "--skip-step", "hostname"], "leaves no step"),
        (&["plan", "--cluster", "iam2"], "it has: iam"),
        (&["validate", "--cluster", "iam2"], "it has: iam"),
        (&["explain", "host-key-change"], "did you mean host-key-changed"),
        (&["init", "a@b@c"], "ops@192.168.2.1:2222"),
        (&["init", "192.0.2.1", "192.0.2.1"], "is also the address of `is-1`"),
        (&["init", "192.0.2.1", "0.0.0.0"], "`0.0.0.0` is not the address of one host"),
        (&["init", "--cluster", "a b"], "write a short name"),
    ];
    for (words, says) in wrong {
        let done = desk.expect(64, words);
        assert!(done.stderr.contains(says), "{words:?}:\n{}", done.stderr);
        // Programs that asked for it read there what is wrong; see `refusals`.
        let for_programs = words.contains(&"--output");
        assert_eq!(done.stdout.is_empty(), !for_programs, "{words:?}: what is wrong goes to standard error");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is_one() {
    let desk = Desk::new(INVENTORY);
    for words in [&["completion", "bash"][..], &["man"], &["schema"], &["explain"], &["validate"]] {
        let mut reader = desk.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(reader.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty() && reader.wait().unwrap().success(), "hactl {words:?} | head -1");
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let done = desk.command(words).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "hactl {words:?} > /dev/full: {said}");
        assert!(said.contains("standard output: No space left on device"), "{said}");
    }
}
