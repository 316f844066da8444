//! One host of a fleet: what is wanted there, and the wire to it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use super::Failure;
use super::link::Links;
use crate::model::inventory::Host;
use crate::model::{HostName, Script, state_folder};
use crate::steps::Item;
use crate::steps::preflight::Subject;
use crate::transport::{Link, Reply, Request, Stream, Transport, TransportError, connect, instead};

/// How much of one answer is kept, in bytes. Files over 4 MiB are not edited, so an answer this long is not one of ours.
const ANSWER_LIMIT: usize = 16 << 20;

/// One host: what is wanted there, and the wire to it.
pub(super) struct Node {
    pub(super) name: HostName,
    pub(super) items: Vec<Item>,
    /// The host as the rules know it; `None` without a product.
    pub(super) subject: Option<Subject>,
    /// Shell that sets `HACTL_STATE`.
    pub(super) state_folder: String,
    link: Link,
    timeout: Duration,
    /// Shared by all nodes: how many uploads may run at once.
    pub(super) uploads: Arc<Semaphore>,
    /// Was nothing there of any upload when the lock was taken, nor since?
    pub(super) has_no_blobs: AtomicBool,
    /// What was seen of the last run that has mended here, as [`super::lock::last_mend`] prints it.
    last_mend: std::sync::Mutex<String>,
    wire: Mutex<Option<Arc<dyn Transport>>>,
    execs: AtomicU32,
}

impl Node {
    pub(super) fn new(host: &Host, items: Vec<Item>, links: &Links<'_>, uploads: Arc<Semaphore>) -> Self {
        // A path that is not one was refused when the inventory was read.
        let chosen = host.ssh.state_folder.as_deref().and_then(|folder| folder.parse().ok());
        Self {
            name: host.name.clone(),
            items,
            subject: None,
            state_folder: state_folder(chosen.as_ref()),
            link: links.to(host),
            timeout: links.options.timeout,
            uploads,
            has_no_blobs: AtomicBool::new(false),
            last_mend: std::sync::Mutex::default(),
            wire: Mutex::new(None),
            execs: AtomicU32::new(0),
        }
    }

    /// The host as the rules know it.
    pub(super) fn subject(self, subject: Option<Subject>) -> Self {
        Self { subject, ..self }
    }

    /// Stays the user who logs in.
    pub(super) fn without_become(mut self) -> Self {
        self.link.become_ = None;
        self
    }

    /// Does it share a connection with others on its way?
    pub(super) fn is_behind_jump_host(&self) -> bool {
        self.link.via.is_some()
    }

    /// The same, with the rungs of its connection noted.
    pub(super) fn noted(self) -> Self {
        Self { link: self.link.noted(), ..self }
    }

    /// How it is reached.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// What was seen of the last run that has mended here.
    pub(super) fn last_mend(&self) -> MutexGuard<'_, String> {
        self.last_mend.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many command lines were sent.
    pub(super) fn execs(&self) -> u32 {
        self.execs.load(Ordering::Relaxed)
    }

    /// Runs one script.
    pub(super) async fn run(&self, script: &Script) -> Result<Reply, TransportError> {
        self.run_within(script, self.timeout).await
    }

    /// Runs one script that may take this long.
    pub(super) async fn run_within(&self, script: &Script, deadline: Duration) -> Result<Reply, TransportError> {
        self.request(Request::script(script, deadline, ANSWER_LIMIT)).await
    }

    /// Sends one request over the run's one connection to this host.
    pub(super) async fn request(&self, request: Request) -> Result<Reply, TransportError> {
        let mut again = true;
        loop {
            let wire = self.wire().await?;
            self.execs.fetch_add(1, Ordering::Relaxed);
            match wire.run(&request).await {
                // Nothing of it can have run: a connection that died while it was idle is made anew, once.
                Err(error) if error.retry && again => {
                    *self.wire.lock().await = None;
                    again = false;
                }
                result => return result,
            }
        }
    }

    /// A TCP connection from this host to an address that it reaches.
    pub(super) async fn open(&self, address: &str, port: u16) -> Result<Stream, TransportError> {
        self.wire().await?.open(address, port).await
    }

    /// Connects, unless there is a connection already.
    pub(super) async fn connected(&self) -> Result<(), TransportError> {
        self.wire().await.map(drop)
    }

    /// Ends the connection in order, if there is one.
    pub(super) async fn close(&self) {
        let wire = self.wire.lock().await.take();
        if let Some(wire) = wire {
            // The work is done: a connection that does not end in order is dropped.
            let _ = wire.close().await;
        }
    }

    async fn wire(&self) -> Result<Arc<dyn Transport>, TransportError> {
        let mut wire = self.wire.lock().await;
        if let Some(wire) = wire.as_ref() {
            return Ok(wire.clone());
        }
        let made: Arc<dyn Transport> = Arc::from(connect(&self.link).await?);
        *wire = Some(made.clone());
        Ok(made)
    }

    /// How long an upload of this many bytes may take, or what is done with them: a slow line of 100 KB/s is waited for.
    pub(super) fn upload_deadline(&self, size: u64) -> Duration {
        self.timeout + Duration::from_secs(size / 100_000)
    }

    /// The host ran something, but not our script.
    pub(super) fn no_answer(&self, reply: &Reply) -> Failure {
        Failure::from(&instead(reply, &self.link))
    }
}
