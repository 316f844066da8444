//! `hactl logs` on two real servers: merged by time, followed through rotations, and nothing left running.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::Cluster;
use super::exec::eventually;
use super::jump::behind;
use crate::account::Account;
use crate::sshd::{Sshd, find, me, output, skip};

fn log(cluster: &Cluster, index: usize, name: &str) -> PathBuf {
    let folder = cluster.home(index).join("repository/logs");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn append(file: &PathBuf, text: &str) {
    fs::OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Does any process have a log of this cluster open?
fn is_followed(cluster: &Cluster) -> bool {
    let homes: Vec<PathBuf> = (0..2).map(|index| cluster.home(index)).collect();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let files = processes.flat_map(|process| fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten());
    files.flat_map(|file| fs::read_link(file.path())).any(|file| homes.iter().any(|home| file.starts_with(home)))
}

/// hactl, which follows until it is ended: also where a test fails.
struct Following(Child);

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl std::ops::Deref for Following {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Following {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

/// hactl, following, with its lines as they come.
fn follow(cluster: &Cluster, words: &[&str]) -> (Following, Receiver<String>) {
    let (child, lines, _) = follow_both(cluster, words);
    (child, lines)
}

/// The same with the lines of standard error.
fn follow_both(cluster: &Cluster, words: &[&str]) -> (Following, Receiver<String>, Receiver<String>) {
    let words = [&["logs", "-f"], words].concat();
    let mut child = cluster.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (lines_of(child.stdout.take().unwrap()), lines_of(child.stderr.take().unwrap()));
    (Following(child), out, err)
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    let reader = BufReader::new(stream);
    std::thread::spawn(move || reader.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    lines
}

#[track_caller]
fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|error| panic!("no line within a minute: {error}"))
}

/// Writes on until the line is seen: only what is written after the end of a rotation is sure to be in the new file.
#[track_caller]
fn comes(lines: &Receiver<String>, file: &PathBuf, text: &str, shown: &str) {
    append(file, &format!("{text}\n"));
    assert_eq!(next(lines), shown);
}

#[test]
fn logs_of_all_nodes_are_merged_by_time_with_their_stack_traces() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let at = |seconds: u32| format!("TID: [-1234] [] [2026-11-21 12:00:{seconds:02},000]");
    append(
        &log(&cluster, 0, "wso2carbon.log"),
        &format!("{}  INFO one\n{} ERROR three\njava.lang.Error\n\tat three\n{}  INFO five\n", at(1), at(3), at(5)),
    );
    append(&log(&cluster, 1, "wso2carbon.log"), &format!("{}  INFO two\n{}  INFO four without end", at(2), at(4)));
    let done = cluster.expect(0, &["logs"]);
    let said: Vec<String> =
        done.stdout.lines().map(|line| line.replace("TID: [-1234] [] [2026-11-21 ", "").replace(",000]", "")).collect();
    let wanted = [
        "is-1  12:00:01  INFO one",
        "is-2  12:00:02  INFO two",
        "is-1  12:00:03 ERROR three",
        "is-1  java.lang.Error",
        "is-1  \tat three",
        "is-2  12:00:04  INFO four without end",
        "is-1  12:00:05  INFO five",
    ];
    assert_eq!(said, wanted);
    assert_eq!(
        cluster.expect(0, &["logs", "-n", "1", "--limit", "is-1"]).stdout,
        format!("is-1  {}  INFO five\n", at(5))
    );
    assert_eq!(cluster.expect(0, &["logs", "--since", "1h", "--limit", "is-1"]).stdout, "", "they are older");
    let now = output("date", &["+[%Y-%m-%d %H:%M:%S,000] INFO now"]);
    append(&log(&cluster, 0, "wso2carbon.log"), &now);
    assert_eq!(cluster.expect(0, &["logs", "--since", "1h", "--limit", "is-1"]).stdout, format!("is-1  {now}"));
    // Other logs by their names, the newest of a pattern, and any path.
    append(&log(&cluster, 0, "http_access_.2026-11-20.log"), "old\n");
    output("touch", &["-d", "2026-11-20", log(&cluster, 0, "http_access_.2026-11-20.log").to_str().unwrap()]);
    append(
        &log(&cluster, 0, "http_access_.2026-11-21.log"),
        "10.0.0.1 - - [21/Nov/2026:12:00:02 +0000] \"GET / HTTP/1.1\"\n",
    );
    append(&log(&cluster, 0, "audit.log"), &format!("{} audited\n", at(1)));
    let done =
        cluster.expect(0, &["logs", "-l", "is-1", "--file", "access,audit,repository/conf/deployment.toml", "-n", "1"]);
    assert!(done.stdout.contains("is-1 audit                            "), "{}", done.stdout);
    assert!(done.stdout.contains("audited\n") && done.stdout.contains("GET / HTTP") && !done.stdout.contains("old"));
    assert!(done.stdout.contains("hash= \"0123456789abcdef\""), "{}", done.stdout);
    let json = cluster.expect(0, &["logs", "-l", "is-1", "-n", "1", "--output", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["calls"][0]["stdout"], now, "{json:#}");
    assert_eq!(json["calls"][0]["file"], "carbon");
    // What is not there is said.
    let done = cluster.expect(1, &["logs", "--file", "audit"]);
    assert!(
        done.stderr.contains("is-2  there is no ") && done.stderr.contains("failed: is-2 status 1"),
        "{}",
        done.stderr
    );
    let done = cluster.expect(64, &["logs", "--file", "adit"]);
    assert!(done.stderr.contains("it has carbon, audit, access"), "{}", done.stderr);
    cluster.expect(64, &["logs", "--since", "yesterday"]);
}

#[test]
fn a_followed_log_is_followed_through_rotations_also_behind_a_jump_host() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let Some(hop) = Sshd::start(&[]) else { return };
    behind(&cluster, &[&hop], hop.port());
    rotations(&cluster);
}

#[test]
fn a_followed_log_is_followed_through_rotations_with_busybox_alone() {
    if find("busybox").is_none() {
        skip("there is no busybox");
        return;
    }
    let Some(cluster) = Cluster::start(&["SetEnv HOME=FOLDER PATH=FOLDER/busybox"]) else { return };
    for server in &cluster.servers {
        fs::create_dir_all(server.file("busybox")).unwrap();
        output("busybox", &["--install", "-s", server.file("busybox").to_str().unwrap()]);
    }
    let done = cluster.expect(0, &["exec", "-l", "is-1", "--", "for one in tail ls sh; do command -v $one; done"]);
    assert_eq!(done.stdout.matches("/busybox/").count(), 3, "{}", done.stdout);
    rotations(&cluster);
}

/// Waits for a line of standard error that holds all these words.
#[track_caller]
fn hears(said: &Receiver<String>, words: &[&str]) -> String {
    let mut heard = Vec::new();
    loop {
        match said.recv_timeout(Duration::from_secs(60)) {
            Ok(line) if words.iter().all(|word| line.contains(word)) => return line,
            Ok(line) => heard.push(line),
            Err(error) => panic!("no {words:?} within a minute: {error}; but {heard:?}"),
        }
    }
}

#[test]
fn a_followed_log_goes_on_behind_its_last_byte_when_the_connection_has_died() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let (one, two) = (log(&cluster, 0, "wso2carbon.log"), log(&cluster, 1, "wso2carbon.log"));
    append(&one, "before\n");
    let (mut child, lines, said) = follow_both(&cluster, &["-n", "1"]);
    assert_eq!(next(&lines), "is-1  before");
    comes(&lines, &one, "first", "is-1  first");
    cluster.servers[0].go_down();
    hears(&said, &["is-1  … ", "; trying again"]);
    append(&one, "while nobody\nlooked\n");
    comes(&lines, &two, "the other goes on", "is-2  the other goes on");
    cluster.servers[0].come_up();
    assert_eq!((next(&lines), next(&lines)), ("is-1  while nobody".to_owned(), "is-1  looked".to_owned()));
    assert!(hears(&said, &["is-1  … connected again"]).ends_with("again"));
    comes(&lines, &one, "and on", "is-1  and on");

    // Rotated meanwhile: first the rest of the old one.
    cluster.servers[0].go_down();
    hears(&said, &["is-1  … ", "; trying again"]);
    append(&one, "last of the old\n");
    fs::rename(&one, one.with_extension("log.1")).unwrap();
    append(&one, "first of the new\n");
    cluster.servers[0].come_up();
    assert_eq!((next(&lines), next(&lines)), ("is-1  last of the old".to_owned(), "is-1  first of the new".to_owned()));
    assert!(hears(&said, &["is-1  … connected again"]).ends_with("again"));

    // And removed: nobody can know what stood there.
    cluster.servers[0].go_down();
    hears(&said, &["is-1  … ", "; trying again"]);
    append(&one, "never seen\n");
    fs::remove_file(&one).unwrap();
    append(&one, "short\n");
    cluster.servers[0].come_up();
    assert_eq!(next(&lines), "is-1  short");
    hears(&said, &["is-1  … connected again", "lines may be missing"]);
    comes(&lines, &one, "the end", "is-1  the end");

    // Somebody has seen enough while a host is away.
    cluster.servers[0].go_down();
    hears(&said, &["is-1  … ", "; trying again"]);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    eventually("the end of all that follows", || !is_followed(&cluster));
}

#[test]
fn what_is_followed_behind_a_jump_host_goes_on_when_that_has_gone_down() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let Some(mut hop) = Sshd::start(&[]) else { return };
    behind(&cluster, &[&hop], hop.port());
    let files = [log(&cluster, 0, "wso2carbon.log"), log(&cluster, 1, "wso2carbon.log")];
    let (mut child, lines, said) = follow_both(&cluster, &["--output", "jsonl"]);
    let line = |file: &PathBuf, text: &str| {
        append(file, &format!("{text}\n"));
        loop {
            let event: serde_json::Value = serde_json::from_str(&next(&lines)).unwrap();
            if event["event"] == "line" && event["stream"] == "stdout" {
                assert_eq!(event["line"], text, "{event:#}");
                return;
            }
        }
    };
    line(&files[0], "one");
    line(&files[1], "two");
    hop.go_down();
    let mut events = Vec::new();
    while events.len() < 2 {
        let event: serde_json::Value = serde_json::from_str(&next(&lines)).unwrap();
        events.push((event["event"].as_str().unwrap().to_owned(), event["host"].as_str().unwrap().to_owned()));
    }
    events.sort();
    assert_eq!(events, [("lost".to_owned(), "is-1".to_owned()), ("lost".to_owned(), "is-2".to_owned())]);
    hop.come_up();
    line(&files[0], "one again");
    line(&files[1], "two again");
    // A login that is refused is for a person to mend.
    fs::write(hop.file("authorized_keys"), "").unwrap();
    hop.end_sessions();
    let exit = child.wait().unwrap().code();
    let events: Vec<String> = lines.iter().collect();
    assert_eq!(exit, Some(3), "{events:?} {:?}", said.iter().collect::<Vec<_>>());
    let result: serde_json::Value = serde_json::from_str(events.last().unwrap()).unwrap();
    let failure = &result["result"]["calls"][0]["failure"];
    assert_eq!(
        (&failure["code"], &failure["item"]),
        (&"authentication-refused".into(), &"jump-host:hop-1".into()),
        "{result:#}"
    );
    eventually("the end of all that follows", || !is_followed(&cluster));
}

