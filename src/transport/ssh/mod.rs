//! The SSH transport: one connection to a host, kept for the run; one channel for each request.

mod agent;
mod ahead;
pub(super) mod algorithms;
mod asking;
pub(super) mod authentication;
mod candidates;
mod certificates;
pub(super) mod dial;
pub(super) mod exec;
pub(super) mod files;
mod forward;
pub(super) mod guard;
pub(super) mod handshake;
pub(super) mod host_key;
pub(super) mod jump;
mod keyring;
mod keys;
mod proxy_command;
mod wire;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use russh::Disconnect;
use russh::client::Handle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use super::deadline::late;
use super::person::Turn;
use super::places::Places;
use super::retry::again;
use super::{Answer, Climb, Link, Reply, Request, Rung, Stream, Transport, TransportError};
use ahead::Ahead;
pub(super) use asking::look;
use asking::{Ask, Failed, open};
use authentication::Entry;
pub(super) use authentication::login;
use guard::Hold;
use host_key::{Doorman, Parting};
pub use jump::JumpHosts;
pub use keyring::Keyring;
pub(super) use keyring::Typed;
use proxy_command::ProxyCommand;

/// How long a server may take to hear us say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a connection may wait for its turn. A server hangs up on whoever does not log in for some time
/// (`LoginGraceTime`), so one that is older is opened anew.
const STALE: Duration = Duration::from_secs(10);

/// A host reached by SSH.
pub(super) struct Ssh {
    link: Link,
    /// Replaced when the server has gone away between two requests.
    session: Mutex<Option<Arc<Session>>>,
}

/// One connection to a server that has let us in.
struct Session {
    handle: Handle<Doorman>,
    /// The jump host that it leads through: its connection lives as long as this one.
    _through: Option<Arc<Self>>,
    /// Why the connection has ended, once it has.
    parting: Parting,
    _hold: Hold,
    climb: Climb,
    places: Places,
}

impl Ssh {
    /// Connects and logs in; tries again where the server turned us away for the moment.
    pub(super) async fn connect(link: &Link) -> Result<Self, TransportError> {
        let session = connect(link, None).await?;
        Ok(Self { link: link.clone(), session: Mutex::new(Some(Arc::new(session))) })
    }

    /// The living connection, made anew if need be: nothing of a request has run before it.
    async fn session(&self) -> Result<Arc<Session>, TransportError> {
        let mut session = self.session.lock().await;
        match session.as_ref().filter(|session| !session.handle.is_closed()) {
            Some(living) => Ok(Arc::clone(living)),
            None => {
                let fresh = Arc::new(connect(&self.link, None).await?);
                *session = Some(Arc::clone(&fresh));
                Ok(fresh)
            }
        }
    }
}

impl Transport for Ssh {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        Box::pin(async move {
            let end = Instant::now() + request.deadline;
            let session = match timeout_at(end, self.session()).await {
                Ok(session) => session?,
                Err(_) => return Err(late(request, "a new connection")),
            };
            exec::exec(&session, request, end).await
        })
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        Box::pin(async move {
            let session = self.session().await?;
            forward::open(&session, &self.link, target, port).await
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let Some(session) = self.session.lock().await.take() else {
                return Ok(());
            };
            // A connection that is gone already is closed enough.
            let bye = session.handle.disconnect(Disconnect::ByApplication, "", "");
            if let Ok(Ok(())) = timeout(GOODBYE, bye).await
                && let Some(session) = Arc::into_inner(session)
            {
                drop(timeout(GOODBYE, session.handle).await);
            }
            Ok(())
        })
    }
}

/// Gets in; asks for the passphrase of a key file where the server would take that key. `turn`: whoever comes through
/// this host has the right to ask already.
async fn connect(link: &Link, mut turn: Option<Arc<Turn>>) -> Result<Session, TransportError> {
    loop {
        match again(link.connect_timeout, || open(link, turn.clone())).await? {
            Opened::In(session) => return Ok(session),
            // The connection is closed meanwhile: no server waits for long, and none should wait for a person.
            Opened::Locked(file) => {
                turn = None;
                link.keyring.ask(&file).await?;
            }
            Opened::Busy => turn = Some(Arc::new(link.keyring.person().turn().await)),
        }
    }
}

/// What came of one try.
enum Opened {
    In(Session),
    /// The server would take the key in this file, which a passphrase must open first.
    Locked(PathBuf),
    /// Somebody else is being asked something.
    Busy,
}

/// One try to get in, directly or through the jump hosts.
fn attempt<'a>(link: &'a Link, ask: &'a Ask) -> Pin<Box<dyn Future<Output = Result<Opened, Box<Failed>>> + Send + 'a>> {
    Box::pin(async move {
        let Some(via) = &link.via else {
            link.climb.begin();
            if let Some(command) = &link.options.proxy_command {
                let stream = ProxyCommand::start(command)?;
                let state = stream.state();
                link.climb.reached(Rung::Tcp, || "by the ProxyCommand".to_owned());
                return match enter(link, stream, None, ask).await {
                    Err(failed) => Err(failed.explained(&state).await),
                    session => session,
                };
            }
            let stream = dial::dial(link).await?;
            return enter(link, stream, None, ask).await;
        };
        let jump_host = link.jump_hosts.get(via);
        let through = jump_host.session(via, || connect(via, ask.turn.clone())).await?;
        let _way = jump_host.way(link).await;
        link.climb.begin();
        let opened = Instant::now();
        let stream = Ahead::greet(jump::through(via, &through, link).await?).await;
        link.climb.reached(Rung::Tcp, || format!("from {}", via.name));
        // An sshd turns away those who come while too many are logging in, and all of these come from one address.
        let (stream, _place) = stream.until(jump_host.handshakes()).await;
        let stream = match stream.filter(|_| opened.elapsed() < STALE) {
            Some(stream) => stream,
            None => Ahead::greet(jump::through(via, &through, link).await?).await,
        };
        link.climb.resumed();
        enter(link, stream, Some(through), ask).await
    })
}

/// Exchanges keys and logs in.
async fn enter<S>(link: &Link, stream: S, through: Option<Arc<Session>>, ask: &Ask) -> Result<Opened, Box<Failed>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut handle, parting, hold) = handshake::handshake(link, stream, &ask.without_turn()).await?;
    let later = match authentication::authenticate(link, &mut handle, &parting, ask.turn.clone()).await? {
        Entry::In => None,
        Entry::Locked(file) => Some(Opened::Locked(file)),
        Entry::Busy => Some(Opened::Busy),
    };
    if let Some(later) = later {
        drop(timeout(GOODBYE, handle.disconnect(Disconnect::ByApplication, "", "")).await);
        return Ok(later);
    }
    link.climb.reached(Rung::Authentication, || link.user.clone());
    Ok(Opened::In(Session {
        handle,
        _through: through,
        parting,
        _hold: hold,
        climb: link.climb.clone(),
        places: Places::default(),
    }))
}
