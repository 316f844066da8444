//! One command of one channel: `/bin/sh -c COMMAND` in the host's own surroundings.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, Command};

use super::reaper::Reaper;
use super::{LabHost, Layout};

/// What a command needs to know of the host it runs on.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) layout: Layout,
    pub(super) host: LabHost,
    pub(super) reaper: Reaper,
}

/// The variables that tell the lab's own programs where they are.
pub(crate) const LAB_VARIABLE: &str = "HACTL_LAB";
/// The host's name.
pub(crate) const HOST_VARIABLE: &str = "HACTL_LAB_HOST";

/// How long a command may go on without a connection.
const LAST_WORK: Duration = Duration::from_secs(20);

/// Waits for the channel's request, runs it, and closes the channel.
pub(super) async fn serve(channel: Channel<Msg>, at: Surroundings) {
    let (mut reader, writer) = channel.split();
    while let Some(message) = reader.wait().await {
        let command = match message {
            ChannelMsg::Exec { command, .. } => Some(String::from_utf8_lossy(&command).into_owned()),
            ChannelMsg::RequestShell { .. } => None,
            ChannelMsg::Close => return,
            _ => continue,
        };
        run(command.as_deref(), reader, &writer, &at).await;
        let _ = writer.close().await;
        return;
    }
}

#[expect(clippy::disallowed_methods, reason = "a host of the lab starts programs, as a host does")]
fn shell(command: Option<&str>, at: &Surroundings) -> Command {
    let folder = at.layout.host_folder(at.host.name);
    let mut shell = std::process::Command::new("/bin/sh");
    if let Some(command) = command {
        shell.arg("-c").arg(command);
    }
    let inherited = |name: &str| std::env::var(name).ok();
    let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", folder.join("bin").display());
    let user = super::user();
    shell
        .env_clear()
        .envs(["LANG", "TZ"].into_iter().filter_map(|name| Some((name, inherited(name)?))))
        .env("HOME", folder.join("home"))
        .env("PATH", path)
        .env("USER", &user)
        .env("LOGNAME", user)
        .env("SHELL", "/bin/sh")
        .env("TMPDIR", folder.join("tmp"))
        .env(LAB_VARIABLE, &at.layout.folder)
        .env(HOST_VARIABLE, at.host.name)
        .current_dir(folder.join("home"));
    Command::from(shell)
}

async fn run(command: Option<&str>, reader: ChannelReadHalf, writer: &ChannelWriteHalf<Msg>, at: &Surroundings) {
    let mut command = shell(command, at);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = match at.reaper.spawn(&mut command) {
        Ok(child) => child,
        Err(error) => {
            let text = format!("/bin/sh does not start: {error}\n");
            let _ = writer.extended_data_bytes(1, text.into_bytes()).await;
            let _ = writer.exit_status(127).await;
            return;
        }
    };
    let pid = child.id();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = AtomicBool::new(false);
    let output = async {
        // The status is told as soon as it is known; the channel stays open until nothing can be printed any more.
        let told = async {
            let status = child.wait().await;
            ended.store(true, Ordering::Release);
            tell(status, writer).await;
        };
        tokio::join!(told, copy(stdout, writer, None), copy(stderr, writer, Some(1)));
        let _ = writer.eof().await;
    };
    tokio::pin!(output);
    let gone = tokio::select! {
        () = &mut output => false,
        () = listen(reader, stdin, pid) => true,
    };
    if gone && !ended.load(Ordering::Acquire) {
        // Nobody waits for the command any more. As on any host, it sees the end of its input and may finish what it
        // should not leave half done; here not for ever. What an ended one has left in the background goes on.
        if tokio::time::timeout(LAST_WORK, output).await.is_err() {
            signal_group(pid, Signal::SIGKILL);
        }
    }
    at.reaper.forget(pid);
}

async fn tell(status: std::io::Result<ExitStatus>, writer: &ChannelWriteHalf<Msg>) {
    let code = match status.map(|status| (status.code(), status.signal())) {
        Ok((Some(code), _)) => code.unsigned_abs(),
        // As a shell says it; hactl itself only tells success from the rest.
        Ok((None, signal)) => 128 + signal.unwrap_or(9).unsigned_abs(),
        Err(_) => 255,
    };
    let _ = writer.exit_status(code).await;
}

async fn copy(stream: Option<impl AsyncRead + Unpin>, writer: &ChannelWriteHalf<Msg>, extended: Option<u32>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        let sent = match extended {
            None => writer.data_bytes(bytes).await,
            Some(kind) => writer.extended_data_bytes(kind, bytes).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Passes the input and the signals on. Ends when the channel does.
async fn listen(mut reader: ChannelReadHalf, stdin: Option<ChildStdin>, pid: Option<u32>) {
    // The input waits in line, so that a command that does not read can still be signalled.
    let (sender, mut waiting) = tokio::sync::mpsc::channel::<bytes::Bytes>(64);
    let mut sender = Some(sender);
    let feed = async {
        let Some(mut stdin) = stdin else { return };
        while let Some(data) = waiting.recv().await {
            if stdin.write_all(&data).await.is_err() {
                break;
            }
        }
        waiting.close();
        drop(stdin);
    };
    let hear = async {
        while let Some(message) = reader.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    if let Some(sender) = &sender {
                        let _ = sender.send(data).await;
                    }
                }
                ChannelMsg::Eof => sender = None,
                ChannelMsg::Signal { signal } => signal_group(pid, number(&signal)),
                ChannelMsg::Close => break,
                _ => {}
            }
        }
    };
    tokio::pin!(feed);
    tokio::pin!(hear);
    tokio::select! {
        () = &mut hear => {}
        () = &mut feed => hear.await,
    }
}

fn number(signal: &Sig) -> Signal {
    match signal {
        Sig::INT => Signal::SIGINT,
        Sig::HUP => Signal::SIGHUP,
        Sig::KILL => Signal::SIGKILL,
        Sig::QUIT => Signal::SIGQUIT,
        _ => Signal::SIGTERM,
    }
}

fn signal_group(pid: Option<u32>, signal: Signal) {
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        let _ = killpg(Pid::from_raw(pid), signal);
    }
}

/// Is this a program that can be run?
pub(super) fn find(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/bin".into()])
        .any(|at| Path::new(&at).join(program).is_file())
}
