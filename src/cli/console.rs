//! The only place that prints. Results go to standard output, talk to standard error; both through the redactor.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use super::arguments::{Colour, Output, Talk};
use crate::model::Redactor;
use crate::orchestration::exec::Printed;

/// The style of a heading.
pub(super) const BOLD: Style = Style::new().bold();
/// The style of what is wrong.
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
/// The style of what is or would be changed.
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
/// The style of what is as wanted.
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
/// The style of what matters less.
pub(super) const DIM: Style = Style::new().dimmed();

/// The styles of hosts' names, in turn.
pub(super) const LABELS: [Style; 5] = [
    AnsiColor::Cyan.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Blue.on_default(),
    AnsiColor::Yellow.on_default(),
];

/// Standard output and standard error.
#[derive(Clone)]
pub(super) struct Console {
    redactor: Arc<Mutex<Arc<Redactor>>>,
    choice: anstream::ColorChoice,
    quiet: bool,
    unwritten: Arc<Mutex<Option<io::Error>>>,
    interrupted: Arc<AtomicBool>,
    drawn: Arc<Mutex<Option<Box<Pause>>>>,
}

/// Stops what is drawn, or lets it go on.
type Pause = dyn Fn(bool) + Send;

impl Console {
    pub(super) fn new(talk: &Talk) -> Self {
        let choice = match talk.color {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        };
        Self {
            redactor: Arc::default(),
            choice,
            quiet: talk.quiet,
            unwritten: Arc::default(),
            interrupted: Arc::default(),
            drawn: Arc::default(),
        }
    }

    /// One for whoever could not be understood.
    pub(super) fn plain() -> Self {
        let (output, color) = (Output::Text, Colour::Never);
        Self::new(&Talk { output, verbose: false, quiet: false, color })
    }

    /// From now on, these secrets are taken out of everything.
    pub(super) fn redact(&self, redactor: Arc<Redactor>) {
        *self.redactor.lock().unwrap_or_else(PoisonError::into_inner) = redactor;
    }

    /// The text without secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        let redactor = self.redactor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        redactor.clean(text.to_owned())
    }

    /// Prints a result.
    pub(super) fn result(&self, text: &str) {
        let mut stdout = AutoStream::new(io::stdout().lock(), self.choice);
        self.note(writeln!(stdout, "{}", self.clean(text)).and_then(|()| stdout.flush()));
    }

    /// Prints a file that another program is to read, byte for byte.
    pub(super) fn file(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        self.note(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// Prints what hosts have printed, which holds no secret any more. Does anybody still read it?
    pub(super) fn lines(&self, printed: Printed, lines: &[u8]) -> bool {
        match printed {
            Printed::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(lines).and_then(|()| stdout.flush());
                let goes_on = written.is_ok();
                self.note(written);
                goes_on
            }
            Printed::Stderr => {
                // Who closes standard error still wants the result.
                let _ = io::stderr().lock().write_all(lines);
                true
            }
        }
    }

    // A reader that went away (`| head`) is no failure of the run; a full disk behind `> report.json` is one.
    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Why a result could not be printed, if so.
    pub(super) fn unwritten(&self) -> Option<io::Error> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Says something about the work.
    pub(super) fn talk(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Says something that must be seen.
    pub(super) fn error(&self, text: &str) {
        let _ = writeln!(AutoStream::new(io::stderr().lock(), self.choice), "{}", self.clean(text));
    }

    /// Can lines be drawn over one another?
    pub(super) fn is_live(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Is somebody there to answer a question?
    pub(super) fn can_ask() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// How to stop what is drawn, while somebody is asked.
    pub(super) fn draw(&self, pause: impl Fn(bool) + Send + 'static) {
        *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(pause));
    }

    /// Asks a question, with nothing drawn over it.
    pub(super) fn while_asking<T>(&self, question: impl FnOnce() -> T) -> T {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = |begins| drawn.iter().for_each(|pause| pause(begins));
        pause(true);
        let answer = question();
        pause(false);
        answer
    }

    /// The user wants to stop: nothing is asked any more.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Does the user want to stop?
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Should a text for standard output hold colours?
    pub(super) fn has_colour_on_stdout(&self) -> bool {
        AutoStream::new(io::stdout(), self.choice).current_choice() != anstream::ColorChoice::Never
    }

    /// Should a text that is made elsewhere hold colours?
    pub(super) fn has_colour(&self) -> bool {
        AutoStream::new(io::stderr(), self.choice).current_choice() != anstream::ColorChoice::Never
    }
}

/// The text in a style. `anstream` takes the style out again where it does not belong.
pub(super) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
