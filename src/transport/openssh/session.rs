//! A connection that the user's `ssh` keeps, from when it can take commands to its end.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::channels::{Channels, Ended};
use super::explain;
use super::lines::Lines;
use super::room::Room;
use super::said::Said;
use crate::transport::places::Places;
use crate::transport::ssh::guard::{ALLOWANCE, flood};
use crate::transport::ssh::jump::Living;
use crate::transport::{Rung, TransportError};

/// How long an `ssh` may take to say goodbye.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// How long what `ssh` prints may come after what it does.
const WORDS: Duration = Duration::from_secs(1);

/// One connection to a server that has let us in.
pub(super) struct Session {
    /// Where the process listens.
    pub(super) socket: PathBuf,
    pub(super) places: Places,
    said: Arc<Mutex<Said>>,
    /// Rung whenever something was said.
    heard: Arc<Notify>,
    /// How much its `ssh` may have to tell in all: more with each channel.
    earned: Arc<AtomicU64>,
    gone: watch::Receiver<bool>,
    /// Dropped with this, which ends the process.
    _end: oneshot::Sender<()>,
    /// The jump host that it leads through: its connection lives as long as this one.
    _through: Option<Arc<Self>>,
    /// Its folder, and its end at the latest.
    _room: Arc<Room>,
}

impl Living for Session {
    fn is_living(&self) -> bool {
        !*self.gone.borrow()
    }
}

impl Session {
    /// Keeps an `ssh` that can take commands, until this is dropped.
    pub(super) fn keep(
        child: Child,
        lines: Lines,
        said: Said,
        socket: PathBuf,
        through: Option<Arc<Self>>,
        room: Arc<Room>,
    ) -> Self {
        let (end, ended) = oneshot::channel();
        let (tell_gone, gone) = watch::channel(false);
        let said = Arc::new(Mutex::new(said));
        let heard = Arc::new(Notify::new());
        let earned = Arc::new(AtomicU64::new(ALLOWANCE));
        let (ear, bell, allowed) = (Arc::clone(&said), Arc::clone(&heard), Arc::clone(&earned));
        tokio::spawn(async move {
            listen(child, lines, Ear { said: &ear, bell: &bell, allowed: &allowed }, ended).await;
            tell_gone.send_replace(true);
            bell.notify_waiters();
        });
        Self { socket, places: Places::default(), said, heard, earned, gone, _end: end, _through: through, _room: room }
    }

    /// What its `ssh` has said.
    pub(super) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A channel is about to be opened.
    pub(super) fn expect_channel(&self) {
        self.earned.fetch_add(ALLOWANCE, Ordering::Relaxed);
    }

    /// Why no connection to `target` was opened through this one, where that becomes known.
    pub(super) async fn why_not_opened(&self, target: &str) -> Option<String> {
        self.learned(|channels| channels.failure(target)).await
    }

    /// How the command on a channel has ended that is closed and told no status, where that becomes known.
    pub(super) async fn ending(&self, channel: u32) -> Option<Ended> {
        self.learned(|channels| channels.ending(channel)).await
    }

    /// What `ssh` prints comes after what it does.
    async fn learned<T>(&self, look: impl Fn(&Channels) -> Option<T>) -> Option<T> {
        let end = Instant::now() + WORDS;
        loop {
            let heard = self.heard.notified();
            let found = look(&self.said().channels);
            if found.is_some() || timeout_at(end, heard).await.is_err() {
                return found;
            }
        }
    }

    /// The connection is gone. Says why, where its `ssh` has said so with its last breath.
    pub(super) async fn lost(&self, when: &str) -> TransportError {
        drop(timeout(WORDS, self.gone.clone().wait_for(|gone| *gone)).await);
        let said = self.said();
        match said.flood {
            Some(received) => flood(Rung::Command, received),
            None => explain::lost(when, said.parting()),
        }
    }

    /// The same where nothing has run: the next try makes a new connection.
    pub(super) async fn unsent(&self) -> TransportError {
        let error = self.lost("before the command was sent").await;
        match error.code {
            // The next connection would be flooded too.
            "server-floods" => error,
            _ => error.retriable(),
        }
    }

    /// Ends the process in order.
    pub(super) async fn end(self) {
        let mut gone = self.gone.clone();
        drop(self);
        drop(timeout(GOODBYE, gone.wait_for(|gone| *gone)).await);
    }
}

/// Who hears what is said, and how much it may be.
struct Ear<'a> {
    said: &'a Mutex<Said>,
    bell: &'a Notify,
    allowed: &'a AtomicU64,
}

/// Listens to the process until it has ended, or is to end.
async fn listen(mut child: Child, mut lines: Lines, ear: Ear<'_>, mut end: oneshot::Receiver<()>) {
    let said = || ear.said.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Some(line) => {
                    said().hear(&line);
                    ear.bell.notify_waiters();
                    if lines.received() > ear.allowed.load(Ordering::Relaxed) {
                        said().flood = Some(lines.received());
                        drop(child.start_kill());
                        break;
                    }
                }
                // It has closed its standard error; a proxy command may still hold it open when it has ended.
                None => break,
            },
            _ = child.wait() => break,
            _ = &mut end => {
                // Then it tells the server, and ends its proxy command.
                if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
                    let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
                }
                break;
            }
        }
    }
    if timeout(GOODBYE, child.wait()).await.is_err() {
        drop(child.kill().await);
    }
    // Its last words say why it has ended.
    while let Ok(Some(line)) = timeout(Duration::from_millis(100), lines.next()).await {
        said().hear(&line);
    }
}
