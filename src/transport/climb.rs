//! The rungs that a connection has climbed, with the time of each; for those who want to see them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Rung;
use super::dialogue::Act;

/// Notes the rungs of one link as they are climbed. By default nobody looks, and it notes nothing.
#[derive(Clone, Default)]
pub struct Climb(Option<Arc<Mutex<Noted>>>);

struct Noted {
    /// When the last rung was reached, or the climb begun.
    since: Instant,
    rungs: Vec<Climbed>,
}

/// A rung that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Climbed {
    /// Which one.
    pub rung: Rung,
    /// How long it took from the one below.
    pub took: Duration,
    /// What was found there, such as the address of a name; may be empty.
    pub note: String,
}

impl fmt::Debug for Climb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Climb(noted)" } else { "Climb" })
    }
}

impl Climb {
    /// One that is noted.
    pub fn noted() -> Self {
        Self(Some(Arc::new(Mutex::new(Noted { since: Instant::now(), rungs: Vec::new() }))))
    }

    /// Does anybody look?
    pub fn is_noted(&self) -> bool {
        self.0.is_some()
    }

    /// A try begins at the foot of the ladder: what an earlier one has climbed does not count.
    pub(super) fn begin(&self) {
        if let Some(mut noted) = self.lock() {
            *noted = Noted { since: Instant::now(), rungs: Vec::new() };
        }
    }

    /// This rung is reached. It counts once: a second request finds the connection where the first has brought it.
    pub fn reached(&self, rung: Rung, note: impl FnOnce() -> String) {
        if let Some(mut noted) = self.lock()
            && noted.rungs.last().is_none_or(|last| last.rung < rung)
        {
            let took = noted.since.elapsed();
            noted.since += took;
            noted.rungs.push(Climbed { rung, took, note: note() });
        }
    }

    /// It goes on after a wait for others, which counts for no rung.
    pub(super) fn resumed(&self) {
        if let Some(mut noted) = self.lock() {
            noted.since = Instant::now();
        }
    }

    /// What the output of a command led to: where the input is sent only now, a gate has opened.
    pub(super) fn follow(&self, act: Option<Act>) {
        if act == Some(Act::SendInput) {
            self.reached(Rung::Become, String::new);
        }
    }

    /// The rungs that were reached, from below.
    pub fn rungs(&self) -> Vec<Climbed> {
        self.lock().map(|noted| noted.rungs.clone()).unwrap_or_default()
    }

    /// How long ago the last rung was reached, or the climb begun.
    pub fn waiting(&self) -> Duration {
        self.lock().map(|noted| noted.since.elapsed()).unwrap_or_default()
    }

    fn lock(&self) -> Option<MutexGuard<'_, Noted>> {
        self.0.as_ref().map(|noted| noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_counts_once_and_a_new_try_begins_below() {
        let climb = Climb::noted();
        let names = |climb: &Climb| climb.rungs().iter().map(|climbed| climbed.rung).collect::<Vec<_>>();
        climb.reached(Rung::Tcp, String::new);
        climb.clone().reached(Rung::Channel, || "first".to_owned());
        climb.reached(Rung::Channel, || "second".to_owned());
        climb.reached(Rung::Authentication, String::new);
        assert_eq!(names(&climb), [Rung::Tcp, Rung::Channel]);
        assert_eq!(climb.rungs()[1].note, "first");
        climb.begin();
        climb.reached(Rung::Tcp, String::new);
        assert_eq!(names(&climb), [Rung::Tcp]);
    }

    #[test]
    fn nothing_is_noted_for_nobody() {
        let climb = Climb::default();
        climb.reached(Rung::Tcp, || unreachable!("nobody asked for the note"));
        assert_eq!((climb.rungs(), climb.waiting(), climb.is_noted()), (Vec::new(), Duration::ZERO, false));
    }
}
