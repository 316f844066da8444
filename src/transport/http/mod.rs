//! One HTTP/1.1 request and its answer, over a connection that the caller chooses: through a host, or from here.
//!
//! Everything has a deadline and a limit. Nothing is followed, retried or kept: what a probe sees is what was sent.

mod anybody;
mod connection;
mod error;
mod tls;

#[cfg(test)]
mod tests;

pub(crate) use anybody::Anybody;
pub use connection::Connection;
pub use error::{HttpError, HttpErrorKind};
pub use tls::{Roots, Tls, certificates};

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::{Stream, TransportError};

/// What is asked. May hold secrets: it has no `Debug`.
pub struct Question {
    /// The method, such as `GET`.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// What the `Host` header says: the name, and the port where it is not the usual one.
    pub host: String,
    /// Further headers, in order.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// The body.
    pub body: Zeroizing<String>,
}

/// An answer: whatever the server said, also when that is an error of its own.
#[derive(Debug, Clone)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, up to the limit.
    pub body: Bytes,
    /// Was the body longer than the limit? The rest was not read.
    pub truncated: bool,
    /// How long it took.
    pub times: Times,
}

impl HttpReply {
    /// The first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How long each part took. On a connection that was kept, the first two are zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Until the TCP connection stood.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the sending of the request to the answer's head.
    pub first_byte: Duration,
    /// All of it, to the end of the body.
    pub total: Duration,
}

/// How much is waited for and kept.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long the whole may take, from the first packet to the last byte of the body.
    pub deadline: Duration,
    /// How many bytes of the body are kept.
    pub limit: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), limit: 256 * 1024 }
    }
}

/// Asks once, over a new connection that `open` makes and that is closed afterwards.
///
/// # Errors
/// When no whole answer came; a status that says failure is an answer.
pub async fn ask(
    open: impl Future<Output = Result<Stream, TransportError>>,
    tls: &Tls,
    question: &Question,
    bounds: Bounds,
) -> Result<HttpReply, HttpError> {
    let begun = Instant::now();
    let end = begun + bounds.deadline;
    let stream = match timeout_at(end, open).await {
        Ok(stream) => stream.map_err(HttpError::from)?,
        Err(_) => return Err(error::late("a connection", bounds.deadline)),
    };
    let connect = begun.elapsed();
    let mut connection = match timeout_at(end, Connection::over(stream, tls)).await {
        Ok(connection) => connection?,
        Err(_) => return Err(error::late("the TLS handshake", bounds.deadline)),
    };
    let left = Bounds { deadline: end.saturating_duration_since(Instant::now()), ..bounds };
    let mut reply = connection.send(question, left).await.map_err(|error| error.of(bounds.deadline))?;
    reply.times = Times { connect, tls: connection.tls_time(), total: begun.elapsed(), ..reply.times };
    Ok(reply)
}