fn rotations(cluster: &Cluster) {
    let (one, two) = (log(cluster, 0, "wso2carbon.log"), log(cluster, 1, "wso2carbon.log"));
    append(&one, "before\n");
    let (mut child, lines) = follow(cluster, &["-n", "1"]);
    assert_eq!(next(&lines), "is-1  before");
    comes(&lines, &one, "first", "is-1  first");
    // Not there when it began.
    comes(&lines, &two, "born", "is-2  born");
    // Moved away, as the products do it at midnight, and made anew.
    fs::rename(&one, one.with_extension("old")).unwrap();
    comes(&lines, &one, "rotated", "is-1  rotated");
    comes(&lines, &one, "and on", "is-1  and on");
    // Emptied. A file that has grown past its old end by the time that somebody looks is one that has only grown.
    let long = "x".repeat(300);
    comes(&lines, &two, &long, &format!("is-2  {long}"));
    fs::write(&two, "").unwrap();
    comes(&lines, &two, "emptied", "is-2  emptied");
    assert!(is_followed(cluster), "the test looks in the right place");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    eventually("the end of every tail after Ctrl-C", || !is_followed(cluster));
    let (mut child, lines) = follow(cluster, &["-n", "1"]);
    next(&lines);
    next(&lines);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the end of every tail after kill -9", || !is_followed(cluster));
}

