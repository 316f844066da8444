//! A folder to run the lab in, and what is seen of it from outside.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Says that a part of a test is skipped, aloud.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "it never came that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes, ended ones apart, whose command lines or surroundings name a folder.
pub(crate) fn processes_with(folder: &Path) -> Vec<u32> {
    let wanted = folder.to_str().unwrap();
    let named = |pid: &u32| {
        let said = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let words = String::from_utf8_lossy(&said("cmdline")).into_owned();
        let ended =
            String::from_utf8_lossy(&said("stat")).rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        words.contains(wanted) && !ended
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(named).collect()
}

/// A folder of a test's own, which is also where temporary files go.
pub(crate) struct Desk(TempDir, TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = || tempfile::Builder::new().prefix("hactl-lab-test").tempdir().unwrap();
        // What hactl itself keeps on this machine is not in the way of what the lab should not leave.
        Self(folder(), folder())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn hactl(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hactl"));
        command
            .args(words)
            .current_dir(self.folder())
            .env("TMPDIR", self.folder())
            .env("XDG_STATE_HOME", self.1.path())
            .env_remove("HACTL_INVENTORY")
            // What stands in the ~/.ssh/config of whoever runs the tests is not tested.
            .env("HACTL_SSH_CONFIG", "none")
            .stdin(Stdio::null());
        command
    }

    /// Runs hactl, which must end with this code, and returns what it printed.
    #[track_caller]
    pub(crate) fn expect(&self, exit: i32, words: &[&str]) -> String {
        let output = self.hactl(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "hactl {words:?}\n{said}");
        said
    }

    /// Starts a lab that ends with this value.
    pub(crate) fn up(&self, seed: u64) -> Running {
        let seed = seed.to_string();
        let words = ["lab", "up", "--folder", "lab", "--seed", &seed, "--until-input-ends"];
        let mut child = self.hactl(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("it runs until")), "the lab does not start");
        Running { folder: self.folder().join("lab"), child }
    }

    /// Runs a command with the programs of a host first.
    pub(crate) fn on_host(&self, lab: &Running, host: &str, command: &str) -> ExitStatus {
        let bin = lab.folder.join("hosts").join(host).join("bin");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).env("PATH", path).current_dir(self.folder());
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }
}

/// A lab that runs.
pub(crate) struct Running {
    folder: PathBuf,
    child: Child,
}

impl Running {
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
