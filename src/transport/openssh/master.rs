//! The `ssh` process that keeps the connection to a host: from its start until it can take commands, and its end.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::answers::Answers;
use super::channels::{Channels, Ended};
use super::explain::{self, explain};
use super::lines::Lines;
use super::options::{self, Pins};
use super::room::Room;
use super::said::{Said, Stage};
use crate::transport::ssh::authentication::LOGIN;
use crate::transport::ssh::guard::{ALLOWANCE, flood};
use crate::transport::ssh::jump::Living;
use crate::transport::{Link, Rung, TransportError};

/// How many commands run at once over one connection. OpenSSH allows 10 (`MaxSessions`), and a channel that is about
/// to close still counts.
const CHANNELS: usize = 8;

/// How long the login may take at least: a user may have to touch a token.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an `ssh` may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long what `ssh` prints may come after what it does.
const WORDS: Duration = Duration::from_secs(1);

/// One connection to a server that has let us in.
pub(super) struct Session {
    /// Where the process listens.
    pub(super) socket: PathBuf,
    pub(super) channels: Semaphore,
    /// How many channels are open.
    pub(super) running: AtomicUsize,
    /// Rung whenever a channel has ended.
    pub(super) freed: Notify,
    said: Arc<Mutex<Said>>,
    /// Rung whenever something was said.
    heard: Arc<Notify>,
    /// How much its `ssh` may have to tell in all: more with each channel.
    earned: Arc<AtomicU64>,
    gone: watch::Receiver<bool>,
    /// Dropped with this, which ends the process.
    _end: oneshot::Sender<()>,
    /// The jump host that it leads through: its connection lives as long as this one.
    _through: Option<Arc<Self>>,
    /// Its folder, and its end at the latest.
    _room: Arc<Room>,
}

impl Living for Session {
    fn is_living(&self) -> bool {
        !*self.gone.borrow()
    }
}

impl Session {
    /// What its `ssh` has said.
    pub(super) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A channel is about to be opened.
    pub(super) fn expect_channel(&self) {
        self.earned.fetch_add(ALLOWANCE, Ordering::Relaxed);
    }

    /// Why no connection to `target` was opened through this one, where that becomes known.
    pub(super) async fn why_not_opened(&self, target: &str) -> Option<String> {
        self.learned(|channels| channels.failure(target)).await
    }

    /// How the command on a channel has ended that is closed and told no status, where that becomes known.
    pub(super) async fn ending(&self, channel: u32) -> Option<Ended> {
        self.learned(|channels| channels.ending(channel)).await
    }

    /// What `ssh` prints comes after what it does.
    async fn learned<T>(&self, look: impl Fn(&Channels) -> Option<T>) -> Option<T> {
        let end = Instant::now() + WORDS;
        loop {
            let heard = self.heard.notified();
            let found = look(&self.said().channels);
            if found.is_some() || timeout_at(end, heard).await.is_err() {
                return found;
            }
        }
    }

    /// The connection is gone. Says why, where its `ssh` has said so with its last breath.
    pub(super) async fn lost(&self, when: &str) -> TransportError {
        drop(timeout(WORDS, self.gone.clone().wait_for(|gone| *gone)).await);
        let said = self.said();
        match said.flood {
            Some(received) => flood(Rung::Command, received),
            None => explain::lost(when, said.parting()),
        }
    }

    /// The same where nothing has run: the next try makes a new connection.
    pub(super) async fn unsent(&self) -> TransportError {
        let error = self.lost("before the command was sent").await;
        match error.code {
            // The next connection would be flooded too.
            "server-floods" => error,
            _ => error.retriable(),
        }
    }

    /// Ends the process in order.
    pub(super) async fn end(self) {
        let mut gone = self.gone.clone();
        drop(self);
        drop(timeout(GOODBYE, gone.wait_for(|gone| *gone)).await);
    }
}

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
    let mut first: Option<TransportError> = None;
    let (child, lines, said) = loop {
        let answers = Answers::of(link, &room)?;
        let mut command = room.command("ssh");
        command.args(options::words(link, &socket, hop, answers.is_some(), &pins));
        let (mut child, mut lines) = spawn(&mut command, answers.as_ref())?;
        let mut said = Said::default();
        let Err(error) = greeting.wait(&mut child, &mut lines, &mut said, answers).await else {
            break (child, lines, said);
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
    let (end, ended) = oneshot::channel();
    let (tell_gone, gone) = watch::channel(false);
    let said = Arc::new(Mutex::new(said));
    let heard = Arc::new(Notify::new());
    let earned = Arc::new(AtomicU64::new(ALLOWANCE));
    let (ear, bell, allowed) = (Arc::clone(&said), Arc::clone(&heard), Arc::clone(&earned));
    tokio::spawn(async move {
        keep(child, lines, Ear { said: &ear, bell: &bell, allowed: &allowed }, ended).await;
        tell_gone.send_replace(true);
        bell.notify_waiters();
    });
    Ok(Session {
        socket,
        channels: Semaphore::new(CHANNELS),
        running: AtomicUsize::new(0),
        freed: Notify::new(),
        said,
        heard,
        earned,
        gone,
        _end: end,
        _through: through.map(|(_, session)| session),
        _room: room,
    })
}

fn spawn(command: &mut Command, answers: Option<&Answers>) -> Result<(Child, Lines), TransportError> {
    // What goes wrong is told apart by its words, which are those of the C locale.
    command.env("LC_ALL", "C").stdout(Stdio::null()).stderr(Stdio::piped());
    match answers {
        Some(answers) => answers.arrange(command),
        None => {
            command.stdin(Stdio::null());
        }
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => TransportError::new(
            Rung::Tcp,
            "openssh-missing",
            "there is no `ssh` program on this machine, and the inventory says transport: openssh",
        )
        .hint("install OpenSSH's client (openssh-client, openssh-clients), or write transport: ssh"),
        _ => TransportError::new(Rung::Tcp, "openssh-failed", format!("ssh does not start: {error}"))
            .hint("start `ssh -V` by hand; this machine may be short of processes or memory"),
    })?;
    let lines = Lines::of(child.stderr.take());
    Ok((child, lines))
}

