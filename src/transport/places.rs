//! The commands that run at once over one connection.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::deadline::late;
use super::{Request, Rung, TransportError};

/// How many there are. OpenSSH allows 10 (`MaxSessions`), and a channel that is about to close still counts.
const CHANNELS: usize = 8;

/// The pauses between asking for a channel again and again, each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(640);

/// The places of one connection.
pub(super) struct Places {
    channels: Semaphore,
    /// How many channels are open.
    running: AtomicUsize,
    /// Rung whenever a channel has ended.
    freed: Notify,
}

impl Default for Places {
    fn default() -> Self {
        Self { channels: Semaphore::new(CHANNELS), running: AtomicUsize::new(0), freed: Notify::new() }
    }
}

/// A command's place among those that run, freed on every way out.
pub(super) struct Place<'a> {
    places: &'a Places,
    _channel: Option<SemaphorePermit<'a>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.running.fetch_sub(1, Ordering::AcqRel);
        self.places.freed.notify_waiters();
    }
}

/// What a server says to being asked for a channel.
pub(super) enum Asked<C> {
    Opened(C),
    /// It opens none, for this reason.
    Refused(String),
}

impl Places {
    /// Opens a channel for a request by `ask`, until `end` at the latest. Where the server allows fewer at once than we do,
    /// waits until one of ours has ended.
    pub(super) async fn open<C, A>(
        &self,
        request: &Request,
        end: Instant,
        ask: impl FnMut() -> A,
    ) -> Result<(C, Place<'_>), TransportError>
    where
        A: Future<Output = Result<Asked<C>, TransportError>>,
    {
        let channel = match timeout_at(end, self.channels.acquire()).await {
            // Never closed.
            Ok(channel) => channel.ok(),
            Err(_) => return Err(late(request, "another command on the same connection to end")),
        };
        let opened = match timeout_at(end, self.insist(ask)).await {
            Ok(opened) => opened?,
            Err(_) => return Err(late(request, "the server to open a channel")),
        };
        self.running.fetch_add(1, Ordering::AcqRel);
        Ok((opened, Place { places: self, _channel: channel }))
    }

    async fn insist<C, A>(&self, mut ask: impl FnMut() -> A) -> Result<C, TransportError>
    where
        A: Future<Output = Result<Asked<C>, TransportError>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let freed = self.freed.notified();
            let why = match ask().await? {
                Asked::Opened(channel) => return Ok(channel),
                Asked::Refused(why) => why,
            };
            if self.running.load(Ordering::Acquire) > 0 {
                freed.await;
            } else if pause <= LAST_PAUSE {
                // sshd gives a place free a moment after it has closed the channel.
                sleep(pause).await;
                pause *= 2;
            } else {
                return Err(TransportError::new(
                    Rung::Channel,
                    "channel-refused",
                    format!("the server opens no channel: {why}"),
                )
                .hint("look at MaxSessions in the host's sshd_config: it must allow at least 1")
                .retriable());
            }
        }
    }
}
