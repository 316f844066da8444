//! Answering what `ssh` asks, with the inventory's secrets.
//!
//! `ssh` asks through a program of its user's choice (SSH_ASKPASS). Ours is a few lines of shell that say the question on
//! standard error, which is read here, and read the answer from standard input, which is written here: a secret is never
//! on a command line, in the environment or in a file.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStdin, Command};

use super::room::Room;
use crate::model::Secret;
use crate::transport::{Link, Rung, TransportError};

/// What is said before a question, so that nothing that a server says can pass for one.
const MARK: &str = "hactl-asked";

/// Told that there is no answer, it ends with an error, and ssh goes on without.
const ASK: &str = "#!/bin/sh
case ${SSH_ASKPASS_PROMPT-} in none) exit 0 ;; esac
printf '%s %s ' hactl-asked \"$HACTL_ASKED\" >&2
printf %s \"$1\" | tr '\\n' ' ' >&2
printf '\\n' >&2
IFS= read -r hactl_answer && [ -n \"$hactl_answer\" ] || exit 1
printf '%s\\n' \"$hactl_answer\"
";

/// The secrets of one connection, each given once: one that was refused is not tried again.
pub(super) struct Answers {
    program: PathBuf,
    nonce: String,
    passphrase: Option<Arc<Secret>>,
    password: Option<Arc<Secret>>,
}

impl Answers {
    /// `None` where the inventory names no secret for this link.
    pub(super) fn of(link: &Link, room: &Room) -> Result<Option<Self>, TransportError> {
        if link.passphrase.is_none() && link.password.is_none() {
            return Ok(None);
        }
        let program = room.folder().join("ask");
        written(&program).map_err(|error| {
            TransportError::new(Rung::Authentication, "openssh-failed", format!("{}: {error}", program.display()))
                .hint("transport: openssh needs a folder of its own below XDG_RUNTIME_DIR or /tmp")
        })?;
        let nonce = format!("{:032x}", rand::random::<u128>());
        Ok(Some(Self { program, nonce, passphrase: link.passphrase.clone(), password: link.password.clone() }))
    }

    /// Lets `ssh` ask here and nowhere else.
    pub(super) fn arrange(&self, command: &mut Command) {
        command
            .env("SSH_ASKPASS", &self.program)
            .env("SSH_ASKPASS_REQUIRE", "force")
            // Before OpenSSH 8.4 that was the condition, besides having no terminal.
            .env("DISPLAY", std::env::var_os("DISPLAY").unwrap_or_else(|| ":0".into()))
            .env("HACTL_ASKED", &self.nonce)
            .stdin(Stdio::piped());
    }

    /// Answers where the line is a question. A PIN is never given: a few wrong ones lock a token for good.
    pub(super) async fn answer(&mut self, line: &str, stdin: &mut Option<ChildStdin>) -> bool {
        let Some(question) = line.strip_prefix(MARK).and_then(|rest| rest.trim_start().strip_prefix(&self.nonce))
        else {
            return false;
        };
        let question = question.trim();
        let secret = if question.starts_with("Enter passphrase for") {
            // It may open more than one key.
            self.passphrase.clone()
        } else if question.starts_with("Enter PIN") {
            None
        } else {
            self.password.take()
        };
        let Some(stdin) = stdin else { return true };
        let line = secret.map_or_else(|| Secret::new("\n".to_owned()), |secret| secret.map(|text| format!("{text}\n")));
        // An ssh that has ended meanwhile is noticed by its end.
        drop(stdin.write_all(line.expose().as_bytes()).await);
        drop(stdin.flush().await);
        true
    }
}

/// The program is there, and whole: connections are made at the same time.
fn written(program: &PathBuf) -> io::Result<()> {
    if program.exists() {
        return Ok(());
    }
    let draft = program.with_extension(format!("{:016x}", rand::random::<u64>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&draft)?;
    file.write_all(ASK.as_bytes())?;
    drop(file);
    std::fs::rename(draft, program)
}
