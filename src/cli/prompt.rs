//! Asking a person, on the terminal, for what must not be seen.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::console::Console;
use crate::model::Secret;
use crate::transport::{Keyring, Question, Wanted};

/// How often it is looked whether the user wants to stop instead.
const LOOK: u8 = 100;

/// The longest answer; a terminal takes no longer line itself.
const LONGEST: usize = 4096;

/// A keyring that asks on the terminal, if somebody is there and may be asked.
pub(super) fn keyring(console: &Console, no_input: bool) -> Keyring {
    if no_input || !Console::can_ask() {
        return Keyring::default();
    }
    let console = console.clone();
    Keyring::asking(move |question| ask(&console, question))
}

fn ask(console: &Console, question: &Question) -> Option<Secret> {
    let again = |words| if question.again { words } else { "" };
    let (prompt, is_shown) = match &question.wanted {
        Wanted::Passphrase(file) => {
            (format!("{}Passphrase of {}: ", again("That does not open it. "), file.display()), false)
        }
        Wanted::Pin(name) => (format!("{}PIN of {name}: ", again("That was refused. ")), false),
        Wanted::Answer { host, question, shown } => (format!("{host} asks: {question} "), *shown),
        Wanted::Touch { host, notice } => {
            console.while_asking(|| console.error(&format!("{host}: touch the token ({notice})")));
            return None;
        }
    };
    let prompt = console.clean(&prompt);
    let answer = console.while_asking(|| typed(&prompt, is_shown, || console.is_interrupted()));
    // Nothing is no answer: whoever does not know it goes on without.
    answer.ok().flatten().filter(|answer| !answer.is_empty()).map(|answer| Secret::new(answer.to_string()))
}

/// Does somebody at the terminal answer with a whole `yes`? Waits for the answer.
pub(super) fn says_yes(question: &str) -> bool {
    anstream::eprint!("{question} Type yes: ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

/// Puts the terminal back as it was, on every way out.
struct Silenced {
    terminal: File,
    before: Termios,
}

impl Silenced {
    fn new(is_shown: bool) -> io::Result<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_flags.set(LocalFlags::ECHO, is_shown);
        silent.local_flags.insert(LocalFlags::ECHONL | LocalFlags::ICANON);
        // What was typed before the question is no answer to it.
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silenced {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

/// A line, which is seen while it is typed only if `is_shown`. `None` at the end of the input, or when `stopped`.
fn typed(prompt: &str, is_shown: bool, stopped: impl Fn() -> bool) -> io::Result<Option<Zeroizing<String>>> {
    let mut silenced = Silenced::new(is_shown)?;
    write!(silenced.terminal, "{prompt}")?;
    silenced.terminal.flush()?;
    // As large as it can get from the beginning: a copy that is left behind by growing would not be wiped.
    let mut line = Zeroizing::new(vec![0; LONGEST]);
    loop {
        if stopped() {
            writeln!(silenced.terminal)?;
            return Ok(None);
        }
        let mut waiting = [PollFd::new(silenced.terminal.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::from(LOOK)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        // The terminal gives whole lines.
        let length = match silenced.terminal.read(&mut line) {
            Ok(0) => return Ok(None),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let text = line.get(..length).and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
        return Ok(Some(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())));
    }
}
