//! What goes to a host, and what comes back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::TransportError;
use crate::model::{Script, Secret};

/// One command line for the host's login shell, with what it reads on standard input.
pub struct Request {
    /// The command line. It shows in the host's process list: never a secret.
    pub command: String,
    /// What the command reads.
    pub input: Input,
    /// Set by the wrapper that becomes another user: what must be seen before the input is sent.
    pub gate: Option<Gate>,
    /// How long the whole may take.
    pub deadline: Duration,
    /// How many bytes of standard output and of standard error are kept, each.
    pub limit: usize,
}

/// What a command reads on standard input. Sent in chunks, then ended.
#[derive(Clone)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A text in memory, such as a script. May hold secrets.
    Bytes(Bytes),
    /// A local file, streamed.
    File(PathBuf),
}

/// The dialogue that comes before the input: a program that may ask for a password, and then says that it is ready.
// The input is held back until `ready`: a sudo that needs no password would hand the password to the command as data.
#[derive(Clone)]
pub struct Gate {
    /// Printed on standard error when a password is wanted.
    pub prompt: String,
    /// Sent once, with a newline, after the prompt was seen. A second prompt means that it was wrong.
    pub password: Option<Arc<Secret>>,
    /// Printed on standard output when the input may come.
    pub ready: String,
    /// Says what it means that `ready` never came.
    pub refused: fn(&Refusal) -> TransportError,
    /// How long `ready` may take; the request's deadline holds besides.
    pub patience: Duration,
}

/// A gate that did not open. Nothing of the input was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In what way.
    pub kind: RefusalKind,
    /// What the program said on standard error.
    pub said: String,
}

/// In what way a gate did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalKind {
    /// The password was asked for a second time: it was wrong.
    AskedAgain,
    /// A password was asked for, and there is none.
    AskedWithoutPassword,
    /// The program ended first.
    Ended(Ending),
    /// Nothing happened until the deadline.
    OutOfTime,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Reply {
    /// Standard output, up to the request's limit.
    pub stdout: Vec<u8>,
    /// Standard error, up to the request's limit.
    pub stderr: Vec<u8>,
    /// Was more printed than the limit allowed?
    pub truncated: bool,
    /// How it ended.
    pub ending: Ending,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With this exit status.
    Status(u32),
    /// By this signal, such as `KILL`.
    Signal(String),
}

impl Request {
    /// A script, read by `sh -s` whatever the login shell is.
    pub fn script(script: &Script, deadline: Duration, limit: usize) -> Self {
        let input = Input::Bytes(Bytes::copy_from_slice(script.text().as_bytes()));
        Self { command: "exec sh -s".to_owned(), input, gate: None, deadline, limit }
    }
}

impl Ending {
    /// Did it end with status 0?
    pub fn is_success(&self) -> bool {
        *self == Self::Status(0)
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}
