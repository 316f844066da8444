//! Running a program that prints a secret.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How much of a program's complaint is shown.
const COMPLAINT: usize = 2000;

/// How often an ending program is looked at.
const POLL: Duration = Duration::from_millis(10);

type Bytes = Zeroizing<Vec<u8>>;

/// Runs a program without input and gives what it prints. The error is a clause about the program, with its stderr.
pub(super) fn output(words: &[String], folder: &Path, deadline: Duration) -> Result<Bytes, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("names no program".to_owned());
    };
    let end = Instant::now() + deadline;
    #[expect(clippy::disallowed_methods, reason = "a secret source may be a program; this is where it runs")]
    let mut command = Command::new(program);
    let started = command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(|error| format!("can't be started: {error}"))?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let printed = stdout.map_or(Some(Bytes::default()), |from| before(&from, end));
    let status = printed.as_ref().and_then(|_| ended(&mut child, end));
    if status.is_none() {
        // Whatever it started itself may live on; its pipes are no longer listened to.
        let _ = child.kill();
        let _ = child.wait();
    }
    let patience = end.max(Instant::now() + POLL * 10);
    let complaint = stderr.and_then(|from| before(&from, patience)).unwrap_or_default();
    let complaint = readable(&complaint);
    match (printed, status) {
        (Some(printed), Some(status)) if status.success() => Ok(printed),
        (Some(_), Some(status)) => Err(format!("failed ({status}){complaint}")),
        _ => Err(format!("did not end within {} s{complaint}", deadline.as_secs_f32().ceil())),
    }
}

/// Reads to the end beside the caller, who may stop waiting.
fn collect(mut from: impl Read + Send + 'static) -> Receiver<Bytes> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Bytes::default();
        // A pipe that breaks ends the output; the program's status then says what that means.
        let _ = from.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn before(from: &Receiver<Bytes>, end: Instant) -> Option<Bytes> {
    from.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
}

fn ended(child: &mut Child, end: Instant) -> Option<std::process::ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(POLL),
            _ => return None,
        }
    }
}

/// The end of a program's complaint on one line.
fn readable(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(&stderr[stderr.len().saturating_sub(COMPLAINT)..]).into_owned();
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { String::new() } else { format!(": {}", words.join(" ")) }
}
