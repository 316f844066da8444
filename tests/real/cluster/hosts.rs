//! `hactl hosts` against real servers: what the user reads of each rung that holds or breaks, as documents.
//!
//! The documents are in `hosts/`, with times and what differs from machine to machine masked. `HACTL_ACCEPT=1` writes them.

mod accounts;
mod facts;
mod ladder;
mod shown;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Done;
use crate::sshd::{Sshd, me};

/// A folder with an inventory, to run hactl in.
pub(super) struct Desk {
    folder: TempDir,
    /// What is masked: texts that differ from run to run, and what stands for them.
    masks: Vec<(String, String)>,
}

impl Desk {
    /// With this inventory below its head; `SSH` stands for what lets the user of the tests in.
    pub(super) fn new(servers: &[&Sshd], inventory: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("hactl-ladder").tempdir().unwrap();
        let head = format!("version: 1\ncluster: test\nssh: {{ user: {}, agent: false, connect_timeout: 60 }}\n", me());
        fs::write(folder.path().join("inventory.yaml"), head + inventory).unwrap();
        let mut masks = vec![(folder.path().display().to_string(), "DESK".to_owned())];
        for server in servers {
            masks.push((server.folder().display().to_string(), "FOLDER".to_owned()));
            masks.push((server.port().to_string(), "PORT".to_owned()));
        }
        Self { folder, masks }
    }

    /// Masks one more text.
    pub(super) fn mask(mut self, text: &str, mask: &str) -> Self {
        self.masks.push((text.to_owned(), mask.to_owned()));
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hactl"));
        command
            .args(words)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("USER", me())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("HACTL_TEST_PASSWORD", super::PASSWORD)
            .env_remove("HACTL_INVENTORY")
            // What stands in the ~/.ssh/config of whoever runs the tests is not tested.
            .env("HACTL_SSH_CONFIG", "none")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(super) fn expect(&self, exit: i32, words: &[&str]) -> Done {
        let output = self.command(words).output().unwrap();
        let done = Done {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(done.exit, exit, "hactl {words:?}\n--- stdout\n{}\n--- stderr\n{}", done.stdout, done.stderr);
        assert!(!format!("{done:?}").contains("poison"), "{words:?} shows a secret");
        done
    }

    /// Runs hactl with `--output json`, and returns what it says of the one cluster.
    #[track_caller]
    pub(super) fn json(&self, exit: i32, words: &[&str]) -> serde_json::Value {
        let done = self.expect(exit, &[words, &["--output", "json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(json["exit"], exit);
        json["clusters"][0].clone()
    }

    /// Runs hactl, whose words must be those of the document.
    #[track_caller]
    pub(super) fn reads(&self, document: &str, exit: i32, words: &[&str]) -> Done {
        let done = self.expect(exit, words);
        let seen = self.masked(&done.stdout);
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/real/cluster/hosts").join(document);
        if std::env::var_os("HACTL_ACCEPT").is_some() {
            fs::write(&file, &seen).unwrap();
        }
        let wanted = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(seen, wanted, "{document} (HACTL_ACCEPT=1 writes it anew)\n{}", done.stdout);
        done
    }

    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut masks: Vec<_> = self.masks.iter().collect();
        // A longer one may hold a shorter one.
        masks.sort_by_key(|(what, _)| std::cmp::Reverse(what.len()));
        for (what, mask) in masks {
            text = text.replace(what.as_str(), mask);
        }
        let lines: Vec<String> = text.lines().map(shown::masked).collect();
        lines.join("\n") + "\n"
    }
}

/// How a host of the inventory is let in to a server, as the value of its `ssh`.
pub(super) fn ssh(server: &Sshd, more: &str) -> String {
    let folder = server.folder().display();
    format!("{{ port: {}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts{more} }}", server.port())
}
