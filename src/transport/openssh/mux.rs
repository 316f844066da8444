//! Talking to a running `ssh` over its control socket, as OpenSSH's PROTOCOL.mux has it: no more of it than is needed.
//!
//! Each message is a length and that many bytes; numbers are big-endian, strings begin with their length.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::Path;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;

const VERSION: u32 = 4;
const HELLO: u32 = 0x0000_0001;
const NEW_SESSION: u32 = 0x1000_0002;
const ALIVE_CHECK: u32 = 0x1000_0004;
const NEW_STDIO_FORWARD: u32 = 0x1000_0008;
const PERMISSION_DENIED: u32 = 0x8000_0002;
const FAILURE: u32 = 0x8000_0003;
const EXIT_MESSAGE: u32 = 0x8000_0004;
const ALIVE: u32 = 0x8000_0005;
const SESSION_OPENED: u32 = 0x8000_0006;

/// No answer of a master is longer; what says that it is, is none.
const LONGEST: usize = 256 * 1024;

/// A connection to a master: one for each command, and its end is the end of the command.
pub(super) struct Mux {
    stream: UnixStream,
    received: BytesMut,
}

/// What a master says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// It is there.
    Alive,
    /// The server has opened the channel, which has this number.
    Opened(u32),
    /// The server opens none, or the master does not want to.
    Refused(String),
    /// The command has ended with this status.
    Exit(u32),
    /// Something that is of no matter here.
    Other,
}

impl Mux {
    /// Connects to the master behind a socket, which says that it is one.
    pub(super) async fn connect(socket: &Path) -> io::Result<Self> {
        let mut mux = Self { stream: UnixStream::connect(socket).await?, received: BytesMut::new() };
        mux.send(&hello()).await?;
        let mut body = mux.packet().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match (number(&mut body), number(&mut body)) {
            (Some(HELLO), Some(VERSION)) => Ok(mux),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the ssh program speaks another version of its protocol",
            )),
        }
    }

    /// Asks for a command to be run, with these as its standard input, output and error.
    pub(super) async fn run(&mut self, command: &str, streams: [impl AsFd; 3]) -> io::Result<()> {
        self.send(&new_session(command)).await?;
        for stream in &streams {
            self.pass(stream).await?;
        }
        Ok(())
    }

    /// Asks for a connection from the server to `target`, with these as what goes there and what comes back.
    pub(super) async fn forward(&mut self, target: &str, port: u16, streams: [impl AsFd; 2]) -> io::Result<()> {
        self.send(&new_stdio_forward(target, port)).await?;
        for stream in &streams {
            self.pass(stream).await?;
        }
        Ok(())
    }

    /// Does the master still have its connection? One that has lost it ends, and answers nothing.
    pub(super) async fn is_alive(socket: &Path) -> bool {
        let ask = async {
            let mut mux = Self::connect(socket).await?;
            mux.send(&alive_check()).await?;
            mux.receive().await
        };
        matches!(ask.await, Ok(Some(Message::Alive)))
    }

    /// The next message; `None` when the master has closed the connection. May be given up and called again.
    pub(super) async fn receive(&mut self) -> io::Result<Option<Message>> {
        Ok(self.packet().await?.map(message))
    }

    async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message).await
    }

    async fn packet(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(mut length) = self.received.get(..4) {
                let length = length.get_u32() as usize;
                if length > LONGEST {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if self.received.len() >= 4 + length {
                    self.received.advance(4);
                    return Ok(Some(self.received.split_to(length).freeze()));
                }
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Gives the master an open file; it takes each with one byte of its own.
    async fn pass(&self, file: &impl AsFd) -> io::Result<()> {
        let files = [file.as_fd().as_raw_fd()];
        let message = [ControlMessage::ScmRights(&files)];
        let send = || {
            let sent = sendmsg::<()>(self.stream.as_raw_fd(), &[IoSlice::new(&[0])], &message, MsgFlags::empty(), None);
            sent.map(|_| ()).map_err(io::Error::from)
        };
        self.stream.async_io(Interest::WRITABLE, send).await
    }
}

fn packet(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut body = BytesMut::new();
    write(&mut body);
    let mut whole = BytesMut::with_capacity(4 + body.len());
    whole.put_u32(body.len() as u32);
    whole.put(body);
    whole
}

fn put_text(body: &mut BytesMut, text: &str) {
    body.put_u32(text.len() as u32);
    body.put_slice(text.as_bytes());
}

fn hello() -> BytesMut {
    packet(|body| {
        body.put_u32(HELLO);
        body.put_u32(VERSION);
    })
}

fn alive_check() -> BytesMut {
    packet(|body| {
        body.put_u32(ALIVE_CHECK);
        body.put_u32(0);
    })
}

fn new_session(command: &str) -> BytesMut {
    packet(|body| {
        body.put_u32(NEW_SESSION);
        body.put_u32(0);
        put_text(body, "");
        // No terminal, no X11, no agent, no subsystem, and no escape character.
        for flag in [0, 0, 0, 0, u32::MAX] {
            body.put_u32(flag);
        }
        put_text(body, "");
        put_text(body, command);
    })
}

fn new_stdio_forward(target: &str, port: u16) -> BytesMut {
    packet(|body| {
        body.put_u32(NEW_STDIO_FORWARD);
        body.put_u32(0);
        put_text(body, "");
        put_text(body, target);
        body.put_u32(port.into());
    })
}

fn number(body: &mut Bytes) -> Option<u32> {
    body.try_get_u32().ok()
}

fn message(mut body: Bytes) -> Message {
    let kind = number(&mut body);
    // The number of the request, or of the session: there is one of each on a connection.
    let _which = number(&mut body);
    match kind {
        Some(ALIVE) => Message::Alive,
        Some(SESSION_OPENED) => number(&mut body).map_or(Message::Other, Message::Opened),
        Some(EXIT_MESSAGE) => number(&mut body).map_or(Message::Other, Message::Exit),
        Some(FAILURE | PERMISSION_DENIED) => {
            let length = number(&mut body).unwrap_or_default() as usize;
            let words = body.get(..length.min(body.len())).unwrap_or_default();
            Message::Refused(String::from_utf8_lossy(words).into_owned())
        }
        _ => Message::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_the_protocol_has_them() {
        assert_eq!(&hello()[..], [0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4]);
        let session = new_session("ls");
        assert_eq!(session[..4], (session.len() as u32 - 4).to_be_bytes());
        assert_eq!(session[session.len() - 6..], [0, 0, 0, 2, b'l', b's']);
        let forward = new_stdio_forward("h", 258);
        assert_eq!(forward[forward.len() - 9..], [0, 0, 0, 1, b'h', 0, 0, 1, 2]);
    }

    #[test]
    fn answers_are_read_and_what_is_cut_short_is_none() {
        let said = |kind: u32, rest: &[u8]| message([&kind.to_be_bytes()[..], &[0, 0, 0, 7], rest].concat().into());
        assert_eq!(said(SESSION_OPENED, &[0, 0, 0, 1]), Message::Opened(1));
        assert_eq!(said(EXIT_MESSAGE, &[0, 0, 0, 255]), Message::Exit(255));
        assert_eq!(said(EXIT_MESSAGE, &[0]), Message::Other);
        assert_eq!(said(FAILURE, &[0, 0, 0, 2, b'n', b'o']), Message::Refused("no".to_owned()));
        assert_eq!(said(FAILURE, &[255, 255, 255, 255, b'n']), Message::Refused("n".to_owned()));
        assert_eq!(said(0x8000_0007, &[]), Message::Other);
        assert_eq!(message(Bytes::new()), Message::Other);
    }
}
