//! Ctrl-C once: what runs is finished and locks are released. Twice: stop now.

use tokio::signal::unix::{SignalKind, signal};

use super::console::Console;
use crate::orchestration::{Exit, Stop};

/// Ends when the user insists: with the second signal. The first one asks `stop`.
pub(super) async fn insisted(console: Console, stop: Stop) -> Exit {
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
    console.error("interrupted: finishing what runs, then releasing the locks; once more to stop now");
    let second = next().await;
    console.error(
        "stopped at once: what a host was doing goes on there to its end; locks may be left\n  \
         hint: the next `hactl apply` from this machine takes them over",
    );
    second
}
