//! A connection that is open before it is its turn: greeted, and listened to meanwhile.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// What we call ourselves.
pub(super) const GREETING: &str = concat!("SSH-2.0-hactl_", env!("CARGO_PKG_VERSION"));

/// How much a server may say before it is its turn: its own greeting, and the algorithms that it knows.
const MOST: usize = 64 * 1024;

/// A stream on which our greeting is said already.
pub(super) struct Ahead<S> {
    stream: S,
    /// What the server has said, and how much of it was read.
    heard: Vec<u8>,
    read: usize,
    /// How much of what is said next was said already.
    said: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ahead<S> {
    /// Greets the server.
    // It answers with the algorithms that it knows: that is one round trip less for those who wait behind us.
    pub(super) async fn greet(mut stream: S) -> Self {
        let greeting = format!("{GREETING}\r\n");
        // Where it cannot be said, the server has gone: whoever listens will hear that.
        let said = match stream.write_all(greeting.as_bytes()).await {
            Ok(()) => greeting.len(),
            Err(_) => 0,
        };
        Self { stream, heard: Vec::new(), read: 0, said }
    }

    /// Listens until our turn has come. `None` for the stream of a server that has said too much by then.
    // What nobody reads would hold up all that goes through the same jump host.
    pub(super) async fn until<T>(mut self, turn: impl Future<Output = T>) -> (Option<Self>, T) {
        let mut turn = pin!(turn);
        let listened = tokio::select! {
            biased;
            come = &mut turn => Some(come),
            () = self.listen() => None,
        };
        let come = match listened {
            Some(come) => return (Some(self), come),
            None if self.heard.len() < MOST => return (Some(self), turn.await),
            None => {
                drop(self);
                turn.await
            }
        };
        (None, come)
    }

    /// Until the server hangs up, or has said too much.
    async fn listen(&mut self) {
        while self.heard.len() < MOST {
            match self.stream.read_buf(&mut self.heard).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ahead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = this.heard.get(this.read..).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..count).unwrap_or_default());
        this.read += count;
        if this.read == this.heard.len() {
            (this.heard, this.read) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ahead<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.said == 0 {
            return Pin::new(&mut self.stream).poll_write(context, data);
        }
        let count = self.said.min(data.len());
        self.said -= count;
        Poll::Ready(Ok(count))
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
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_greeting_is_said_once_and_what_was_heard_meanwhile_is_read_first() {
        let (mut server, client) = tokio::io::duplex(1 << 16);
        let ahead = Ahead::greet(client).await;
        let greeting = format!("{GREETING}\r\n");
        let mut heard = vec![0; greeting.len()];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, greeting.as_bytes());
        let (tell, turn) = oneshot::channel();
        server.write_all(b"SSH-2.0-early\r\n").await.unwrap();
        let waiting = tokio::spawn(ahead.until(turn));
        // The server is listened to, however small the pipe is.
        server.write_all(&[b'x'; MOST - 4096]).await.unwrap();
        tell.send(7).unwrap();
        let (ahead, come) = waiting.await.unwrap();
        assert_eq!(come, Ok(7));
        let mut ahead = ahead.unwrap();
        ahead.write_all(format!("{greeting}and more").as_bytes()).await.unwrap();
        server.write_all(b"late").await.unwrap();
        drop(server.shutdown().await);
        let mut all = Vec::new();
        ahead.read_to_end(&mut all).await.unwrap();
        let text = String::from_utf8(all).unwrap();
        assert!(text.starts_with("SSH-2.0-early\r\nxxx") && text.ends_with("xxxlate"), "{text}");
        assert_eq!(text.len(), 15 + MOST - 4096 + 4);
        let mut rest = [0; 8];
        server.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"and more");
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_while_we_wait_is_still_heard_out() {
        let (mut server, client) = tokio::io::duplex(64);
        let ahead = Ahead::greet(client).await;
        server.write_all(b"Exceeded MaxStartups\r\n").await.unwrap();
        drop(server);
        let (tell, turn) = oneshot::channel();
        let waiting = tokio::spawn(ahead.until(turn));
        tell.send(()).unwrap();
        let (ahead, _) = waiting.await.unwrap();
        let mut all = String::new();
        ahead.unwrap().read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "Exceeded MaxStartups\r\n");
    }

    #[tokio::test]
    async fn a_server_that_talks_on_is_not_listened_to() {
        let (mut server, client) = tokio::io::duplex(4096);
        let ahead = Ahead::greet(client).await;
        let (tell, turn) = oneshot::channel();
        let waiting = tokio::spawn(ahead.until(turn));
        // It is hung up on while the turn has not come: a stream that nobody reads would take no more.
        while server.write_all(&[b'x'; 1024]).await.is_ok() {}
        tell.send(()).unwrap();
        assert!(waiting.await.unwrap().0.is_none());
    }
}
