//! Throwaway users, for what only root can prepare.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
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
            // A file that sudo can't read would shut everybody out.
            output(find("visudo").unwrap().to_str().unwrap(), &["-c", "-q", "-f", half.to_str().unwrap()]);
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
    pub(crate) fn change(&self, program: &str, words: &[&str]) {
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

/// A way of authentication of its own, for programs that can be told which one to use. Removed when this is dropped.
pub(crate) struct Pam {
    pub(crate) name: String,
}

impl Pam {
    /// Writes it. Only root can.
    pub(crate) fn new(purpose: &str, text: &str) -> Self {
        let pam = Self { name: format!("hactl-t{}-{purpose}", std::process::id()) };
        if is_root() {
            fs::write(pam.file(), text).unwrap();
        }
        pam
    }

    fn file(&self) -> PathBuf {
        format!("/etc/pam.d/{}", self.name).into()
    }
}

impl Drop for Pam {
    fn drop(&mut self) {
        drop(fs::remove_file(self.file()));
    }
}

/// Counts the passwords that were wrong, and the prompts that were given up.
pub(crate) struct Counter {
    pub(crate) pam: Pam,
    file: PathBuf,
}

impl Counter {
    /// Counts in a file of this folder, which lives longer.
    pub(crate) fn new(purpose: &str, folder: &Path) -> Self {
        let (file, program) = (folder.join("attempts"), folder.join("attempt"));
        fs::write(&program, format!("#!/bin/sh\necho x >>{}\n", file.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // It runs as the user who asks.
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        // Only after the right password is the second line passed over.
        let text = format!(
            "auth [success=2 default=ignore] pam_unix.so\nauth optional pam_exec.so quiet {}\nauth requisite pam_deny.so\n\
             auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
            program.display()
        );
        Self { pam: Pam::new(purpose, &text), file }
    }

    pub(crate) fn reset(&self) {
        fs::write(&self.file, "").unwrap();
    }

    pub(crate) fn attempts(&self) -> usize {
        fs::read_to_string(&self.file).unwrap_or_default().lines().count()
    }
}
