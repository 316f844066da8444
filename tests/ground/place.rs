//! The ground, and hactl on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Was the ground set up, with PostgreSQL or without? `None` until it was tried; then the parts that are missing.
static STANDING: Mutex<Option<Result<bool, String>>> = Mutex::new(None);
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ground/ground.sh");

/// The ground, for one test.
pub(crate) struct Ground {
    #[expect(dead_code, reason = "held so that one test at a time is on the ground")]
    only: MutexGuard<'static, Option<Result<bool, String>>>,
    postgresql: bool,
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ground {
    /// Clean hosts: nothing has happened on them, and the databases are empty. `None` when the test was skipped.
    pub(crate) fn clean() -> Option<Self> {
        // A test that failed leaves a ground that is cleaned like any other.
        let mut only = STANDING.lock().unwrap_or_else(PoisonError::into_inner);
        let first = only.is_none();
        let stands = only.get_or_insert_with(set_up);
        match stands {
            Ok(postgresql) => {
                let ground = Self { postgresql: *postgresql, only };
                if !first {
                    ground.script(&["clean"]);
                }
                Some(ground)
            }
            Err(why) => {
                skip(why);
                None
            }
        }
    }

    /// As [`Self::clean`], on a machine with PostgreSQL.
    pub(crate) fn clean_with_postgresql() -> Option<Self> {
        let ground = Self::clean()?;
        if !ground.postgresql {
            skip("there is no PostgreSQL server");
            return None;
        }
        Some(ground)
    }

    /// As [`Self::clean`], on hosts whose first process is systemd.
    pub(crate) fn clean_with_systemd() -> Option<Self> {
        let ground = Self::clean()?;
        if let Err(why) = parts(&["--systemd"]) {
            skip(&why);
            return None;
        }
        for host in ["is-1", "is-2", "lb-1"] {
            ground.script(&["reboot", host, "--systemd"]);
        }
        Some(ground)
    }

    /// A file in the ground's folder, where the inventory is.
    pub(crate) fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("ground").join(name)
    }

    /// A file of a host, seen from outside: below `/etc`, `/opt`, `/var`, `/home` or `/root`.
    pub(crate) fn file_of(host: &str, path: &str) -> PathBuf {
        Self::file("hosts").join(host).join(path.trim_start_matches('/'))
    }

    /// Writes the inventory that `inventory.sh` makes of these words. Its hosts are reached by hactl itself, or with
    /// `HACTL_TEST_TRANSPORT=openssh` by the user's own `ssh`.
    pub(crate) fn inventory(&self, words: &[&str]) {
        let transport = std::env::var("HACTL_TEST_TRANSPORT").unwrap_or_else(|_| "ssh".to_owned());
        self.inventory_over(&transport, words);
    }

    /// The same, whose hosts are always reached like this.
    pub(crate) fn inventory_over(&self, transport: &str, words: &[&str]) {
        let text = self.script(&[&["inventory", "--transport", transport], words].concat());
        fs::write(Self::file("inventory.yaml"), text).unwrap();
    }