/// How long the login may take: a server may look names up or ask a directory.
pub(super) fn patience(link: &Link) -> Duration {
    PATIENCE.max(link.connect_timeout * LOGIN)
}

/// How long a proxy command of the user's may take to get there.
pub(super) fn way(link: &Link) -> Duration {
    link.connect_timeout * LOGIN
}

/// The way of a connection until it can take commands.
struct Greeting<'a> {
    link: &'a Link,
    socket: &'a Path,
    through: Option<&'a (&'a Link, Arc<Session>)>,
}

impl Greeting<'_> {
    async fn wait(
        &self,
        child: &mut Child,
        lines: &mut Lines,
        said: &mut Said,
        mut answers: Option<Answers>,
    ) -> Result<(), TransportError> {
        let mut stdin = child.stdin.take();
        let mut end = Instant::now() + self.link.connect_timeout;
        loop {
            let Ok(line) = timeout_at(end, lines.next()).await else {
                drop(child.start_kill());
                return Err(explain::late(self.link, said, self.through.map(|(via, _)| *via)));
            };
            let Some(line) = line else {
                drop(child.wait().await);
                return Err(self.explain(said).await);
            };
            if let Some(answers) = &mut answers
                && answers.answer(&line, &mut stdin).await
            {
                continue;
            }
            let before = said.stage;
            said.hear(&line);
            if lines.received() > ALLOWANCE {
                drop(child.start_kill());
                let rung = if before < Stage::Exchanged { Rung::KeyExchange } else { Rung::Authentication };
                return Err(flood(rung, lines.received()));
            }
            if said.stage > before {
                self.note(said);
                end = match said.stage {
                    // The user's own way there may lead through other hosts, with a login at each.
                    Stage::Dialing if said.proxied.is_some() && self.through.is_none() => {
                        Instant::now() + way(self.link)
                    }
                    Stage::Ready if self.socket.exists() => return Ok(()),
                    // So said the server, and not ssh.
                    Stage::Ready => {
                        said.stage = before;
                        end
                    }
                    // Looking the name up and connecting share their time, as does all that comes before the login.
                    Stage::Reached => Instant::now() + self.link.connect_timeout,
                    Stage::Spoken if said.proxied.is_some() => Instant::now() + self.link.connect_timeout,
                    Stage::Exchanged => Instant::now() + patience(self.link),
                    _ => end,
                };
            }
        }
    }

    /// Notes the rung that was reached; `ssh` does not say when it had the host's key, but judges it with the exchange.
    fn note(&self, said: &Said) {
        let Link { climb, user, .. } = self.link;
        let to = || said.to.clone().unwrap_or_default();
        match said.stage {
            Stage::Dialing if said.looked_up => climb.reached(Rung::Dns, to),
            Stage::Reached => climb.reached(Rung::Tcp, to),
            Stage::Spoken if said.proxied.is_some() => climb.reached(Rung::Tcp, || match self.through {
                Some((via, _)) => format!("from {}", via.name),
                None => "by the proxy command".to_owned(),
            }),
            Stage::Exchanged => {
                climb.reached(Rung::KeyExchange, String::new);
                let shown = || said.shown.as_ref().map(|key| format!("{} {}", key.kind, key.fingerprint));
                climb.reached(Rung::HostKey, || shown().unwrap_or_default());
            }
            Stage::LetIn => climb.reached(Rung::Authentication, || user.clone()),
            _ => {}
        }
    }

    /// Why it has ended.
    async fn explain(&self, said: &Said) -> TransportError {
        if let (Some((via, session)), Some(target)) = (self.through, &said.proxied)
            && said.stage < Stage::Spoken
        {
            let why = match session.is_living() {
                true => session.why_not_opened(target).await,
                false => None,
            };
            if why.is_some() || !session.is_living() {
                return explain::not_opened(via, target, why.as_deref());
            }
        }
        explain(self.link, said).await
    }
}

/// Who hears what is said, and how much it may be.
struct Ear<'a> {
    said: &'a Mutex<Said>,
    bell: &'a Notify,
    allowed: &'a AtomicU64,
}

/// Listens to the process until it has ended, or is to end.
async fn keep(mut child: Child, mut lines: Lines, ear: Ear<'_>, mut end: oneshot::Receiver<()>) {
    let said = || ear.said.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Some(line) => {
                    said().hear(&line);
                    ear.bell.notify_waiters();
                    if lines.received() > ear.allowed.load(Ordering::Relaxed) {
                        said().flood = Some(lines.received());
                        drop(child.start_kill());
                        break;
                    }
                }
                // It has closed its standard error; a proxy command may still hold it open when it has ended.
                None => break,
            },
            _ = child.wait() => break,
            _ = &mut end => {
                // Then it tells the server, and ends its proxy command.
                if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
                    let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
                }
                break;
            }
        }
    }
    if timeout(GOODBYE, child.wait()).await.is_err() {
        drop(child.kill().await);
    }
    // Its last words say why it has ended.
    while let Ok(Some(line)) = timeout(Duration::from_millis(100), lines.next()).await {
        said().hear(&line);
    }
}