#[test]
fn a_log_that_changes_its_name_every_day_is_followed_into_the_next() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (old, new) = (log(&cluster, 0, "http_access_.2026-11-20.log"), log(&cluster, 0, "http_access_.2026-11-21.log"));
    let (mut child, lines) = follow(&cluster, &["--file", "access", "--limit", "is-1"]);
    append(&old, "first\n");
    assert_eq!(next(&lines), "is-1  first");
    output("touch", &["-d", "2026-11-20", old.to_str().unwrap()]);
    append(&new, "second\n");
    assert_eq!(next(&lines), "is-1  second");
    // Whoever reads goes away: that is how following ends, and no failure.
    drop(lines);
    append(&new, "third\nfourth\n");
    eventually("the end", || {
        append(&new, "more\n");
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
    eventually("the end of every tail", || !is_followed(&cluster));
}

#[test]
fn a_log_that_the_user_may_not_read_is_read_by_whom_the_inventory_lets_him_become() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: ALL") else { return };
    let Some(cluster) = Cluster::start(&[]) else { return };
    let file = log(&cluster, 0, "wso2carbon.log");
    append(&file, "[2026-11-21 12:00:00,000] for root alone\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let inventory = fs::read_to_string(cluster.inventory()).unwrap();
    let become_ = format!("ssh: {{ user: {}, agent: false, become: {{ method: sudo }} }}", account.name());
    fs::write(cluster.inventory(), inventory.replace(&format!("ssh: {{ user: {}, agent: false }}", me()), &become_))
        .unwrap();
    let done = cluster.expect(0, &["logs", "--limit", "is-1"]);
    assert!(done.stdout.ends_with("for root alone\n"), "{}", done.stdout);
    let done = cluster.expect(1, &["logs", "--limit", "is-1", "--no-become"]);
    assert!(done.stderr.contains("is-1  tail: ") && done.stderr.contains("Permission denied"), "{}", done.stderr);
    let who = |words: &[&str]| {
        cluster.expect(0, &[&["exec", "-l", "is-1"], words, &["--", "id -un; echo ${LC_ALL-none}"]].concat()).stdout
    };
    assert_eq!(who(&[]), "is-1  root\nis-1  none\n");
    assert!(who(&["--no-become"]).starts_with(&format!("is-1  {}\n", account.name())));
    // What runs as another user ends with hactl as well.
    let (mut child, lines) = follow(&cluster, &["--limit", "is-1"]);
    next(&lines);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the end of every tail", || !is_followed(&cluster));
}
