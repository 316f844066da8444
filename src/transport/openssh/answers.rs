//! How `ssh` asks, and how it is answered.
//!
//! `ssh` asks through a program of its user's choice (SSH_ASKPASS). Ours is a few lines of shell that say the question on
//! standard error, which is read here, and read the answer from a pipe in our private folder, which is written here: a
//! secret is never on a command line, in the environment or in a file. Standard input would not do: that of an `ssh` that
//! is a proxy command is its connection.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::process::Command;

use super::room::Room;
use crate::model::Secret;
use crate::transport::error::out_of_files;
use crate::transport::{Rung, TransportError};

/// What is said before a question, so that nothing that a server says can pass for one.
const MARK: &str = "hactl-asked";

/// Told that there is no answer, it ends with an error, and ssh goes on without. What is to be confirmed is not.
const ASK: &str = r#"#!/bin/sh
case ${SSH_ASKPASS_PROMPT-} in
none) hactl_kind=notice ;;
confirm) exit 1 ;;
*) hactl_kind=question ;;
esac
printf '%s %s %s %s\n' hactl-asked "$HACTL_ASKED" "$hactl_kind" "$(printf %s "$1" | tr '\n' ' ')" >&2
[ "$hactl_kind" = question ] || exit 0
IFS= read -r hactl_answer <"$HACTL_ANSWERS" && [ -n "$hactl_answer" ] || exit 1
printf '%s\n' "$hactl_answer"
"#;

/// What was said by the program that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// It waits for an answer.
    Question(&'a str),
    /// Nothing is to be answered.
    Notice(&'a str),
}

/// The way of the questions and answers of one `ssh`.
pub(super) struct Answers {
    program: PathBuf,
    nonce: String,
    pipe: PathBuf,
    /// Both ends are open all the time: the program need not wait for us to open it, nor we for the program.
    reading: File,
    writing: File,
}

impl Answers {
    pub(super) fn new(room: &Room) -> Result<Self, TransportError> {
        let program = room.folder().join("ask");
        let failed = |path: &Path, error: io::Error| {
            out_of_files(Rung::Authentication, &error).unwrap_or_else(|| {
                TransportError::new(Rung::Authentication, "openssh-failed", format!("{}: {error}", path.display()))
                    .hint("transport: openssh needs a folder of its own below XDG_RUNTIME_DIR or /tmp")
            })
        };
        written(&program).map_err(|error| failed(&program, error))?;
        let nonce = format!("{:032x}", rand::random::<u128>());
        let pipe = room.folder().join(format!("answers-{:016x}", rand::random::<u64>()));
        let (reading, writing) = piped(&pipe).map_err(|error| failed(&pipe, error))?;
        Ok(Self { program, nonce, pipe, reading, writing })
    }

    /// Lets `ssh` ask here and nowhere else.
    pub(super) fn arrange(&self, command: &mut Command) {
        command
            .env("SSH_ASKPASS", &self.program)
            .env("SSH_ASKPASS_REQUIRE", "force")
            // Before OpenSSH 8.4 that was the condition, besides having no terminal.
            .env("DISPLAY", std::env::var_os("DISPLAY").unwrap_or_else(|| ":0".into()))
            .env("HACTL_ASKED", &self.nonce)
            .env("HACTL_ANSWERS", &self.pipe);
    }

    /// Does the program that asks say this?
    pub(super) fn heard<'a>(&self, line: &'a str) -> Option<Heard<'a>> {
        let said = line.strip_prefix(MARK)?.trim_start().strip_prefix(&self.nonce)?.trim_start();
        let (kind, text) = said.split_once(' ')?;
        match kind {
            "question" => Some(Heard::Question(text.trim())),
            "notice" => Some(Heard::Notice(text.trim())),
            _ => None,
        }
    }

    /// Answers the question that was heard last. A program that has ended meanwhile takes nothing.
    pub(super) fn give(&mut self, secret: Option<&Secret>) {
        let mut left = [0; 4096];
        while matches!(self.reading.read(&mut left), Ok(1..)) {}
        let nothing = || Secret::new("\n".to_owned());
        let line = secret.map_or_else(nothing, |secret| secret.map(|text| format!("{text}\n")));
        drop(self.writing.write_all(line.expose().as_bytes()));
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.pipe));
    }
}

fn piped(pipe: &Path) -> io::Result<(File, File)> {
    mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let flags = OFlag::O_NONBLOCK.bits();
    let reading = OpenOptions::new().read(true).custom_flags(flags).open(pipe)?;
    let writing = OpenOptions::new().write(true).custom_flags(flags).open(pipe)?;
    Ok((reading, writing))
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
