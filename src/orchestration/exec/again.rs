//! A log that is followed over as many connections as that takes.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::follow::{Follow, Places};
use super::relay::Relay;
use super::{Call, CallOptions, End, News, Told, attempt, nobody_reads};
use crate::transport::{Ending, HangUp, Rung, TransportError};

/// The pauses before a host is tried again, each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Follows until somebody has seen enough, or the host refuses what it has allowed before.
pub(super) async fn follow(
    call: &Call,
    log: &Follow,
    options: &CallOptions,
    tell: &Sender<Told>,
    hang_up: &HangUp,
) -> Result<End, TransportError> {
    let mut relay = Relay::new(call.index, options, tell, hang_up).following(Places::new(&log.nonce));
    let mut pause = FIRST_PAUSE;
    let mut was_lost = false;
    loop {
        let text = log.text(relay.seen());
        let result = tokio::select! {
            result = attempt(call, text, &mut relay, options, hang_up) => result,
            // Nothing of this connection runs there yet that could be waited for.
            () = hang_up.wait(), if was_lost => Ok(End::Interrupted),
        };
        let cause = match lost(&result) {
            Some(cause) if relay.seen().is_some() && !hang_up.is_over() => cause,
            _ => return result,
        };
        if relay.next_connection() {
            was_lost = false;
            pause = FIRST_PAUSE;
        }
        if !std::mem::replace(&mut was_lost, true) {
            let news = Told { call: call.index, news: News::Lost { cause } };
            tokio::select! {
                _ = tell.send(news) => {}
                () = nobody_reads(hang_up) => {}
            }
        }
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(LAST_PAUSE),
            () = hang_up.wait() => return Ok(End::Interrupted),
        }
    }
}

/// Is it only the connection that is lost, or what went with it? Whatever a person must decide ends the following: a host
/// key that has changed, a login that is refused.
fn lost(result: &Result<End, TransportError>) -> Option<String> {
    match result {
        Ok(End::Ended(Ending::Signal(signal))) => Some(format!("the command was ended by signal {signal}")),
        // A shell's word for the HUP, KILL or TERM that a host sends when it goes down.
        Ok(End::Ended(Ending::Status(status @ (129 | 137 | 143)))) => {
            Some(format!("the command was ended by signal {}", status - 128))
        }
        Ok(_) => None,
        Err(error) => match error.rung {
            Rung::HostKey | Rung::Authentication | Rung::Become | Rung::Shell | Rung::Tools => None,
            Rung::Dns | Rung::Tcp | Rung::KeyExchange | Rung::Channel | Rung::Command => Some(error.to_string()),
        },
    }
}
