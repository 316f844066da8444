//! A connection that HTTP/1.1 is spoken over.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::error::{HttpError, HttpErrorKind, late};
use super::tls::{self, Tls};
use super::{Bounds, HttpReply, Question, Times};
use crate::transport::Stream;

/// How many bytes an answer's head may have.
const HEAD: usize = 64 * 1024;

/// How many headers an answer may have.
const HEADERS: usize = 200;

/// A connection over which questions are asked one after another. Dropped, it is closed.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes; ends when the connection does.
    mover: JoinHandle<()>,
    tls_time: Duration,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.mover.abort();
    }
}

impl Connection {
    /// Makes a stream ready for questions. It waits as long as it takes: the caller has a deadline.
    ///
    /// # Errors
    /// When the other side is not who it should be, or speaks no TLS.
    pub async fn over(stream: Stream, tls: &Tls) -> Result<Self, HttpError> {
        let begun = Instant::now();
        let stream = tls::wrap(stream, tls).await?;
        let tls_time = if matches!(tls, Tls::Plain) { Duration::ZERO } else { begun.elapsed() };
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD).max_headers(HEADERS);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
        // Its own error is also the error of the question that is under way.
        let mover = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, mover, tls_time })
    }

    /// How long the TLS handshake took.
    pub fn tls_time(&self) -> Duration {
        self.tls_time
    }

    /// Asks, and reads the answer up to the limit.
    ///
    /// # Errors
    /// When no whole answer came. The connection is of no use then.
    pub async fn send(&mut self, question: &Question, bounds: Bounds) -> Result<HttpReply, HttpError> {
        let request = request(question)?;
        let begun = Instant::now();
        let end = begun + bounds.deadline;
        let all = async {
            let response = self.sender.send_request(request).await.map_err(|error| wrong(&error))?;
            let first_byte = begun.elapsed();
            let (status, headers) = head(&response);
            let (body, truncated) = body(response.into_body(), bounds.limit).await?;
            let times = Times { first_byte, total: begun.elapsed(), ..Times::default() };
            Ok(HttpReply { status, headers, body, truncated, times })
        };
        let reply = timeout_at(end, all).await.unwrap_or_else(|_| Err(late("the answer", bounds.deadline)));
        if reply.as_ref().map_or(true, |reply| reply.truncated) {
            // The rest of the answer is not read: it would never end, or fill the line of all others.
            self.mover.abort();
        }
        reply
    }
}

fn request(question: &Question) -> Result<Request<Full<Bytes>>, HttpError> {
    // A value is not repeated: it may be a secret.
    let refuse = |what: &str| {
        HttpError::new(HttpErrorKind::Question, "http-question", format!("{what} can't be sent in HTTP"))
            .hint("look for blanks, control characters and letters beyond ASCII in the probe and in its secrets")
    };
    let body = Bytes::copy_from_slice(question.body.as_bytes());
    let mut request = Request::builder()
        .method(question.method.as_str())
        .uri(question.path.as_str())
        .body(Full::new(body))
        .map_err(|_| refuse("the method or the path"))?;
    let headers = request.headers_mut();
    let host = HeaderValue::try_from(question.host.as_str()).map_err(|_| refuse("the host's name"))?;
    headers.insert(hyper::header::HOST, host);
    for (name, value) in &question.headers {
        let refuse = || refuse(&format!("the header `{name}`"));
        let name = HeaderName::try_from(name.as_str()).map_err(|_| refuse())?;
        let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| refuse())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(request)
}

fn head(response: &Response<Incoming>) -> (u16, Vec<(String, String)>) {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    (response.status().as_u16(), headers.collect())
}

/// The body up to `limit`, and whether there was more.
async fn body(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), HttpError> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| wrong(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let room = limit - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((kept.into(), true));
        }
    }
    Ok((kept.into(), false))
}

/// What hyper says, in our words.
fn wrong(error: &hyper::Error) -> HttpError {
    if error.is_parse() || error.is_parse_status() {
        return HttpError::new(HttpErrorKind::Garbage, "http-garbage", format!("the answer is no HTTP: {error}"))
            .hint("another program may listen there, or the port may want TLS");
    }
    let below = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let cause = match below {
        _ if error.is_incomplete_message() => "the connection was closed before the answer was whole".to_owned(),
        Some(below) => format!("the connection broke before the answer was whole: {below}"),
        None => format!("the connection broke before the answer was whole: {error}"),
    };
    HttpError::new(HttpErrorKind::Closed, "http-closed", cause)
        .hint("does the server still run? A balancer closes when no node answers it")
}
