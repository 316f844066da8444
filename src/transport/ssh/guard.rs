//! What a server may send: no more than belongs to what it was asked, and nothing once nobody listens.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use crate::transport::heard::heard;
use crate::transport::{Rung, TransportError};

/// How many bytes a server may send that are no command's output: exchanges of keys, banners, answers. Each channel
/// allows as many again, because what is on its way when a channel is closed belongs to nothing any more: it may be a
/// window of 2 MiB.
pub(in crate::transport) const ALLOWANCE: u64 = 2 << 20;

/// What a packet of output needs on the wire besides the output.
const ENVELOPE: u64 = 64;

/// How much of the beginning is kept, to tell who it is that answers.
const BEGINNING: usize = 256;

/// How long a connection may go on that nobody holds any more.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The error for a connection that was given up because the server would not stop, after so many bytes.
pub(in crate::transport) fn flood(rung: Rung, received: u64) -> TransportError {
    let count = received / 1_000_000;
    TransportError::new(
        rung,
        "server-floods",
        format!("the server sends without end what nobody has asked for ({count} MB); the connection was cut"),
    )
    .hint("no sshd does this: see who answers at that address (`ssh -v`), and look at the host's own log")
}

/// Keeps the books on one connection.
#[derive(Debug, Default)]
pub(super) struct Guard {
    received: AtomicU64,
    /// What was received for a reason.
    earned: AtomicU64,
    cut: AtomicBool,
    flooded: AtomicBool,
    reader: AtomicWaker,
    beginning: Mutex<Vec<u8>>,
}

impl Guard {
    /// A channel is about to be opened.
    pub(super) fn expect_channel(&self) {
        self.earned.fetch_add(ALLOWANCE, Ordering::Relaxed);
    }

    /// So many bytes were a command's output.
    pub(super) fn delivered(&self, bytes: usize) {
        self.earned.fetch_add(bytes as u64 + ENVELOPE, Ordering::Relaxed);
    }

    /// The error for a connection that was given up because the server would not stop.
    pub(super) fn flood(&self, rung: Rung) -> Option<TransportError> {
        self.flooded.load(Ordering::Acquire).then(|| flood(rung, self.received.load(Ordering::Relaxed)))
    }

    /// The first line that came, unless it is one of SSH; `None` when nothing came.
    pub(super) fn greeting(&self) -> Option<String> {
        let beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let first = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
        (!is_ssh(&beginning) && !beginning.is_empty()).then(|| heard(&String::from_utf8_lossy(first)))
    }

    /// Has the server said that it speaks SSH, in a version that we speak too?
    pub(super) fn is_ssh(&self) -> bool {
        is_ssh(&self.beginning.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
    }

    fn read(&self, bytes: &[u8]) -> io::Result<()> {
        let received = self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if received <= (BEGINNING + bytes.len()) as u64 {
            let mut beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
            let room = BEGINNING.saturating_sub(beginning.len());
            beginning.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
        if received > self.earned.load(Ordering::Relaxed) + ALLOWANCE {
            self.flooded.store(true, Ordering::Release);
            self.cut();
            return Err(io::Error::other("the server sends without end"));
        }
        Ok(())
    }
}

fn is_ssh(beginning: &[u8]) -> bool {
    let known = |line: &[u8]| line.starts_with(b"SSH-2.") || line.starts_with(b"SSH-1.99-");
    beginning.split(|byte| *byte == b'\n').any(known)
}

/// Whoever holds it wants the connection. When it is dropped, a server that goes on talking is cut off.
// russh's own task outlives an exchange of keys that was given up, for as long as the server sends something.
#[derive(Debug)]
pub(super) struct Hold(Arc<Guard>);

impl Drop for Hold {
    fn drop(&mut self) {
        let guard = Arc::clone(&self.0);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                // Our own goodbye may still be on its way.
                sleep(LAST_WORDS).await;
                guard.cut();
            })),
            Err(_) => guard.cut(),
        }
    }
}

/// A stream under guard.
pub(super) struct Guarded<S> {
    stream: S,
    guard: Arc<Guard>,
}

/// Puts a stream under guard.
pub(super) fn guarded<S>(stream: S) -> (Guarded<S>, Arc<Guard>, Hold) {
    let guard = Arc::<Guard>::default();
    (Guarded { stream, guard: Arc::clone(&guard) }, Arc::clone(&guard), Hold(guard))
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.guard.reader.register(context.waker());
        if self.guard.cut.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match read {
            Poll::Ready(Ok(())) => Poll::Ready(self.guard.read(buffer.filled().get(before..).unwrap_or_default())),
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, data);
        if let Poll::Ready(Ok(count)) = &written {
            // Whatever we say may be answered at the same length.
            self.guard.earned.fetch_add(*count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_was_asked_for_may_be_long_and_the_rest_may_not() {
        let (mut server, client) = tokio::io::duplex(1 << 16);
        let (mut stream, guard, _hold) = guarded(client);
        tokio::spawn(async move { while server.write_all(&[b'x'; 1 << 16]).await.is_ok() {} });
        let mut buffer = vec![0; 1 << 16];
        for _ in 0..3 * ALLOWANCE / (1 << 16) {
            stream.read_exact(&mut buffer).await.unwrap();
            guard.delivered(buffer.len());
        }
        assert!(guard.flood(Rung::Command).is_none());
        let error = loop {
            if let Err(error) = stream.read_exact(&mut buffer).await {
                break error;
            }
        };
        assert_eq!(error.to_string(), "the server sends without end");
        assert_eq!(guard.flood(Rung::Channel).unwrap().code, "server-floods");
    }

    #[tokio::test]
    async fn the_first_line_of_something_else_is_kept() {
        let (mut server, client) = tokio::io::duplex(1 << 16);
        let (mut stream, guard, _hold) = guarded(client);
        assert_eq!(guard.greeting(), None);
        server.write_all(b"220 mail.example.com \x1b[31mESMTP\r\nmore\r\n").await.unwrap();
        stream.read_exact(&mut [0; 39]).await.unwrap();
        assert_eq!(guard.greeting().unwrap(), "220 mail.example.com ?[31mESMTP");
        server.write_all(b"SSH-2.0-late\r\n").await.unwrap();
        stream.read_exact(&mut [0; 14]).await.unwrap();
        assert_eq!(guard.greeting(), None);
    }

    #[tokio::test]
    async fn a_connection_that_nobody_holds_ends() {
        let (_server, client) = tokio::io::duplex(64);
        let (mut stream, _guard, hold) = guarded(client);
        drop(hold);
        let error = stream.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
