//! What goes to a host, and what comes back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::{Outlet, TransportError};
use crate::model::{Script, Secret};

/// Ends everything that the script has started when nobody listens to it any more.
///
/// The input of the script goes on until the connection ends, in whatever way: then the whole process group gets a TERM.
/// sshd itself would leave a command without output running, and passes no signal on to a command of root's. What shall
/// live on must be in a session of its own; what must not be cut in the middle ignores TERM.
// File descriptor 3, because a shell gives a background command no input but /dev/null.
const WATCH: &str = "exec 3<&0
( trap '' TERM; while read -r hactl_gone; do :; done; kill -s TERM 0 ) <&3 3<&- >/dev/null 2>&1 &
hactl_watch=$!
exec 3<&-";

/// How many seconds a command has to end by itself, once it was told to.
const GRACE: u32 = 3;

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
    /// Takes the output while the command runs, from the moment that it has its input; nothing of it is kept then.
    pub outlet: Option<Outlet>,
}

/// What a command reads on standard input. Sent in chunks.
#[derive(Clone)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A text in memory, such as a script. May hold secrets.
    Bytes(Bytes),
    /// A script in memory, whose end is the end of the connection: the host can tell by it that nobody listens any more.
    Script(Bytes),
    /// The same; its end comes earlier where somebody hangs up.
    Call(Bytes, HangUp),
    /// A local file, streamed from this byte on.
    File {
        /// Where it is.
        path: PathBuf,
        /// How many bytes of it are left out.
        from: u64,
    },
}

/// Tells a running command that it is to end. All clones are one.
#[derive(Debug, Clone)]
pub struct HangUp(Arc<watch::Sender<bool>>);

impl HangUp {
    /// Nobody has hung up.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Ends the input of every [`Input::Call`] that waits for it.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Has somebody hung up?
    pub fn is_over(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when somebody hangs up.
    pub async fn wait(&self) {
        // The sender lives in self: the channel cannot close.
        let _ = self.0.subscribe().wait_for(|gone| *gone).await;
    }
}

impl Default for HangUp {
    fn default() -> Self {
        Self::new()
    }
}

/// The dialogue that comes before the input: a program that may ask for a password, and then says that it is ready.
// The input is held back until `ready`: a sudo that needs no password would hand the password to the command as data.
#[derive(Clone)]
pub struct Gate {
    /// Printed on standard error when a password is wanted.
    pub prompt: Prompt,
    /// Sent once, with a newline, after the prompt was seen. A second prompt means that it was wrong.
    pub password: Option<Arc<Secret>>,
    /// Printed on standard output and on standard error when the input may come. What came before on either of them
    /// is not the command's.
    pub ready: String,
    /// Does an empty line go before the input? It ends what is meant for the program's terminal.
    pub blank_line: bool,
    /// Says what it means that `ready` never came.
    pub refused: fn(&Refusal) -> TransportError,
    /// How long `ready` may take; the request's deadline holds besides.
    pub patience: Duration,
    /// Hears how far it got.
    pub progress: watch::Sender<GateProgress>,
}

/// How a program asks for a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// With this very text; before it on the line may stand whose password it is.
    Own(String),
    /// In words of its own, such as `Password:` at the end of what it has printed so far. Only what comes after this
    /// text counts, which is printed when the program is about to start.
    Usual {
        /// The text.
        after: String,
    },
}

/// How far a gate got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateProgress {
    /// Nothing was said so far.
    Closed,
    /// A password was asked for.
    Asked,
    /// The input may go.
    Open,
}

/// A gate that did not open. Nothing of the input was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In what way.
    pub kind: RefusalKind,
    /// What the program said on standard error.
    pub said: String,
    /// Whose password it asked for last, where it has said so.
    pub whose: Option<String>,
    /// Was there a password to send?
    pub has_password: bool,
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
    /// By this signal, such as `KILL`; `unknown` where nobody has told us which.
    Signal(String),
}

impl Request {
    /// A script, read by `sh -s` whatever the login shell is, as the body of a function: one that is cut off by a broken
    /// connection is a syntax error, and runs nothing. What it starts ends with the connection, see [`WATCH`].
    pub fn script(script: &Script, deadline: Duration, limit: usize) -> Self {
        let input = Input::Script(Bytes::from(body(WATCH, script)));
        Self { command: "exec sh -s".to_owned(), input, gate: None, deadline, limit, outlet: None }
    }
}

/// The text of a script for [`Input::Call`]. What ignores the TERM at the end of the connection is killed some seconds
/// later: a command that somebody typed in is nothing that must not be cut.
pub fn call(script: &Script) -> Bytes {
    let watch = WATCH.replace("kill -s TERM 0 )", &format!("kill -s TERM 0; sleep {GRACE}; kill -s KILL 0 )"));
    Bytes::from(body(&watch, script))
}

fn body(watch: &str, script: &Script) -> String {
    // The last line is one: a shell that reads a byte at a time would leave a second one to the watch, which gets the
    // signal by its number, because it does not hear the one that it sends to all others.
    format!(
        "hactl_main() {{\n{watch}\n{}\n}}\nhactl_main; set -- $?; kill -s KILL \"$hactl_watch\"; exit \"$1\"\n",
        script.text()
    )
}

/// A command line that runs a POSIX script whatever the login shell is. A csh has no line ends between quotes, a fish
/// has backslashes there, and both may take a `!` for a command of long ago.
pub(super) fn any_shell(script: &str) -> String {
    let mut encoded = String::with_capacity(script.len() + script.len() / 8);
    for sign in script.chars() {
        match sign {
            '\n' | '\'' | '\\' | '!' => encoded.push_str(&format!("\\{:04o}", u32::from(sign))),
            sign => encoded.push(sign),
        }
    }
    format!("exec sh -c 'eval \"$(printf %b \"$1\")\"' sh '{encoded}'")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_kills_what_ignores_its_term_and_a_script_does_not() {
        let mut script = Script::new();
        script.line("true");
        assert!(std::str::from_utf8(&call(&script)).unwrap().contains("kill -s TERM 0; sleep 3; kill -s KILL 0 ) <&3"));
        assert!(!body(WATCH, &script).contains("KILL 0"));
    }

    #[test]
    fn a_script_for_any_shell_has_nothing_that_a_csh_or_a_fish_reads_otherwise() {
        let line = any_shell("printf '%s\\n' \"it's\"\n[ ! -e x ]\n");
        let expected = r#"'printf \0047%s\0134n\0047 "it\0047s"\0012[ \0041 -e x ]\0012'"#;
        assert_eq!(line, format!("{}{expected}", r#"exec sh -c 'eval "$(printf %b "$1")"' sh "#));
    }
}
