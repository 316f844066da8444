//! Jump hosts: one connection to each, shared by all hosts behind it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use russh::client::Msg;
use russh::{ChannelOpenFailure, ChannelStream, Error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::Session;
use crate::model::inventory::TransportKind;
use crate::transport::openssh::Shared;
use crate::transport::{Climb, Link, Rung, TransportError};

/// How many hosts behind one jump host are logged in to at once.
const HANDSHAKES: usize = 8;

/// How many more have been greeted by then, so that the next login need not wait for that.
const AHEAD: usize = 8;

/// The jump hosts of a run, each by the way to it.
#[derive(Clone, Default)]
pub struct JumpHosts {
    hops: Arc<Mutex<BTreeMap<String, Arc<JumpHost<Session>>>>>,
    /// What links share that are reached by the user's own `ssh`.
    openssh: Shared,
}

impl fmt::Debug for JumpHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JumpHosts")
    }
}

impl JumpHosts {
    /// The jump host that a link leads to.
    pub(super) fn get(&self, link: &Link) -> Arc<JumpHost<Session>> {
        let mut known = self.hops.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(link.way()).or_default().clone()
    }

    /// What is shared by links that the user's own `ssh` makes.
    pub(in crate::transport) fn openssh(&self) -> &Shared {
        &self.openssh
    }

    /// The climb to the jump host that a link leads to, for whoever goes through it.
    pub(in crate::transport) fn climb(&self, link: &Link) -> Climb {
        match link.kind {
            TransportKind::Openssh => self.openssh.climb(link),
            _ => self.get(link).climb(),
        }
    }
}

/// A connection that may be gone.
pub(in crate::transport) trait Living {
    fn is_living(&self) -> bool;
}

impl Living for Session {
    fn is_living(&self) -> bool {
        !self.handle.is_closed()
    }
}

/// A jump host, and how far we got with it.
pub(in crate::transport) struct JumpHost<S> {
    session: tokio::sync::Mutex<Option<Result<Arc<S>, TransportError>>>,
    handshakes: Semaphore,
    ways: Semaphore,
    /// How many are on their way to each server behind it.
    servers: Mutex<BTreeMap<(String, u16), Arc<Semaphore>>>,
    climb: Climb,
}

impl<S> Default for JumpHost<S> {
    fn default() -> Self {
        let (session, climb) = (tokio::sync::Mutex::default(), Climb::noted());
        let (handshakes, ways) = (Semaphore::new(HANDSHAKES), Semaphore::new(HANDSHAKES + AHEAD));
        Self { session, handshakes, ways, servers: Mutex::default(), climb }
    }
}

impl<S> JumpHost<S> {
    pub(in crate::transport) fn climb(&self) -> Climb {
        self.climb.clone()
    }
}

impl<S: Living> JumpHost<S> {
    /// The one connection to it. The first who asks makes it; what went wrong then goes wrong for all, at once. One that
    /// was lost meanwhile is made anew.
    pub(in crate::transport) async fn session<F>(
        &self,
        link: &Link,
        open: impl FnOnce() -> F,
    ) -> Result<Arc<S>, TransportError>
    where
        F: Future<Output = Result<S, TransportError>>,
    {
        let mut session = self.session.lock().await;
        match session.as_ref() {
            Some(Ok(living)) if living.is_living() => return Ok(living.clone()),
            Some(Err(error)) => return Err(error.clone()),
            _ => {}
        }
        let made = open().await.map(Arc::new).map_err(|error| at(link, error));
        *session = Some(made.clone());
        made
    }

    /// A place among those who have a connection through it that has not logged in. One server gets no more of them than
    /// may log in at once: to it, all of them are.
    pub(super) async fn way(&self, to: &Link) -> (Option<OwnedSemaphorePermit>, Option<SemaphorePermit<'_>>) {
        let server = {
            let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Semaphore::new(HANDSHAKES));
            servers.entry((to.address.clone(), to.port)).or_insert_with(fresh).clone()
        };
        // Never closed.
        (server.acquire_owned().await.ok(), self.ways.acquire().await.ok())
    }

    /// A place among those who are logging in behind it.
    pub(in crate::transport) async fn handshakes(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.handshakes.acquire().await.ok()
    }
}

/// An error at a jump host is none of the host's: it says so, and is not tried again for each host.
pub(in crate::transport) fn at(link: &Link, error: TransportError) -> TransportError {
    let hop = error.hop.clone().unwrap_or_else(|| link.name.clone());
    TransportError { hop: Some(hop), retry: false, ..error }
}

/// A jump host does not let anybody through to this target.
pub(in crate::transport) fn forbidden(via: &Link, target: &str) -> TransportError {
    let cause = format!("the jump host does not allow a connection to {target}");
    let hint = "look at AllowTcpForwarding and PermitOpen in its sshd_config, and at the options of our key there";
    at(via, TransportError::new(Rung::Channel, "jump-forbidden", cause).hint(hint))
}

/// A jump host has found no way to this target.
pub(in crate::transport) fn unreachable(via: &Link, target: &str) -> TransportError {
    let cause = format!("{} cannot connect to {target}", via.name);
    TransportError::new(Rung::Tcp, "unreachable-from-jump-host", cause)
        .hint("is the host up, is the address one that the jump host knows, and does a firewall let it through?")
}

/// A jump host was lost before it had led on.
pub(in crate::transport) fn lost(via: &Link) -> TransportError {
    let error = TransportError::new(Rung::Channel, "connection-lost", "the connection to the jump host was lost");
    at(via, error.hint("see whether it is still up, then run again"))
}

/// A stream to a host through a jump host that has let us in.
pub(super) async fn through(via: &Link, session: &Session, to: &Link) -> Result<ChannelStream<Msg>, TransportError> {
    let target = format!("{} port {}", to.address, to.port);
    session.parting.guard.expect_channel();
    let open = session.handle.channel_open_direct_tcpip(to.address.clone(), to.port.into(), "127.0.0.1", 0);
    match timeout(to.connect_timeout, open).await {
        Ok(Ok(channel)) => Ok(channel.into_stream()),
        Ok(Err(Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited))) => {
            Err(forbidden(via, &target))
        }
        Ok(Err(Error::ChannelOpenFailure(_))) => Err(unreachable(via, &target)),
        Ok(Err(_)) => Err(lost(via)),
        Err(_) => Err(TransportError::new(
            Rung::Tcp,
            "connect-timeout",
            format!("{target} does not answer {} within {} s", via.name, to.connect_timeout.as_secs_f32()),
        )
        .hint("is the host up, and does a firewall let SSH through? --connect-timeout allows more time")),
    }
}
