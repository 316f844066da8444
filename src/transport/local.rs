//! The machine that hactl runs on, spoken to in the same way as any other host.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::dialogue::{Act, Dialogue};
use super::exchange::{Halt, Sink, exchange, feed, hand_on};
use super::linger::Linger;
use super::outlet::Outflow;
use super::program::program;
use super::{Answer, Climb, Ending, Reply, Request, Rung, Stream, Transport, TransportError, stream};

/// Runs command lines with the local `sh`.
pub(super) struct Local {
    connect_timeout: Duration,
    climb: Climb,
}

impl Local {
    pub(super) fn new(connect_timeout: Duration, climb: Climb) -> Self {
        Self { connect_timeout, climb }
    }
}

impl Transport for Local {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        Box::pin(run(request, &self.climb))
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        Box::pin(stream::dial(target, port, self.connect_timeout))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

async fn run(request: &Request, climb: &Climb) -> Result<Reply, TransportError> {
    let end = Instant::now() + request.deadline;
    let (mut child, pipes) = spawn(&request.command)?;
    let mut dialogue = Dialogue::new(request);
    let (sender, acts) = unbounded_channel();
    let write = feed(Sink::Pipe(pipes.stdin), request, acts);
    let read = listen(&mut child, pipes.stdout, pipes.stderr, &mut dialogue, request, sender, climb);
    let halt = match exchange(read, write, end).await {
        Ok(ending) => return dialogue.finish(ending),
        Err(halt) => halt,
    };
    end_group(&child).await;
    Err(match halt {
        Halt::Failed(error) => error,
        Halt::Late => dialogue.out_of_time(request),
    })
}

fn shell(command: &str) -> Command {
    program("/bin/sh", ["-c", command])
}

fn spawn(command: &str) -> Result<(Child, Pipes), TransportError> {
    let failed = |cause: String| TransportError::new(Rung::Command, "local-shell-failed", cause);
    let mut child = shell(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("/bin/sh does not start: {error}")))?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((child, Pipes { stdin, stdout, stderr })),
        _ => Err(failed("/bin/sh has no pipes".to_owned())),
    }
}

async fn listen(
    child: &mut Child,
    mut stdout: ChildStdout,
    mut stderr: ChildStderr,
    dialogue: &mut Dialogue,
    request: &Request,
    acts: UnboundedSender<Act>,
    climb: &Climb,
) -> Result<Ending, TransportError> {
    // The feed ends on its own when the command reads no further, so nobody may be listening.
    let tell = |act: Option<Act>| act.is_none_or(|act| acts.send(act).is_ok());
    tell(dialogue.start());
    let (mut out, mut err) = (Some(Vec::with_capacity(64 * 1024)), Some(Vec::with_capacity(64 * 1024)));
    let mut status = None;
    let mut linger = Linger::new(request);
    let mut outflow = Outflow::default();
    while status.is_none() || out.is_some() || err.is_some() {
        tokio::select! {
            some = fill(&mut stdout, &mut out) => match some {
                Some(data) => {
                    let act = dialogue.stdout(&data);
                    climb.follow(act);
                    tell(act);
                }
                None => out = None,
            },
            some = fill(&mut stderr, &mut err) => match some {
                Some(data) => {
                    let act = dialogue.stderr(&data)?;
                    climb.follow(act);
                    tell(act);
                }
                None => err = None,
            },
            ended = child.wait(), if status.is_none() => {
                let ended = ended.map_err(|error| {
                    TransportError::new(Rung::Command, "local-shell-failed", format!("cannot wait for /bin/sh: {error}"))
                })?;
                status = Some(ended);
                linger.ended();
            }
            () = sleep_until(linger.until().unwrap_or_else(Instant::now)), if status.is_some() => break,
        }
        hand_on(dialogue, &mut outflow, request, &mut linger).await?;
    }
    if let Some(outlet) = &request.outlet {
        outflow.end(outlet).await;
    }
    Ok(status.map_or_else(|| Ending::Signal("KILL".to_owned()), ending))
}

/// Reads some more; `None` at the end of the stream.
pub(super) async fn fill(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Option<Vec<u8>>) -> Option<Vec<u8>> {
    match buffer {
        // Nothing more will come: let the other arms decide.
        None => std::future::pending().await,
        Some(buffer) => match stream.read_buf(buffer).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(std::mem::replace(buffer, Vec::with_capacity(64 * 1024))),
        },
    }
}

fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Status(code.unsigned_abs()),
        (None, signal) => Ending::Signal(signal_name(signal.unwrap_or_default())),
    }
}

fn signal_name(number: i32) -> String {
    match number {
        1 => "HUP".to_owned(),
        2 => "INT".to_owned(),
        3 => "QUIT".to_owned(),
        6 => "ABRT".to_owned(),
        9 => "KILL".to_owned(),
        11 => "SEGV".to_owned(),
        13 => "PIPE".to_owned(),
        14 => "ALRM".to_owned(),
        15 => "TERM".to_owned(),
        other => other.to_string(),
    }
}

/// Ends the command with everything it started; dropping the child would end the shell alone.
async fn end_group(child: &Child) {
    if let Some(id) = child.id() {
        // The shell's own `kill` can address a group, which no safe call of the standard library can.
        drop(
            shell(&format!("kill -s TERM -- -{id}; sleep 1; kill -s KILL -- -{id}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // Nobody may be waiting for it any more: it goes on to the KILL.
                .kill_on_drop(false)
                .status()
                .await,
        );
    }
}
