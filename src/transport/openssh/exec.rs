//! One request over a connection that `ssh` keeps.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until, timeout};

use super::channels::Ended;
use super::mux::{Message, Mux};
use super::session::Session;
use crate::transport::dialogue::{Act, Dialogue};
use crate::transport::error::out_of_files;
use crate::transport::exchange::{Halt, Sink, exchange, feed, hand_on};
use crate::transport::linger::Linger;
use crate::transport::local::fill;
use crate::transport::outlet::Outflow;
use crate::transport::places::Asked;
use crate::transport::ssh::exec::untold;
use crate::transport::{Climb, Ending, Reply, Request, Rung, TransportError};

/// How long an `ssh` that has its connection may take to say so; one that has lost it is known at once.
const ALIVE: Duration = Duration::from_secs(10);

/// Our ends of the three pipes, and the connection to the master whose end ends the command.
struct Channel {
    number: u32,
    mux: Mux,
    stdin: Sender,
    stdout: Receiver,
    stderr: Receiver,
}

/// Runs one request, until `end` at the latest.
pub(super) async fn exec(
    session: &Session,
    request: &Request,
    end: Instant,
    climb: &Climb,
) -> Result<Reply, TransportError> {
    let (channel, _place) = session.places.open(request, end, || ask(session, request)).await?;
    climb.reached(Rung::Channel, String::new);
    let Channel { number, mux, stdin, stdout, stderr } = channel;
    let mut dialogue = Dialogue::new(request);
    let (sender, acts) = unbounded_channel();
    let write = feed(Sink::Passed(stdin), request, acts);
    let hearing = Hearing { session, number, request, climb };
    let read = hearing.listen(mux, stdout, stderr, &mut dialogue, sender);
    match exchange(read, write, end).await {
        Ok(ending) => dialogue.finish(ending),
        Err(Halt::Failed(error)) => Err(error),
        Err(Halt::Late) => Err(dialogue.out_of_time(request)),
    }
}

async fn ask(session: &Session, request: &Request) -> Result<Asked<Channel>, TransportError> {
    session.expect_channel();
    let mut channel = match Channel::ask(session, &request.command).await {
        Ok(channel) => channel,
        Err(error) => match out_of_files(Rung::Channel, &error) {
            Some(ours) => return Err(ours),
            None => return Err(session.unsent().await),
        },
    };
    match channel.mux.receive().await {
        Ok(Some(Message::Opened(number))) => Ok(Asked::Opened(Channel { number, ..channel })),
        Ok(Some(Message::Refused(_))) => {
            let why = session.said().line_with("open failed: ").map(str::to_owned);
            Ok(Asked::Refused(why.unwrap_or_else(|| "it does not say why".to_owned())))
        }
        // The command goes to the server once that has opened the channel, and we are told so before: nothing has run,
        // and the next try makes a new connection.
        _ => Err(session.unsent().await),
    }
}

impl Channel {
    async fn ask(session: &Session, command: &str) -> io::Result<Self> {
        let mut mux = Mux::connect(&session.socket).await?;
        let (stdin, ours_in) = io::pipe()?;
        let (ours_out, stdout) = io::pipe()?;
        let (ours_err, stderr) = io::pipe()?;
        mux.run(command, [OwnedFd::from(stdin), stdout.into(), stderr.into()]).await?;
        Ok(Self {
            number: 0,
            mux,
            stdin: Sender::from_owned_fd(ours_in.into())?,
            stdout: Receiver::from_owned_fd(ours_out.into())?,
            stderr: Receiver::from_owned_fd(ours_err.into())?,
        })
    }
}

/// What it takes to hear a command out.
struct Hearing<'a> {
    session: &'a Session,
    number: u32,
    request: &'a Request,
    climb: &'a Climb,
}

impl Hearing<'_> {
    async fn listen(
        &self,
        mut mux: Mux,
        mut stdout: Receiver,
        mut stderr: Receiver,
        dialogue: &mut Dialogue,
        acts: UnboundedSender<Act>,
    ) -> Result<Ending, TransportError> {
        // The feed ends on its own when the command reads no further, so nobody may be listening.
        let tell = |act: Option<Act>| {
            self.climb.follow(act);
            act.is_none_or(|act| acts.send(act).is_ok())
        };
        tell(dialogue.start());
        let (mut out, mut err) = (Some(Vec::with_capacity(64 * 1024)), Some(Vec::with_capacity(64 * 1024)));
        let mut ending = None;
        // The master closes its connection when the channel is closed, with a status or without.
        let mut closed = false;
        let mut linger = Linger::new(self.request);
        let mut outflow = Outflow::default();
        let mut complaint = Vec::new();
        while out.is_some() || err.is_some() || (ending.is_none() && !closed) {
            let until = linger.until();
            tokio::select! {
                some = fill(&mut stdout, &mut out) => match some {
                    Some(data) => drop(tell(dialogue.stdout(&data))),
                    None => out = None,
                },
                some = fill(&mut stderr, &mut err) => match some {
                    Some(data) => {
                        complaint.extend_from_slice(&data[..data.len().min(100_usize.saturating_sub(complaint.len()))]);
                        tell(dialogue.stderr(&data)?);
                    }
                    None => err = None,
                },
                said = mux.receive(), if !closed => match said {
                    Ok(Some(Message::Exit(status))) => ending = Some(Ending::Status(status)),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => closed = true,
                },
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => break,
            }
            hand_on(dialogue, &mut outflow, self.request, &mut linger).await?;
            if ending.is_some() || closed {
                linger.ended();
            }
        }
        if let Some(outlet) = &self.request.outlet {
            outflow.end(outlet).await;
        }
        match ending {
            Some(ending) => Ok(ending),
            None => without_status(self.session, self.number, &complaint).await,
        }
    }
}

/// The channel was closed without a status. Where the connection is still there, the server has sent none: it refused the
/// command, or a signal has ended it, whose name ssh keeps to itself, or nobody says what became of it.
async fn without_status(session: &Session, number: u32, complaint: &[u8]) -> Result<Ending, TransportError> {
    if !timeout(ALIVE, Mux::is_alive(&session.socket)).await.unwrap_or(false) {
        return Err(session.lost("while the command was running").await);
    }
    if complaint.starts_with(b"exec request failed on channel ") {
        return Err(TransportError::new(Rung::Channel, "command-refused", "the server runs no commands for this user")
            .hint("check the user's shell, and ForceCommand and the key's options on the host"));
    }
    match session.ending(number).await {
        Some(Ended::Untold) => Err(untold()),
        Some(Ended::BySignal) | None => Ok(Ending::Signal("unknown".to_owned())),
    }
}