    /// Changes the inventory.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(Self::file("inventory.yaml")).unwrap();
        assert!(text.contains(from), "`{from}` is not in\n{text}");
        fs::write(Self::file("inventory.yaml"), text.replace(from, to)).unwrap();
    }

    /// Has `ground.sh` do something, which must succeed; returns what it printed.
    #[track_caller]
    pub(crate) fn script(&self, words: &[&str]) -> String {
        let done = ground_sh(words);
        assert_eq!(done.exit, 0, "ground.sh {words:?}: {}{}", done.stdout, done.stderr);
        done.stdout
    }

    /// Runs a command in a host, as root; returns what it printed, however it ended.
    pub(crate) fn on(&self, host: &str, words: &[&str]) -> String {
        ground_sh(&[&["enter", host], words].concat()).stdout
    }

    /// hactl, ready to be run with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hactl"));
        command
            .args(words)
            .current_dir(Self::file(""))
            .env("XDG_STATE_HOME", Self::file("state"))
            .env_remove("HACTL_INVENTORY")
            // What stands in the ~/.ssh/config of whoever runs the tests is not tested.
            .env("HACTL_SSH_CONFIG", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs hactl, which must end with this code.
    #[track_caller]
    pub(crate) fn hactl(&self, exit: i32, words: &[&str]) -> Done {
        let done = run(self.command(words));
        assert_eq!(done.exit, exit, "hactl {words:?}\n--- stdout\n{}\n--- stderr\n{}", done.stdout, done.stderr);
        done
    }

    /// Applies with these further words, which must find everything in place with one exec on each host, counted by hactl and by the servers.
    #[track_caller]
    pub(crate) fn nothing_to_do(&self, words: &[&str]) {
        let execs = |host: &str| {
            let log = fs::read_to_string(Self::file_of(host, "/var/log/sshd.log")).unwrap();
            log.lines().filter(|line| line.contains("Starting session: ")).count()
        };
        let hosts = ["is-1", "is-2", "lb-1"];
        let before = hosts.map(execs);
        let done = self.hactl(0, &[&["apply", "--output", "json"], words].concat());
        let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let mut seen = 0;
        for (host, before) in hosts.iter().zip(before) {
            let of_host =
                report["clusters"][0]["hosts"].as_array().unwrap().iter().find(|found| found["host"] == *host);
            let Some(of_host) = of_host else { continue };
            assert_eq!(of_host["outcome"], "in_place", "{of_host:#}");
            assert_eq!(of_host["execs"], 1, "{of_host:#}");
            assert_eq!(execs(host) - before, 1, "{host}, by its own log");
            seen += 1;
        }
        assert!(seen >= 2, "{report:#}");
    }
}

/// Says that a test is skipped, aloud; a failure where everything must be there.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "HACTL_REQUIRE_REAL is set, and {why}");
    eprintln!("SKIPPED: {why}");
}

/// Waits until something holds; a test that waits for ever is a test that fails.
#[track_caller]
pub(crate) fn eventually(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come true within {within:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Does this machine have everything for a ground with this?
fn parts(words: &[&str]) -> Result<(), String> {
    let done = ground_sh(&[&["parts"], words].concat());
    let missing = done.stdout.trim().replace('\n', ", ");
    if done.exit == 0 { Ok(()) } else { Err(format!("this machine lacks {missing}")) }
}

/// Sets the ground up once, to be taken down when this process has ended.
fn set_up() -> Result<bool, String> {
    // Minutes, and bridges and processes of root on this machine, are for those who ask for them.
    if std::env::var_os("HACTL_REQUIRE_REAL").is_none() {
        return Err("whole hosts take root and minutes: HACTL_REQUIRE_REAL=1 asks for them".to_owned());
    }
    parts(&[])?;
    let postgresql = parts(&["--postgresql"]).is_ok();
    let process = std::process::id().to_string();
    let more: &[&str] = if postgresql { &["--postgresql"] } else { &[] };
    // One that an earlier run left behind would not be clean.
    for words in [&["down"][..], &[&["up", "--while", &process], more].concat()] {
        let done = ground_sh(words);
        assert_eq!(done.exit, 0, "ground.sh {words:?}: {}{}", done.stdout, done.stderr);
    }
    Ok(postgresql)
}

fn ground_sh(words: &[&str]) -> Done {
    let mut command = Command::new(SCRIPT);
    // A network of its own: a ground that somebody practises on stays as it is.
    command.args(words).env("HACTL_GROUND", Ground::file("")).env("HACTL_GROUND_NET", "10.79.1").stdin(Stdio::null());
    run(command)
}

/// Runs a program to its end.
pub(crate) fn run(mut command: Command) -> Done {
    let output = command.output().unwrap();
    Done {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
