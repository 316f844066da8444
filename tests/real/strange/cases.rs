//! The strange servers: what each does, and what the user must read of it.

pub(crate) mod floods;
pub(crate) mod garbage;
pub(crate) mod gone;
pub(crate) mod odd;
pub(crate) mod silent;

use std::io;

use super::packets::*;
use super::server::Step::*;
use super::server::run;

/// What must be known of a host in the end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// Unknown: the error's rung, code, and a part of its text.
    Unknown(&'static str, &'static str, &'static str),
    /// Looked at in full, as any host.
    Looked,
    /// Reached, and an answer of the right form came that tells nothing: the error's code, and a part of its text.
    Failed(&'static str, &'static str),
}

use Expected::{Failed, Looked, Unknown};

/// A strange server.
pub(crate) struct Case {
    /// The host's name in the inventory: what is strange about it.
    pub(crate) name: &'static str,
    /// How long the host may take to accept a connection, and to exchange keys, in seconds.
    pub(crate) patience: u16,
    /// What it does, from the first byte on.
    pub(crate) serve: fn(&mut Wire) -> io::Result<()>,
    /// What comes of it.
    pub(crate) expected: Expected,
    /// What comes of it over the user's own `ssh` instead, and why.
    pub(crate) openssh: Option<Instead>,
}

/// What the user must read where the user's own `ssh` has connected, and why it is something else then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instead(pub(crate) &'static str, pub(crate) Expected);

impl Case {
    /// Over the user's own `ssh` it is an error of this rung, with this code and a part of its text.
    fn but(self, why: &'static str, rung: &'static str, code: &'static str, phrase: &'static str) -> Self {
        Self { openssh: Some(Instead(why, Unknown(rung, code, phrase))), ..self }
    }
}

/// `ssh` reads on for as long as it may, and says nothing of what it has read.
const READS_ON: &str = "ssh does not tell that what comes is of no use";
/// It shows a server's control characters like this.
const ESCAPES: &str = "ssh has made the server's words harmless in its own way";

fn case(
    name: &'static str,
    serve: fn(&mut Wire) -> io::Result<()>,
    rung: &'static str,
    code: &'static str,
    phrase: &'static str,
) -> Case {
    let expected = if rung == FAILED { Failed(code, phrase) } else { Unknown(rung, code, phrase) };
    Case { name, patience: 40, serve, expected, openssh: None }
}

fn fine(name: &'static str, serve: fn(&mut Wire) -> io::Result<()>) -> Case {
    Case { name, patience: 40, serve, expected: Looked, openssh: None }
}

/// The same for a server that lets us wait before the login: not for long, here.
fn waits(seconds: u16, case: Case) -> Case {
    Case { patience: seconds, ..case }
}

const KEYS: &str = "key exchange";
const LOGIN: &str = "authentication";
const RUNS: &str = "command";
/// No rung: the host was reached, and its answer is of no use.
const FAILED: &str = "failed";

/// Bytes that are no packet of any kind: their length, read as one, is beyond all bounds.
const GARBAGE: [u8; 4096] = [0xf3; 4096];
