//! Somebody who asks both nodes all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::nodes::login_at;

/// Asks until it is stopped.
pub(crate) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Round>>,
}

/// One question to each node, and when it was put.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) at: Duration,
    /// Did is-1 answer what it should, and did is-2?
    pub(crate) answered: [bool; 2],
}

impl Watcher {
    /// Begins to ask.
    pub(crate) fn begin() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut rounds, begun) = (Vec::new(), Instant::now());
            while !stopped.load(Ordering::Relaxed) {
                let at = begun.elapsed();
                // Both at once: the answer of one must not be older than that of the other.
                let first = std::thread::spawn(|| login_at("is-1").is_ok());
                let second = login_at("is-2").is_ok();
                rounds.push(Round { at, answered: [first.join().unwrap_or(false), second] });
                std::thread::sleep(Duration::from_millis(100));
            }
            rounds
        });
        Self { stop, thread }
    }

    /// Stops asking, and returns what was seen.
    pub(crate) fn end(self) -> Vec<Round> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The rounds in which a node was away: the first and the last. `None` where it always answered.
pub(crate) fn away(rounds: &[Round], node: usize) -> Option<(Duration, Duration)> {
    let mut missed = rounds.iter().filter(|round| !round.answered[node]).map(|round| round.at);
    let first = missed.next()?;
    Some((first, missed.next_back().unwrap_or(first)))
}
