//! How long output is still read after the command has ended.

use std::time::Duration;

use tokio::time::Instant;

use super::Request;

/// How long nothing may come before we leave: a background child may hold the output open for ever.
const QUIET: Duration = Duration::from_secs(2);

/// How long what comes is read in all, where output is handed on: the status overtakes what the server still holds.
const LONGEST: Duration = Duration::from_secs(10);

/// The time between the end of a command and the end of its output.
pub(super) struct Linger {
    longest: Duration,
    /// Until when in all, and until when if nothing comes.
    until: Option<(Instant, Instant)>,
}

impl Linger {
    pub(super) fn new(request: &Request) -> Self {
        Self { longest: if request.outlet.is_some() { LONGEST } else { QUIET }, until: None }
    }

    /// When to leave; `None` while the command runs.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until.map(|(last, quiet)| quiet.min(last))
    }

    /// The command has ended.
    pub(super) fn ended(&mut self) {
        let now = Instant::now();
        self.until.get_or_insert((now + self.longest, now + QUIET));
    }

    /// Something came, and was handed on after `waited`: that time was the reader's, not the host's.
    pub(super) fn heard(&mut self, waited: Duration) {
        if let Some((last, quiet)) = &mut self.until {
            *last += waited;
            *quiet = Instant::now() + QUIET;
        }
    }
}
