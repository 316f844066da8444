//! Reading and writing at the same time: the password and the input go out when the dialogue allows them.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use russh::ChannelWriteHalf;
use russh::client::Msg;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::Sender;
use tokio::process::ChildStdin;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use super::dialogue::{Act, Dialogue};
use super::linger::Linger;
use super::outlet::Outflow;
use super::{Ending, Input, Request, Rung, TransportError};

/// How much of a file is read at a time, in bytes. SSH packets hold 32 KiB; fewer and larger reads cost less.
const CHUNK: usize = 256 * 1024;

/// Where a command's standard input is written to.
pub(super) enum Sink<'a> {
    /// An SSH channel.
    Channel(&'a ChannelWriteHalf<Msg>),
    /// A local child's pipe.
    Pipe(ChildStdin),
    /// A pipe whose other end another program has been given.
    Passed(Sender),
}

/// The command reads no further: it has ended, or closed its standard input. That is its right, and no error.
struct Closed;

impl Sink<'_> {
    async fn write(&mut self, data: Bytes) -> Result<(), Closed> {
        match self {
            Self::Channel(channel) => channel.data_bytes(data).await.map_err(|_| Closed),
            Self::Pipe(pipe) => pipe.write_all(&data).await.map_err(|_| Closed),
            Self::Passed(pipe) => pipe.write_all(&data).await.map_err(|_| Closed),
        }
    }

    async fn end(self) {
        match self {
            // A channel that is gone is noticed by its reader.
            Self::Channel(channel) => drop(channel.eof().await),
            Self::Pipe(pipe) => drop(pipe),
            Self::Passed(pipe) => drop(pipe),
        }
    }
}

/// Why an exchange was broken off.
pub(super) enum Halt {
    /// The deadline has passed, or the gate's patience.
    Late,
    /// Something failed.
    Failed(TransportError),
}

impl From<TransportError> for Halt {
    fn from(error: TransportError) -> Self {
        Self::Failed(error)
    }
}

/// Reads until the command has ended, and writes meanwhile.
pub(super) async fn exchange(
    read: impl Future<Output = Result<Ending, TransportError>>,
    write: impl Future<Output = Result<(), Halt>>,
    end: Instant,
) -> Result<Ending, Halt> {
    tokio::pin!(read, write);
    let both = async {
        let mut writing = true;
        loop {
            tokio::select! {
                ending = &mut read => return Ok(ending?),
                written = &mut write, if writing => {
                    written?;
                    writing = false;
                }
            }
        }
    };
    timeout_at(end, both).await.unwrap_or(Err(Halt::Late))
}

/// Hands on what the dialogue has for the request's outlet.
///
/// # Errors
/// When nobody takes it any more: then the command is to be ended.
pub(super) async fn hand_on(
    dialogue: &mut Dialogue,
    outflow: &mut Outflow,
    request: &Request,
    linger: &mut Linger,
) -> Result<(), TransportError> {
    let Some(outlet) = &request.outlet else { return Ok(()) };
    let began = Instant::now();
    let mut heard = false;
    while let Some((printed, data)) = dialogue.due() {
        heard = true;
        outflow.hand_on(outlet, printed, data).await.map_err(|_| {
            TransportError::new(Rung::Command, "output-closed", "nobody reads the command's output any more")
                .hint("the command was ended; let the program behind the pipe read on to keep it running")
        })?;
    }
    if heard {
        linger.heard(began.elapsed());
    }
    Ok(())
}

/// Sends what the dialogue asks for, until the input was sent whole or the command reads no further.
///
/// # Errors
/// When the local file of the input cannot be read, or the gate does not open in time.
pub(super) async fn feed(mut sink: Sink<'_>, request: &Request, mut acts: UnboundedReceiver<Act>) -> Result<(), Halt> {
    let opens_by = request.gate.as_ref().map(|gate| Instant::now() + gate.patience);
    loop {
        let act = match opens_by {
            Some(opens_by) => timeout_at(opens_by, acts.recv()).await.map_err(|_| Halt::Late)?,
            None => acts.recv().await,
        };
        let Some(act) = act else { return Ok(()) };
        match act {
            Act::SendPassword => {
                let Some(password) = request.gate.as_ref().and_then(|gate| gate.password.as_ref()) else {
                    continue;
                };
                let line = password.map(|password| format!("{password}\n"));
                if sink.write(Bytes::copy_from_slice(line.expose().as_bytes())).await.is_err() {
                    return Ok(());
                }
            }
            Act::SendInput => {
                let blank_line = request.gate.as_ref().is_some_and(|gate| gate.blank_line);
                if blank_line && sink.write(Bytes::from_static(b"\n")).await.is_err() {
                    return Ok(());
                }
                if send(&mut sink, &request.input).await? {
                    sink.end().await;
                }
                return Ok(());
            }
        }
    }
}

/// Returns whether the command took all of it.
async fn send(sink: &mut Sink<'_>, input: &Input) -> Result<bool, TransportError> {
    match input {
        Input::Nothing => Ok(true),
        Input::Bytes(bytes) => Ok(sink.write(bytes.clone()).await.is_ok()),
        Input::Script(bytes) => match sink.write(bytes.clone()).await {
            Ok(()) => std::future::pending().await,
            Err(Closed) => Ok(false),
        },
        Input::Call(bytes, hang_up) => match sink.write(bytes.clone()).await {
            Ok(()) => {
                hang_up.wait().await;
                Ok(true)
            }
            Err(Closed) => Ok(false),
        },
        Input::File { path, from } => {
            let unreadable = |error: std::io::Error| {
                TransportError::new(
                    Rung::Command,
                    "input-unreadable",
                    format!("the local file {} cannot be read: {error}", path.display()),
                )
                .hint("check that the file is still there and readable for you, then run again")
            };
            let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
            file.seek(std::io::SeekFrom::Start(*from)).await.map_err(unreadable)?;
            file.set_max_buf_size(CHUNK);
            loop {
                let mut chunk = BytesMut::with_capacity(CHUNK);
                if file.read_buf(&mut chunk).await.map_err(unreadable)? == 0 {
                    return Ok(true);
                }
                if sink.write(chunk.freeze()).await.is_err() {
                    return Ok(false);
                }
            }
        }
    }
}
