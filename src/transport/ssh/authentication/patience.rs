//! How long a login may take: the time in which a person is asked does not count.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How soon it is looked again while a person is being asked.
const LOOK: Duration = Duration::from_millis(200);

/// The time that a person has taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    time: Duration,
    since: Option<Instant>,
}

impl Asked {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question is asked until the returned value is dropped.
    pub(super) fn begin(&self) -> Asking<'_> {
        self.taken().since = Some(Instant::now());
        Asking(self)
    }

    /// How much more time there is because of what has been taken since this was asked last; `None` where nothing has.
    pub(super) fn more(&self) -> Option<Duration> {
        let mut taken = self.taken();
        let now = Instant::now();
        let running = taken.since.as_mut().map(|since| now - std::mem::replace(since, now));
        let more = std::mem::take(&mut taken.time) + running.map_or(Duration::ZERO, |time| time.max(LOOK));
        (!more.is_zero()).then_some(more)
    }
}

/// A question that is being asked.
pub(super) struct Asking<'a>(&'a Asked);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut taken = self.0.taken();
        if let Some(since) = taken.since.take() {
            taken.time += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_takes_is_given_back_once() {
        let asked = Asked::default();
        assert_eq!(asked.more(), None);
        let asking = asked.begin();
        assert!(asked.more() >= Some(LOOK) && asked.more() >= Some(LOOK), "it goes on");
        std::thread::sleep(Duration::from_millis(1));
        drop(asking);
        assert!(asked.more() >= Some(Duration::from_millis(1)));
        assert_eq!(asked.more(), None);
    }
}
