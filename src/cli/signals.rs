//! Ctrl-C once: what runs is finished and locks are released. Twice: stop now.

use tokio::signal::unix::{SignalKind, signal};

use super::console::Console;
use crate::orchestration::{Exit, Stop};

/// What is said after the first signal, and after the second.
pub(super) struct Words {
    first: &'static str,
    second: &'static str,
}

/// For a run that changes hosts.
pub(super) const RUN: Words = Words {
    first: "interrupted: finishing what runs, then releasing the locks; once more to stop now",
    second: "stopped at once: what a host was doing goes on there to its end; locks may be left\n  \
             hint: the next `hactl apply` from this machine takes them over",
};

/// For commands that end when nobody listens to them any more.
pub(super) const CALLS: Words = Words {
    first: "interrupted: ending the commands on the hosts; once more to stop now",
    second: "stopped at once: the hosts end the commands themselves, within seconds",
};

/// Ends when the user insists: with the second signal. The first one asks `stop`.
pub(super) async fn insisted(console: Console, words: Words, stop: Stop) -> Exit {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without signal handlers the system's own way of ending holds.
        return std::future::pending().await;
    };
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        }
    };
    let first = next().await;
    stop.ask(first);
    console.interrupt();
    console.error(words.first);
    let second = next().await;
    console.error(words.second);
    second
}
