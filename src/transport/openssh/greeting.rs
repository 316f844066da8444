//! The way of an `ssh` from its start until it can take commands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::{Instant, timeout_at};

use super::answers::{Answers, Heard};
use super::desk::{Desk, Errand};
use super::explain::{self, explain};
use super::lines::Lines;
use super::said::{Said, Stage};
use super::session::Session;
use crate::transport::ssh::authentication::LOGIN;
use crate::transport::ssh::guard::{ALLOWANCE, flood};
use crate::transport::ssh::jump::Living as _;
use crate::transport::{Link, Rung, TransportError};

/// How long the login may take at least: a user may have to touch a token.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the login may take: a server may look names up or ask a directory.
pub(super) fn patience(link: &Link) -> Duration {
    PATIENCE.max(link.connect_timeout * LOGIN)
}

/// How long a proxy command of the user's may take to get there.
pub(super) fn way(link: &Link) -> Duration {
    link.connect_timeout * LOGIN
}

/// Why an `ssh` has not come to take commands.
pub(super) enum Pause {
    Error(TransportError),
    /// It is to be started anew after that.
    Errand(Errand),
}

impl From<Errand> for Pause {
    fn from(errand: Errand) -> Self {
        Self::Errand(errand)
    }
}

/// The way of a connection until it can take commands.
pub(super) struct Greeting<'a> {
    pub(super) link: &'a Link,
    pub(super) socket: &'a Path,
    pub(super) through: Option<&'a (&'a Link, Arc<Session>)>,
}

impl Greeting<'_> {
    pub(super) async fn wait(
        &self,
        child: &mut Child,
        lines: &mut Lines,
        said: &mut Said,
        mut answers: Option<&mut Answers>,
        desk: &mut Desk<'_>,
    ) -> Result<(), Pause> {
        let mut end = Instant::now() + self.link.connect_timeout;
        loop {
            let Ok(line) = timeout_at(end, lines.next()).await else {
                drop(child.start_kill());
                return Err(Pause::Error(explain::late(self.link, said, self.through.map(|(via, _)| *via))));
            };
            let Some(line) = line else {
                drop(child.wait().await);
                return Err(Pause::Error(self.explain(said, desk).await));
            };
            if let Some(answers) = answers.as_deref_mut()
                && let Some(heard) = answers.heard(&line)
            {
                match heard {
                    Heard::Notice(notice) => desk.show(notice),
                    Heard::Question(question) => {
                        let asked = Instant::now();
                        let answer = desk.answer(question).await?;
                        answers.give(answer.as_deref());
                        // The time is the host's, and not that of the person.
                        end += asked.elapsed();
                    }
                }
                continue;
            }
            desk.hear(&line)?;
            let before = said.stage;
            said.hear(&line);
            if lines.received() > ALLOWANCE {
                drop(child.start_kill());
                let rung = if before < Stage::Exchanged { Rung::KeyExchange } else { Rung::Authentication };
                return Err(Pause::Error(flood(rung, lines.received())));
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
    async fn explain(&self, said: &Said, desk: &Desk<'_>) -> TransportError {
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
        explain(self.link, said, desk.fault()).await
    }
}
