//! The command line that becomes another user and then runs the command.

use std::time::Duration;

use tokio::sync::watch;

use super::{doas, su, sudo};
use crate::model::inventory::BecomeMethod;
use crate::model::quote;
use crate::transport::{Become, Gate, GateProgress, Prompt, Request};

/// How long the program may take to let us in; a command behind it has its own, longer deadline.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives a program a terminal, and leaves its input, output and error alone.
const TERMINAL: &str = include_str!("terminal.sh");

/// What every method's shell begins with. The folder that we came to need not be open for the new user, and many a
/// `PATH` leaves out where the administrator's programs are.
const ARRIVE: &str = "cd . 2>/dev/null || cd /; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH";
/// su keeps the `PATH` of whoever calls it: what the system has goes first.
const ARRIVE_BY_SU: &str = "cd . 2>/dev/null || cd /
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH; export PATH";

/// The request as another user's, and how far it will have got.
pub(super) fn wrap(
    how: &Become,
    request: &Request,
    nonce: u128,
    with_terminal: bool,
) -> (Request, watch::Receiver<GateProgress>) {
    let words = Words::new(how, nonce);
    let command = if with_terminal { words.with_terminal(&request.command) } else { words.plain(&request.command) };
    let (progress, heard) = watch::channel(GateProgress::Closed);
    let gate = Gate {
        prompt: match how.method {
            BecomeMethod::Sudo => Prompt::Own(words.prompt),
            _ => Prompt::Usual { after: words.prompt },
        },
        password: how.password.clone(),
        ready: words.ready,
        blank_line: with_terminal,
        refused: match how.method {
            BecomeMethod::Doas => doas::refused,
            BecomeMethod::Su => su::refused,
            BecomeMethod::Sudo | BecomeMethod::None => sudo::refused,
        },
        patience: PATIENCE,
        progress,
    };
    let input = request.input.clone();
    let (deadline, limit, outlet) = (request.deadline, request.limit, request.outlet.clone());
    (Request { command, input, gate: Some(gate), deadline, limit, outlet }, heard)
}

struct Words<'a> {
    how: &'a Become,
    user: String,
    prompt: String,
    ready: String,
    /// What prints `ready`. The word itself does not stand in the command line, which a sudo that refuses it repeats.
    say_ready: String,
}

impl<'a> Words<'a> {
    fn new(how: &'a Become, nonce: u128) -> Self {
        let (prompt, ready) = (format!("hactl-password-{nonce:032x}:"), format!("hactl-ready-{nonce:032x}"));
        let say_ready = format!("printf %s%s hactl-ready- {nonce:032x}");
        Self { how, user: quote(&how.user), prompt, ready, say_ready }
    }

    /// The shell that says that it is ready on both streams and then runs `$1`. It is started by another shell, so that
    /// a sudo that lets programs start no others is noticed while the gate is closed.
    fn inside(&self, arrive: &str, ready: &str) -> String {
        format!("exec /bin/sh -c {} sh \"$1\"", quote(&format!("{arrive}\n{ready}\neval \"$1\"")))
    }

    /// The password, the input and the output go through the streams of the session itself.
    // The messages that are told apart are those of the C locale. The password comes before `ready` and the input after
    // it; a sudo that asks for nothing would otherwise hand the password to the command.
    fn plain(&self, command: &str) -> String {
        let (user, ready) = (&self.user, &self.say_ready);
        let ready = format!("{ready}; {ready} >&2");
        let command = quote(command);
        match self.how.method {
            BecomeMethod::Su => {
                // A busybox su asks on standard output.
                let arrive = format!("exec >&4 4>&-\n{ARRIVE_BY_SU}");
                let inside = format!("set -- {command}; {}", self.inside(&arrive, &ready));
                let su = format!("printf %s {}>&2; exec su -s /bin/sh -c \"$1\" {user} 4>&1 >&2", self.prompt);
                format!("exec env LC_ALL=C /bin/sh -c {} sh {}", quote(&su), quote(&inside))
            }
            method => {
                let program = match method {
                    BecomeMethod::Doas => format!("doas -n -u {user}"),
                    // Without a password there is nothing to ask for: no attempt is spent on finding that out.
                    _ if self.how.password.is_none() => format!("sudo -n -H -u {user} --"),
                    _ => format!("sudo -S -H -p {} -u {user} --", self.sudo_prompt()),
                };
                let inside = quote(&self.inside(ARRIVE, &ready));
                format!("exec env LC_ALL=C {program} /bin/sh -c {inside} sh {command}")
            }
        }
    }

    /// The password alone goes through a terminal; see `terminal.sh` for the numbers of the files.
    fn with_terminal(&self, command: &str) -> String {
        let (user, ready) = (&self.user, &self.say_ready);
        let command = quote(command);
        // What is ready waits for the word that no more goes to the terminal.
        let wait = "read -r hactl_go || exit";
        let inside = match self.how.method {
            BecomeMethod::Su => {
                let arrive = format!("exec <&3 >&4 2>&5 3<&- 4>&- 5>&-\n{ARRIVE_BY_SU}");
                let ready = format!("{ready}; {ready} >&7; exec 7>&-; {wait}");
                let inside = format!("set -- {command}; {}", self.inside(&arrive, &ready));
                format!("su -s /bin/sh -c {} {user} 7>&1 6<&- 9>&-", quote(&inside))
            }
            method => {
                let program = match method {
                    BecomeMethod::Doas => format!("doas -u {user}"),
                    _ if self.how.password.is_none() => format!("sudo -n -H -u {user} --"),
                    _ => format!("sudo -H -p {} -u {user} --", self.sudo_prompt()),
                };
                let ready = format!("{ready}; {ready} >/dev/tty; {wait}");
                let inside = quote(&self.inside(ARRIVE, &ready));
                format!("{program} /bin/sh -c {inside} sh {command} <&3 >&4 2>&5 3<&- 4>&- 5>&- 6<&- 9>&-")
            }
        };
        let begin = match self.how.method {
            BecomeMethod::Sudo => String::new(),
            _ => format!("printf %s {}; ", self.prompt),
        };
        let inside = format!("{begin}{inside}; printf '%s\\n' \"$?\" >&9");
        format!("exec env LC_ALL=C /bin/sh -c {} sh {}", quote(TERMINAL), quote(&inside))
    }

    /// sudo says whose password it wants in place of `%p`.
    fn sudo_prompt(&self) -> String {
        quote(&format!("%p {}", self.prompt))
    }
}
