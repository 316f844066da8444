//! A TCP connection from the host, through the connection that `ssh` keeps.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, timeout_at};

use super::mux::{Message, Mux};
use super::session::Session;
use crate::transport::error::out_of_files;
use crate::transport::stream::{closed, silent};
use crate::transport::{Link, Rung, Stream, TransportError};

/// A connection whose bytes the master carries.
struct Forwarded {
    there: UnixStream,
    back: Receiver,
    /// Its end is the end of the connection.
    _mux: Mux,
    _session: Arc<Session>,
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.back).poll_read(context, buffer)
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.there).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.there).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.there).poll_shutdown(context)
    }
}

/// Opens a connection from the host to `target`, within the time that the host may take to accept one itself.
pub(super) async fn open(
    session: Arc<Session>,
    link: &Link,
    target: &str,
    port: u16,
) -> Result<Stream, TransportError> {
    let end = Instant::now() + link.connect_timeout;
    let Ok(asked) = timeout_at(end, ask(&session, target, port)).await else {
        return Err(silent(target, port, link.name.as_str(), link.connect_timeout));
    };
    if let Some(ours) = asked.as_ref().err().and_then(|error| out_of_files(Rung::Channel, error)) {
        return Err(ours);
    }
    let Ok((Some(answer), there, back, mux)) = asked else {
        return Err(session.lost("before a connection was opened").await.retriable());
    };
    match answer {
        Message::Opened(_) => Ok(Box::new(Forwarded { there, back, _mux: mux, _session: session })),
        _ => {
            let why = session.why_not_opened(&format!("{target}:{port}")).await;
            if why.as_deref().is_some_and(|why| why.starts_with("connect failed")) {
                return Err(closed(target, port, link.name.as_str()));
            }
            Err(refused(link, target, port, why.as_deref()))
        }
    }
}

type Asked = (Option<Message>, UnixStream, Receiver, Mux);

async fn ask(session: &Session, target: &str, port: u16) -> io::Result<Asked> {
    session.expect_channel();
    let mut mux = Mux::connect(&session.socket).await?;
    // Not a pipe: only a socket can say that no more will come, and be kept.
    let (there, theirs) = Pair::pair()?;
    let (ours, back) = io::pipe()?;
    there.set_nonblocking(true)?;
    mux.forward(target, port, [OwnedFd::from(theirs), back.into()]).await?;
    let answer = mux.receive().await?;
    Ok((answer, UnixStream::from_std(there)?, Receiver::from_owned_fd(ours.into())?, mux))
}

fn refused(link: &Link, target: &str, port: u16, why: Option<&str>) -> TransportError {
    let why = why.unwrap_or("it does not say why");
    let cause = format!("the SSH server of {} opens no connection to {target} port {port}: {why}", link.name);
    TransportError::new(Rung::Channel, "forwarding-refused", cause).hint(
        "let this user forward connections: AllowTcpForwarding and PermitOpen in the host's sshd_config, and no \
         `restrict` or `no-port-forwarding` before his key in authorized_keys",
    )
}
