//! Floor 1: a request to a host and its answer back. Knows nothing of what is asked, or why.

mod become_user;
mod capture;
mod climb;
mod deadline;
mod dialogue;
mod error;
mod exchange;
mod heard;
mod host_key;
pub mod http;
mod instead;
mod known_hosts;
mod linger;
mod link;
mod local;
mod openssh;
mod outlet;
mod person;
mod places;
mod program;
mod request;
mod retry;
mod ssh;
mod stream;
mod tokens;
mod upload;
pub mod user_config;

pub use become_user::Attempts;
pub use climb::{Climb, Climbed};
pub use error::{Rung, TransportError};
pub use heard::heard;
pub use host_key::{HostKey, Standing, host_key};
pub use instead::instead;
pub use known_hosts::{RecordError, Recorded, known_hosts_line, record};
pub use link::{AddressFamily, Algorithms, Become, ConnectionOptions, Given, Keepalive, Link};
pub use outlet::{Outlet, Piece, Printed};
pub use person::{Question, Wanted};
pub use request::{Ending, Gate, GateProgress, HangUp, Input, Prompt, Refusal, RefusalKind, Reply, Request, call};
pub use ssh::{JumpHosts, Keyring};
pub use stream::{ByteStream, Stream, dial};
pub use upload::{RESUMED_FROM, Sending, upload, upload_to_empty};

use std::future::Future;
use std::pin::Pin;

use crate::model::inventory::{BecomeMethod, TransportKind};

/// What a transport promises.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send + 'a>>;

/// One host's wire: a command line in, its answer out. Retrying and becoming root are wrappers of it.
pub trait Transport: Send + Sync {
    /// Runs one command line on the host, feeds it its input, and returns what it said when it has ended.
    ///
    /// It ends by the request's deadline at the latest. Whatever the command prints past the request's limit is read
    /// and thrown away.
    ///
    /// # Errors
    /// When no complete answer came: then it is unknown what the command did.
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply>;

    /// A TCP connection from the host to `target` and `port`, which the host looks up and reaches as it can.
    ///
    /// # Errors
    /// When the host forwards no connections, or nothing answers there within the time that the host itself may take to
    /// accept a connection.
    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream>;

    /// Ends the connection in order. A transport that is dropped ends it too, without waiting.
    fn close(&self) -> Answer<'_, ()>;
}

impl Transport for Box<dyn Transport> {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        (**self).run(request)
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        (**self).open(target, port)
    }

    fn close(&self) -> Answer<'_, ()> {
        (**self).close()
    }
}

/// Reaches a host: by SSH, by the user's own `ssh`, or as this machine itself; with the wrappers that its link asks for.
///
/// Nothing is run on the host yet. A connection that is refused or dropped before anything could run is tried again.
///
/// # Errors
/// When the host is not reached; the error's rung says how far we got.
pub async fn connect(link: &Link) -> Result<Box<dyn Transport>, TransportError> {
    let wire: Box<dyn Transport> = match link.kind {
        TransportKind::Ssh => Box::new(ssh::Ssh::connect(link).await?),
        TransportKind::Openssh => Box::new(openssh::OpenSsh::connect(link).await?),
        TransportKind::Local => Box::new(local::Local::new(link.connect_timeout, link.climb.clone())),
    };
    let wire = match &link.become_ {
        Some(how) if how.method != BecomeMethod::None => Box::new(become_user::BecomeUser::new(wire, how.clone())),
        _ => wire,
    };
    Ok(Box::new(retry::Retry::new(wire)))
}
