//! The user's own `ssh`, for what only that can do: Kerberos, PKCS#11, tokens without an agent, odd proxy commands.
//!
//! One `ssh` keeps the connection to a host and listens on a socket in a private folder; a request is a channel that it
//! opens for us, by OpenSSH's own protocol for that. So the status of a command is never mixed up with one of ssh's, nor
//! what it prints with what ssh says, and no further process is started for it. All of them end with hactl, see
//! [`room`].
//!
//! The user's configuration holds, except for what the inventory says and what [`options`] always forbids.

mod answers;
mod channels;
mod desk;
mod exec;
mod explain;
mod forward;
mod greeting;
mod lines;
mod master;
mod mux;
mod options;
mod questions;
mod room;
mod said;
mod session;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout_at};

use super::deadline::late;
use super::retry::again;
use super::ssh::jump::{JumpHost, Living as _};
use super::{Answer, Climb, Link, Reply, Request, Stream, Transport, TransportError};
use room::Room;
use session::Session;

/// What the `ssh` processes of a run share: their folder, their end, and the connections to jump hosts.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hops: std::sync::Mutex<BTreeMap<String, Arc<JumpHost<Session>>>>,
    room: OnceCell<Arc<Room>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    async fn room(&self) -> Result<Arc<Room>, TransportError> {
        self.0.room.get_or_try_init(|| async { Room::open().await.map(Arc::new) }).await.cloned()
    }

    /// The climb to the jump host that a link leads to, for whoever goes through it.
    pub(super) fn climb(&self, link: &Link) -> Climb {
        self.hop(link).climb()
    }

    fn hop(&self, link: &Link) -> Arc<JumpHost<Session>> {
        let mut known = self.0.hops.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(link.way()).or_default().clone()
    }
}

/// A host reached by the user's own `ssh`.
pub(super) struct OpenSsh {
    link: Link,
    /// Replaced when the server has gone away between two requests.
    session: Mutex<Option<Arc<Session>>>,
}

impl OpenSsh {
    /// Connects and logs in; tries again where the server turned us away for the moment.
    pub(super) async fn connect(link: &Link) -> Result<Self, TransportError> {
        let session = again(link.connect_timeout, || open(link)).await?;
        Ok(Self { link: link.clone(), session: Mutex::new(Some(Arc::new(session))) })
    }

    /// The living connection, made anew if need be: nothing of a request has run before it.
    async fn session(&self) -> Result<Arc<Session>, TransportError> {
        let mut session = self.session.lock().await;
        match session.as_ref().filter(|session| session.is_living()) {
            Some(living) => Ok(Arc::clone(living)),
            None => {
                let fresh = Arc::new(open(&self.link).await?);
                *session = Some(Arc::clone(&fresh));
                Ok(fresh)
            }
        }
    }
}

impl Transport for OpenSsh {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        Box::pin(async move {
            let end = Instant::now() + request.deadline;
            let session = match timeout_at(end, self.session()).await {
                Ok(session) => session?,
                Err(_) => return Err(late(request, "a new connection")),
            };
            exec::exec(&session, request, end, &self.link.climb).await
        })
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        Box::pin(async move {
            let session = self.session().await?;
            forward::open(session, &self.link, target, port).await
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // A stream that is still open keeps the connection, and ends it with its own end.
            if let Some(session) = self.session.lock().await.take().and_then(Arc::into_inner) {
                session.end().await;
            }
            Ok(())
        })
    }
}

/// One try to get in, directly or through the jump hosts.
fn open(link: &Link) -> Pin<Box<dyn Future<Output = Result<Session, TransportError>> + Send + '_>> {
    Box::pin(async move {
        link.climb.begin();
        let pins = explain::known_hosts(link).await?;
        let shared = link.jump_hosts.openssh();
        let room = shared.room().await?;
        let Some(via) = &link.via else {
            return master::start(link, room, None, pins).await;
        };
        let jump_host = shared.hop(via);
        let through = jump_host.session(via, || again(via.connect_timeout, || open(via))).await?;
        // An sshd turns away those who come while too many are logging in, and all of these come from one address.
        let _place = jump_host.handshakes().await;
        link.climb.begin();
        master::start(link, room, Some((via, through)), pins).await
    })
}
