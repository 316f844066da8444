//! hactl as a program, where it needs no host: words in, words out, and the exit code.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests: they start the program itself, and fail by panicking"
)]

mod codes;
mod files;
mod forms;
mod hosts;
mod lookups;
mod refusals;
mod tools;
mod words;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An inventory that is right and complete.
pub(crate) const INVENTORY: &str = "\
version: 1
cluster: iam
ssh: { user: ops }
product: { name: wso2is, version: 7.1.0, home: /opt/wso2is }
hosts:
  is-1: { address: 192.0.2.1 }
  is-2: { address: 192.0.2.2 }
databases:
  identity_db: { type: mysql, host: db.example.com, name: I, username: wso2, password: { env: HACTL_TEST_PASSWORD } }
  shared_db: { type: mysql, host: db.example.com, name: S, username: wso2, password: { env: HACTL_TEST_PASSWORD } }
clustering: { scheme: wka, hazelcast: { max_no_heartbeat_seconds: 60 } }
endpoint: { hostname: sso.example.com }
";

/// What the program came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder to run the program in.
pub(crate) struct Desk(TempDir);

impl Desk {
    /// With `inventory.yaml` in it.
    pub(crate) fn new(inventory: &str) -> Self {
        let desk = Self(tempfile::Builder::new().prefix("hactl-cli").tempdir().unwrap());
        desk.write("inventory.yaml", inventory);
        desk
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hactl"));
        command
            .args(words)
            .current_dir(self.folder())
            .env("HACTL_TEST_PASSWORD", "poison")
            .env("HOME", self.folder())
            .env("XDG_STATE_HOME", self.folder().join("state"))
            .env_remove("HACTL_INVENTORY")
            // What stands in the ~/.ssh/config of whoever runs the tests is not tested.
            .env("HACTL_SSH_CONFIG", "none")
            .env_remove("COLUMNS")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program, which must end with this code.
    #[track_caller]
    pub(crate) fn expect(&self, exit: i32, words: &[&str]) -> Done {
        let output = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let done =
            Done { exit: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert_eq!(done.exit, exit, "hactl {words:?}\n--- stdout\n{}\n--- stderr\n{}", done.stdout, done.stderr);
        assert!(!done.stdout.contains("poison") && !done.stderr.contains("poison"), "{words:?} shows a secret");
        done
    }
}
