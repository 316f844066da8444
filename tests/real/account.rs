//! Throwaway users, for what only root can prepare.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::sshd::{find, is_root, output, skip};

/// A user of this machine, removed when this is dropped.
pub(crate) struct Account {
    name: String,
}

impl Account {
    /// Makes a user, with rules for sudo in which `USER` stands for its name. `None` where the tests do not run as
    /// root or `program` is missing: then the test was skipped aloud.
    pub(crate) fn new(program: &str, sudoers: &str) -> Option<Self> {
        if !is_root() {
            skip("only root can make users");
            return None;
        }
        if find(program).is_none() {
            skip(&format!("there is no {program}"));
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let account = Self { name: format!("hactl-t{}-{number}", std::process::id()) };
        // `*` is no password, but no locked account either; sshd turns those away.
        account.change("useradd", &["-m", "-s", "/bin/sh", "-p", "*", &account.name]);
        if !sudoers.is_empty() {
            // sudo passes over files with a dot in their name, so it never sees half a file.
            let (half, whole) = (account.rules(".half"), account.rules(""));
            fs::write(&half, sudoers.replace("USER", &account.name) + "\n").unwrap();
            fs::set_permissions(&half, fs::Permissions::from_mode(0o440)).unwrap();
            fs::rename(half, whole).unwrap();
        }
        Some(account)
    }

    /// The user's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Gives the user another login shell.
    pub(crate) fn set_shell(&self, shell: &str) {
        self.change("usermod", &["-s", shell, &self.name]);
    }

    /// Gives the user a password.
    pub(crate) fn set_password(&self, password: &str) {
        let mut child = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        let line = format!("{}:{password}\n", self.name);
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn rules(&self, ending: &str) -> PathBuf {
        format!("/etc/sudoers.d/{}{ending}", self.name).into()
    }

    /// Several tests change the table of users at once, and only one at a time can.
    fn change(&self, program: &str, words: &[&str]) {
        for _ in 0..50 {
            let done = Command::new(program).args(words).stderr(Stdio::null()).status().unwrap();
            if done.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        output(program, words);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        drop(fs::remove_file(self.rules("")));
        // What the user has left running keeps the account in use.
        drop(Command::new("pkill").args(["-KILL", "-u", &self.name]).status());
        for _ in 0..50 {
            let removed = Command::new("userdel").args(["-r", "-f", &self.name]).stderr(Stdio::null()).status();
            if removed.is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!("the user {} could not be removed", self.name);
    }
}
