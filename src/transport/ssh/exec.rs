//! One request over one channel.

use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Error, Sig};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::Session;
use crate::transport::deadline::late;
use crate::transport::dialogue::{Act, Dialogue};
use crate::transport::exchange::{Halt, Sink, exchange, feed, hand_on};
use crate::transport::linger::Linger;
use crate::transport::outlet::Outflow;
use crate::transport::places::{Asked, Place};
use crate::transport::{Ending, Reply, Request, Rung, TransportError};

/// How long telling the server that we are done may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A channel that is closed on every way out, also when nobody waits for the answer any more.
struct Open<'a> {
    writer: Option<ChannelWriteHalf<Msg>>,
    _place: Place<'a>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let (Some(writer), Ok(runtime)) = (self.writer.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { timeout(FAREWELL, writer.close()).await });
        }
    }
}

/// Runs one request, until `end` at the latest.
pub(super) async fn exec(session: &Session, request: &Request, end: Instant) -> Result<Reply, TransportError> {
    let (channel, place) = session.places.open(request, end, || ask(session)).await?;
    let (reader, writer) = channel.split();
    let mut open = Open { writer: Some(writer), _place: place };
    let result = run(session, request, reader, open.writer.as_ref(), end).await;
    if let Some(writer) = open.writer.take() {
        drop(timeout(FAREWELL, writer.close()).await);
    }
    result
}

async fn ask(session: &Session) -> Result<Asked<Channel<Msg>>, TransportError> {
    session.parting.guard.expect_channel();
    match session.handle.channel_open_session().await {
        Ok(channel) => Ok(Asked::Opened(channel)),
        Err(Error::ChannelOpenFailure(reason)) => Ok(Asked::Refused(describe(&reason))),
        // The connection had died before anything was sent: the next try makes a new one.
        Err(_) => Err(unsent(session, "before the command was sent")),
    }
}

async fn run(
    session: &Session,
    request: &Request,
    reader: ChannelReadHalf,
    writer: Option<&ChannelWriteHalf<Msg>>,
    end: Instant,
) -> Result<Reply, TransportError> {
    let Some(writer) = writer else {
        return Err(unsent(session, "before the command was sent"));
    };
    match timeout_at(end, writer.exec(true, request.command.as_str())).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(unsent(session, "before the command was sent")),
        Err(_) => return Err(late(request, "the command to be sent")),
    }
    let mut dialogue = Dialogue::new(request);
    let mut accepted = false;
    let (sender, acts) = unbounded_channel();
    let write = feed(Sink::Channel(writer), request, acts);
    let read = listen(session, reader, &mut dialogue, request, &mut accepted, sender);
    let halt = match exchange(read, write, end).await {
        Ok(ending) => {
            return dialogue.finish(ending);
        }
        Err(halt) => halt,
    };
    // Closing the channel leaves the command running until it next prints something. OpenSSH passes the signal on to
    // all that the command has started, except for root and across sudo.
    drop(timeout(FAREWELL, writer.signal(Sig::TERM)).await);
    Err(match halt {
        Halt::Failed(error) => error,
        Halt::Late if !accepted => late(request, "the server to accept the command"),
        Halt::Late => dialogue.out_of_time(request),
    })
}

async fn listen(
    session: &Session,
    mut reader: ChannelReadHalf,
    dialogue: &mut Dialogue,
    request: &Request,
    accepted: &mut bool,
    acts: UnboundedSender<Act>,
) -> Result<Ending, TransportError> {
    // The feed ends on its own when the command reads no further, so nobody may be listening.
    let tell = |act: Option<Act>| act.is_none_or(|act| acts.send(act).is_ok());
    tell(dialogue.start());
    let mut ending = None;
    let mut linger = Linger::new(request);
    let mut outflow = Outflow::default();
    loop {
        let message = match linger.until() {
            None => reader.wait().await,
            Some(until) => match timeout_at(until, reader.wait()).await {
                Ok(message) => message,
                Err(_) => break,
            },
        };
        // The end of the output (Eof) comes before the status: only the end of the channel counts.
        match message {
            None | Some(ChannelMsg::Close) => break,
            Some(ChannelMsg::Success) => {
                session.climb.reached(Rung::Channel, String::new);
                *accepted = true;
            }
            Some(ChannelMsg::Failure) if !*accepted => {
                return Err(TransportError::new(
                    Rung::Channel,
                    "command-refused",
                    "the server runs no commands for this user",
                )
                .hint("check the user's shell, and ForceCommand and the key's options on the host"));
            }
            Some(ChannelMsg::Data { data }) => {
                let act = dialogue.stdout(&data);
                session.climb.follow(act);
                tell(act);
            }
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => {
                let act = dialogue.stderr(&data)?;
                session.climb.follow(act);
                tell(act);
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => ending = Some(Ending::Status(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => ending = Some(Ending::Signal(name(signal_name))),
            Some(_) => {}
        }
        hand_on(dialogue, &mut outflow, request, &mut linger).await?;
        if ending.is_some() {
            linger.ended();
        }
    }
    if let Some(outlet) = &request.outlet {
        outflow.end(outlet).await;
    }
    ending.ok_or_else(|| match session.handle.is_closed() {
        true => lost(session, "while the command was running"),
        false => untold(),
    })
}

/// The channel was closed, and the connection was not.
pub(in crate::transport) fn untold() -> TransportError {
    TransportError::new(
        Rung::Command,
        "no-exit-status",
        "the server closed the channel without saying how the command ended",
    )
    .hint("the command may have been killed, or the server is not an ordinary sshd: look at the host's own log")
}

pub(super) fn lost(session: &Session, when: &str) -> TransportError {
    if let Some(flood) = session.parting.guard.flood(Rung::Command) {
        return flood;
    }
    let why = match session.parting.words() {
        Some(words) => format!(": {words}"),
        None => String::new(),
    };
    TransportError::new(Rung::Command, "connection-lost", format!("the connection was lost {when}{why}"))
        .hint("see whether the host is still up, then run again: what was done is found in place")
}

/// The same where nothing has run: the next try makes a new connection.
pub(super) fn unsent(session: &Session, when: &str) -> TransportError {
    let error = lost(session, when);
    match error.code {
        // The next connection would be flooded too.
        "server-floods" => error,
        _ => error.retriable(),
    }
}

fn describe(reason: &ChannelOpenFailure) -> String {
    match reason {
        ChannelOpenFailure::AdministrativelyProhibited => "it is forbidden".to_owned(),
        ChannelOpenFailure::ConnectFailed => "too many are open".to_owned(),
        ChannelOpenFailure::UnknownChannelType => "it knows no sessions".to_owned(),
        ChannelOpenFailure::ResourceShortage => "it is short of resources".to_owned(),
        ChannelOpenFailure::Other { reason, .. } => reason.clone(),
    }
}

fn name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        named => format!("{named:?}"),
    }
}
