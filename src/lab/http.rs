//! As much HTTP/1.1 as the lab's nodes and its balancer speak.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A connection, plain or encrypted.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection of either kind.
pub(super) type Connection = Box<dyn Stream>;

/// A request or a response, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The first line, such as `GET / HTTP/1.1`.
    pub(super) start: String,
    /// The headers in their order.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// The longest head and body that are read.
const HEAD: u64 = 64 << 10;
const BODY: usize = 16 << 20;

impl Message {
    /// A response with a body.
    pub(super) fn response(status: &str, kind: &str, body: &str) -> Self {
        let headers = if kind.is_empty() { Vec::new() } else { vec![("Content-Type".to_owned(), kind.to_owned())] };
        Self { start: format!("HTTP/1.1 {status}"), headers, body: body.as_bytes().to_vec() }
    }

    /// Adds a header.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Takes every header of this name away.
    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// A word of the first line.
    pub(super) fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    /// The path of a request without its query.
    pub(super) fn path(&self) -> &str {
        self.word(1).split('?').next().unwrap_or_default()
    }

    /// The value of a cookie of a request.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.header("Cookie")?;
        all.split(';').find_map(|one| one.trim().split_once('=').filter(|(known, _)| *known == name).map(|(_, v)| v))
    }

    /// Does the sender want the connection to be used again?
    pub(super) fn keeps_alive(&self) -> bool {
        let said = self.header("Connection").map(str::to_ascii_lowercase);
        match said.as_deref() {
            Some("close") => false,
            Some("keep-alive") => true,
            _ => self.start.contains("HTTP/1.1"),
        }
    }

    /// Writes it, with the length of its body.
    pub(super) async fn send(&self, to: &mut (impl AsyncWrite + Unpin + ?Sized)) -> Result<()> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            if !["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        to.write_all(&bytes).await?;
        to.flush().await
    }
}

/// Reads a request; `None` when the other side has nothing more to ask.
pub(super) async fn request(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Message>> {
    let Some(mut message) = head(from).await? else { return Ok(None) };
    message.body = body(from, &message, false).await?;
    Ok(Some(message))
}

/// Reads the response to a request.
pub(super) async fn response(from: &mut (impl AsyncBufRead + Unpin), to_head: bool) -> Result<Message> {
    let ended = || Error::new(ErrorKind::UnexpectedEof, "no response");
    let mut message = head(from).await?.ok_or_else(ended)?;
    if !to_head && !["204", "304"].contains(&message.word(1)) {
        message.body = body(from, &message, true).await?;
    }
    Ok(message)
}

async fn head(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Message>> {
    let bad = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
    let mut limited = from.take(HEAD);
    let mut start = String::new();
    if limited.read_line(&mut start).await? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line).await? == 0 {
            return Err(bad("the head breaks off"));
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Some(Message { start: start.trim_end().to_owned(), headers, body: Vec::new() }))
}

async fn body(from: &mut (impl AsyncBufRead + Unpin), head: &Message, until_end: bool) -> Result<Vec<u8>> {
    let too_long = || Error::new(ErrorKind::InvalidData, "the body is too long");
    let mut body = Vec::new();
    if head.header("Transfer-Encoding").is_some_and(|kind| kind.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            from.take(HEAD).read_line(&mut line).await?;
            let size = line.trim().split(';').next().unwrap_or_default();
            let size =
                usize::from_str_radix(size, 16).map_err(|_| Error::new(ErrorKind::InvalidData, "a bad chunk"))?;
            let start = body.len();
            if start + size > BODY {
                return Err(too_long());
            }
            body.resize(start + size, 0);
            from.read_exact(body.get_mut(start..).unwrap_or_default()).await?;
            from.take(2).read_line(&mut String::new()).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match head.header("Content-Length").map(str::parse::<usize>) {
        Some(Ok(length)) if length <= BODY => {
            body.resize(length, 0);
            from.read_exact(&mut body).await?;
        }
        Some(_) => return Err(too_long()),
        None if until_end => drop(from.take(BODY as u64).read_to_end(&mut body).await?),
        None => {}
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_come_by_length_in_chunks_or_to_the_end() {
        let text = b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n".as_slice();
        let mut reader = tokio::io::BufReader::new(text);
        let first = request(&mut reader).await.unwrap().unwrap();
        assert_eq!((first.path(), first.body.as_slice(), first.keeps_alive()), ("/a", b"abc".as_slice(), true));
        assert!(!request(&mut reader).await.unwrap().unwrap().keeps_alive());
        assert_eq!(request(&mut reader).await.unwrap(), None);
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".as_slice();
        assert_eq!(response(&mut tokio::io::BufReader::new(text), false).await.unwrap().body, b"abc");
        let text = b"HTTP/1.1 200 OK\r\n\r\nto the end".as_slice();
        assert_eq!(response(&mut tokio::io::BufReader::new(text), false).await.unwrap().body, b"to the end");
        assert!(response(&mut tokio::io::BufReader::new(b"HTTP/1.1 200 OK\r\nX".as_slice()), false).await.is_err());
    }
}
