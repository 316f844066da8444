//! Starting the `ssh` that keeps the connection to a host, as often as its questions take.

use std::io::{self, ErrorKind};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::answers::Answers;
use super::desk::Desk;
use super::greeting::{Greeting, Pause};
use super::lines::Lines;
use super::options::{self, Asking, Pins};
use super::room::Room;
use super::said::Said;
use super::session::{GOODBYE, Session};
use crate::transport::error::out_of_files;
use crate::transport::{Link, Rung, TransportError};

/// Starts `ssh`, and waits until it can take commands.
pub(super) async fn start(
    link: &Link,
    room: Arc<Room>,
    through: Option<(&Link, Arc<Session>)>,
    mut pins: Pins,
) -> Result<Session, TransportError> {
    let socket = room.socket();
    let hop = through.as_ref().map(|(_, session)| session.socket.as_path());
    let greeting = Greeting { link, socket: &socket, through: through.as_ref() };
    let has_person = link.keyring.person().is_there();
    let asking = match (room.can_ask(), link.password.is_some(), link.passphrase.is_some()) {
        (_, true, _) => Asking::All { password: true },
        (true, false, _) if has_person => Asking::All { password: false },
        (true, false, _) | (false, false, true) => Asking::Own,
        (false, false, false) => Asking::Nothing,
    };
    let mut desk = Desk::new(link, !room.names_who_asks());
    let mut first: Option<TransportError> = None;
    let (child, lines, said) = loop {
        let mut answers = match asking {
            Asking::Nothing => None,
            _ => Some(Answers::new(&room)?),
        };
        desk.begin();
        let mut command = room.command("ssh");
        command.args(options::words(link, &socket, hop, asking, &pins));
        let (mut child, mut lines) = spawn(&mut command, answers.as_ref())?;
        let mut said = Said::default();
        let error = match greeting.wait(&mut child, &mut lines, &mut said, answers.as_mut(), &mut desk).await {
            Ok(()) => break (child, lines, said),
            Err(Pause::Error(error)) => error,
            Err(Pause::Errand(errand)) => {
                abandon(child, lines, answers).await;
                desk.run(errand).await?;
                link.climb.begin();
                continue;
            }
        };
        match said.shown {
            // A server has keys of several kinds, and shows one. The pinned one may be of another kind.
            Some(shown) if error.code == "host-key-not-pinned" && !pins.passed.contains(&shown.kind) => {
                pins.passed.push(shown.kind);
                first.get_or_insert(error);
            }
            _ => return Err(first.filter(|_| error.code == "no-common-algorithm").unwrap_or(error)),
        }
    };
    Ok(Session::keep(child, lines, said, socket, through.map(|(_, session)| session), room))
}

fn spawn(command: &mut Command, answers: Option<&Answers>) -> Result<(Child, Lines), TransportError> {
    // What goes wrong is told apart by its words, which are those of the C locale.
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(answers) = answers {
        answers.arrange(command);
    }
    let why = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => TransportError::new(
            Rung::Tcp,
            "openssh-missing",
            "there is no `ssh` program on this machine, and the inventory says transport: openssh",
        )
        .hint("install OpenSSH's client (openssh-client, openssh-clients), or write transport: ssh"),
        _ => TransportError::new(Rung::Tcp, "openssh-failed", format!("ssh does not start: {error}"))
            .hint("start `ssh -V` by hand; this machine may be short of processes or memory"),
    };
    let mut child = command.spawn().map_err(|error| out_of_files(Rung::Tcp, &error).unwrap_or_else(|| why(error)))?;
    let lines = Lines::of(child.stderr.take());
    Ok((child, lines))
}

/// Ends an `ssh` that waits for an answer, and the program that has asked for it.
async fn abandon(mut child: Child, mut lines: Lines, answers: Option<Answers>) {
    // At first: an answer that is none would be sent to the server.
    drop(child.kill().await);
    if let Some(mut answers) = answers {
        answers.give(None);
        drop(timeout(GOODBYE, async { while lines.next().await.is_some() {} }).await);
    }
}
