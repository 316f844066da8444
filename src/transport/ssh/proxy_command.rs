//! A host that is reached over the standard input and output of a command of the user's (`ProxyCommand`).

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::transport::heard::heard_as_one;
use crate::transport::program::{ProcessGroup, program};
use crate::transport::{Rung, TransportError};

/// How much of what it says may wait for us, in bytes: more than the windows of a few channels.
const AHEAD: usize = 8 << 20;

/// How much of what the command says about itself is kept: its first words are mostly the reason.
const KEPT: usize = 2048;

/// How long a command that has closed its output may take to end, and to say why.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running command, as a stream. It is killed, with what it started, when this is dropped.
pub(super) struct ProxyCommand {
    stdin: Option<ChildStdin>,
    stdout: DuplexStream,
    state: State,
}

/// What is known of the command, also after the stream was given away.
#[derive(Clone)]
pub(super) struct State {
    command: String,
    said: Said,
    child: Arc<tokio::sync::Mutex<Option<Child>>>,
    _group: Arc<Group>,
}

/// What the command says about itself.
#[derive(Clone, Default)]
struct Said {
    kept: Arc<Mutex<Vec<u8>>>,
    /// Rung when nobody can say anything any more.
    end: Arc<Notify>,
}

/// The process group of the command.
struct Group(ProcessGroup);

impl Drop for Group {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl ProxyCommand {
    /// Starts the command as OpenSSH does: by the user's shell, which it replaces.
    ///
    /// # Errors
    /// When the shell does not start.
    pub(super) fn start(command: &str) -> Result<Self, TransportError> {
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
        let not_run = |why: &str| {
            let shell = shell.to_string_lossy();
            failed(format!("the ProxyCommand `{command}` cannot be run by {shell}: {why}"))
                .hint("check the variable SHELL, which names the shell that runs it")
        };
        let mut child = program(&shell, ["-c", &format!("exec {command}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_run(&error.to_string()))?;
        let group = ProcessGroup::of(&child);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(not_run("it has no pipes"));
        };
        let said = Said::default();
        tokio::spawn(listen(stderr, said.clone()));
        let (command, child) = (command.to_owned(), Arc::new(tokio::sync::Mutex::new(Some(child))));
        let state = State { command, said, child, _group: Arc::new(Group(group)) };
        Ok(Self { stdin: Some(stdin), stdout: read_ahead(stdout), state })
    }

    pub(super) fn state(&self) -> State {
        self.state.clone()
    }
}

/// Keeps the beginning of what the command says, and reads the rest so that it is never held up.
async fn listen(mut stderr: ChildStderr, said: Said) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let mut kept = said.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
    }
    said.end.notify_one();
}

impl State {
    /// The error of a connection that was not made, as the command explains it: it has ended, or at least said something.
    pub(super) async fn explain(&self, error: TransportError) -> TransportError {
        // Where it was us who did not go on, what it says of that explains nothing.
        if error.rung != Rung::KeyExchange && error.code != "authentication-dropped" {
            return error;
        }
        let ended = match self.child.lock().await.as_mut() {
            Some(child) => timeout(LAST_WORDS, child.wait()).await.ok().and_then(Result::ok),
            None => None,
        };
        if ended.is_some() {
            // Somebody else may hold its standard error open.
            let _ = timeout(LAST_WORDS, self.said.end.notified()).await;
        }
        let words = self.words();
        let Some(status) = ended else {
            let Some(words) = words else { return error };
            return TransportError { cause: format!("{}; the ProxyCommand says: {words}", error.cause), ..error };
        };
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        let command = &self.command;
        match status.code() {
            // What a shell answers when there is no such program, or it is none.
            Some(code @ (126 | 127)) => {
                failed(format!("the ProxyCommand `{command}` cannot be run (status {code}){words}"))
                    .hint("is the program there, and in the PATH of the shell that runs it?")
            }
            code => {
                let how = code.map_or_else(|| "by a signal".to_owned(), |code| format!("with status {code}"));
                TransportError::new(
                    Rung::Tcp,
                    "proxy-command-ended",
                    format!("the ProxyCommand `{command}` ended {how} before we were logged in{words}"),
                )
                .hint("run it by hand: it must show the server's `SSH-2.0` line, and wait")
            }
        }
    }

    fn words(&self) -> Option<String> {
        let said = String::from_utf8_lossy(&self.said.kept.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        Some(heard_as_one(&said)).filter(|words| !words.is_empty())
    }
}

fn failed(cause: String) -> TransportError {
    TransportError::new(Rung::Tcp, "proxy-command-failed", cause)
}

/// Reads also while we write: a program such as `nc` that waits until somebody takes what it has to say takes nothing
/// itself meanwhile, and we would wait for one another.
fn read_ahead(mut stdout: ChildStdout) -> DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(AHEAD);
    tokio::spawn(async move { drop(tokio::io::copy(&mut stdout, &mut theirs).await) });
    ours
}

impl AsyncRead for ProxyCommand {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(context, buffer)
    }
}

impl AsyncWrite for ProxyCommand {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(context, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The command sees the end of its input only when the pipe is closed.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}
