//! Who answers what `ssh` asks: the inventory's secrets first, then what was asked of the person in this run, then the
//! person.
//!
//! No server waits for long. So where a person is to be asked for a passphrase or a PIN, or must be waited for, the `ssh`
//! ends and is started anew afterwards. Only what a server itself wants to know is asked while that waits: the next time
//! it would want to know something else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::questions::{Asked, NAME, asked, bare};
use crate::model::Secret;
use crate::transport::heard::heard;
use crate::transport::person::{Question, Turn, Wanted};
use crate::transport::ssh::{Typed, login};
use crate::transport::tokens::{Held, Pin};
use crate::transport::{Link, Rung, TransportError};

/// How long a host waits for its turn with a token before it leaves the server.
const MOMENT: Duration = Duration::from_secs(10);

/// How often a token may fail that has taken its PIN.
const FAILURES: usize = 2;

/// What is to be done before `ssh` is started anew.
#[derive(Debug)]
pub(super) enum Errand {
    /// The passphrase of a key file is to be asked for.
    Passphrase(PathBuf),
    /// A PIN is to be asked for, or waited for while somebody else tries it.
    Pin { name: String, wanted: Wanted },
    /// A PIN was refused, or the token has failed.
    Failed { name: String, pin: Arc<Secret>, words: String },
    /// Somebody else is asked something.
    Turn,
    /// There is no point in trying again.
    GiveUp(TransportError),
}

/// The secrets of one connection.
pub(super) struct Desk<'a> {
    link: &'a Link,
    /// May what a server asks look like what `ssh` asks?
    unnamed: bool,
    /// How often a token has failed that had taken its PIN before.
    failures: usize,
    /// The token that signs for this connection, while others wait: many can do one thing at a time only.
    held: Option<(String, Held)>,
    /// Kept from one question of a login to the next.
    turn: Option<Turn>,
    /// Why something that was asked for was not to be had.
    fault: Option<TransportError>,
    now: Now,
}

/// What concerns one `ssh`.
#[derive(Default)]
struct Now {
    password: Option<Arc<Secret>>,
    /// How many questions of the server's were answered.
    answered: usize,
    /// Does the server ask questions?
    questioned: bool,
    /// The person has typed an answer, and nothing has come of it yet.
    typed: bool,
    /// The PIN that was given last, until it is known what came of it.
    given: Option<(String, Arc<Secret>)>,
}

fn error(code: &'static str, cause: String, hint: &str) -> TransportError {
    TransportError::new(Rung::Authentication, code, cause).hint(hint)
}

impl<'a> Desk<'a> {
    pub(super) fn new(link: &'a Link, unnamed: bool) -> Self {
        Self { link, unnamed, failures: 0, held: None, turn: None, fault: None, now: Now::default() }
    }

    /// An `ssh` starts.
    pub(super) fn begin(&mut self) {
        self.now = Now { password: self.link.password.clone(), ..Now::default() };
    }

    /// Why something that was asked for was not to be had.
    pub(super) fn fault(&self) -> Option<&TransportError> {
        self.fault.as_ref()
    }

    /// Takes in what `ssh` says that is no question.
    pub(super) fn hear(&mut self, line: &str) -> Result<(), Errand> {
        if line.starts_with("debug1: Next authentication method: keyboard-interactive") {
            self.now.questioned = true;
        }
        if line.contains("with partial success") {
            self.now.typed = false;
        } else if line.starts_with("debug1: Authentications that can continue") && std::mem::take(&mut self.now.typed) {
            self.fault.get_or_insert_with(|| login::mistyped(&self.link.user));
        }
        let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
        if has(&["debug1: Authentications that can continue", "Authenticated to ", "Permission denied ("]) {
            self.prove();
        } else if !line.starts_with("debug1: ")
            && has(&["login failed", "signing failed"])
            && let Some((name, pin)) = self.now.given.take()
        {
            return Err(Errand::Failed { name, pin, words: heard(line) });
        }
        Ok(())
    }

    /// The PIN that was given is the right one, as far as `ssh` has said.
    fn prove(&mut self) {
        if let Some((name, _)) = self.now.given.take()
            && let Some((_, mut token)) = self.held.take_if(|(held, _)| *held == name)
        {
            token.prove();
        }
    }

    /// Something waits for the person, but not for an answer.
    pub(super) fn show(&self, notice: &str) {
        let (host, notice) = (self.link.name.clone(), heard(notice));
        self.link.keyring.person().show(Wanted::Touch { host, notice });
    }

    /// The answer to a question; `None` where there is none and `ssh` may go on without.
    pub(super) async fn answer(&mut self, question: &str) -> Result<Option<Arc<Secret>>, Errand> {
        // It would have complained about the PIN before it asks on.
        self.prove();
        match asked(question, self.unnamed && self.now.questioned) {
            Asked::Passphrase(file) => self.passphrase(file).await,
            Asked::Pin(name) => {
                let name = heard(&name);
                self.pin(name.clone(), Wanted::Pin(name)).await
            }
            Asked::Password => match self.now.password.take() {
                Some(password) => {
                    self.now.answered += 1;
                    Ok(Some(password))
                }
                None if self.link.password.is_some() => Err(Errand::GiveUp(login::wrong_password(&self.link.user))),
                None => Ok(None),
            },
            Asked::Other(question) => self.other(question).await,
        }
    }

    async fn passphrase(&mut self, file: &str) -> Result<Option<Arc<Secret>>, Errand> {
        if let Some(passphrase) = &self.link.passphrase {
            // It may open more than one key.
            return Ok(Some(Arc::clone(passphrase)));
        }
        let path = self.whole(file);
        match self.link.keyring.typed(&path).await {
            Typed::Known(passphrase) => Ok(Some(passphrase)),
            Typed::Askable => Err(Errand::Passphrase(path)),
            Typed::Missing(error) => {
                self.fault.get_or_insert(error);
                Ok(None)
            }
            Typed::Unreadable => self.pin(format!("key {}", path.display()), Wanted::Passphrase(path)).await,
        }
    }

    /// The whole path of a file whose name was cut.
    fn whole(&self, file: &str) -> PathBuf {
        let begins = |path: &&PathBuf| file.len() >= NAME && path.display().to_string().starts_with(file);
        self.link.identities.iter().find(begins).cloned().unwrap_or_else(|| Path::new(file).to_owned())
    }

    async fn pin(&mut self, name: String, wanted: Wanted) -> Result<Option<Arc<Secret>>, Errand> {
        let keyring = &self.link.keyring;
        if !keyring.person().is_there() {
            self.fault.get_or_insert_with(|| missing(&name, &wanted, "nobody can be asked for it"));
            return Ok(None);
        }
        let held = self.held.take_if(|(held, _)| *held == name).map(|(_, token)| token);
        let token = match held {
            Some(token) => token,
            // Whoever asks for the PIN takes long, and whoever only signs does not.
            None => match timeout(MOMENT, keyring.tokens().hold(&name)).await {
                Ok(token) => token,
                Err(_) => return Err(Errand::Pin { name, wanted }),
            },
        };
        match token.pin() {
            Pin::Proven(_) if self.failures > FAILURES => Ok(None),
            Pin::Proven(pin) | Pin::Untried(pin) => {
                self.now.given = Some((name.clone(), Arc::clone(&pin)));
                self.held = Some((name, token));
                Ok(Some(pin))
            }
            Pin::Wanted { .. } => Err(Errand::Pin { name, wanted }),
            Pin::None { refused } => {
                self.fault.get_or_insert_with(|| match refused {
                    0 => missing(&name, &wanted, "none was given"),
                    refused => refusal(&name, refused, None),
                });
                Ok(None)
            }
        }
    }

    /// What the server itself asks. Nothing that is not the answer is sent: some count that as a wrong one.
    async fn other(&mut self, question: &str) -> Result<Option<Arc<Secret>>, Errand> {
        let Link { name, user, keyring, .. } = self.link;
        let is_first = self.now.answered == 0;
        match login::wanted(bare(question), false, is_first) {
            login::Wanted::Password => {
                if let Some(password) = self.now.password.take() {
                    self.now.answered += 1;
                    return Ok(Some(password));
                }
            }
            login::Wanted::Change => return Err(Errand::GiveUp(login::expired(user, ""))),
            login::Wanted::Other => {}
        }
        let unanswered = || Errand::GiveUp(login::unanswered(user, bare(question), ""));
        if !keyring.person().is_there() {
            return Err(unanswered());
        }
        if self.turn.is_none() {
            self.turn = keyring.person().turn_now();
        }
        let Some(turn) = &self.turn else { return Err(Errand::Turn) };
        let wanted = Wanted::Answer { host: name.clone(), question: heard(question), shown: false };
        let answer = keyring.person().answer(turn, Question { wanted, again: false }).await;
        self.now.answered += 1;
        self.now.typed = answer.is_some();
        answer.map(|answer| Some(Arc::new(answer))).ok_or_else(unanswered)
    }

    /// Does what is to be done before `ssh` is started anew.
    pub(super) async fn run(&mut self, errand: Errand) -> Result<(), TransportError> {
        let keyring = &self.link.keyring;
        // Whoever waits for somebody else must not be waited for.
        self.turn = None;
        match errand {
            Errand::Passphrase(path) => keyring.ask(&path).await?,
            Errand::Pin { name, wanted } => {
                self.held = None;
                let mut token = keyring.tokens().hold(&name).await;
                if let Pin::Wanted { again } = token.pin() {
                    let turn = keyring.person().turn().await;
                    token.answered(keyring.person().answer(&turn, Question { wanted, again }).await);
                }
                if matches!(token.pin(), Pin::Untried(_)) {
                    self.held = Some((name, token));
                }
            }
            Errand::Failed { name, pin, words } => {
                let held = self.held.take().filter(|(held, _)| *held == name).map(|(_, token)| token);
                let mut token = match held {
                    Some(token) => token,
                    None => keyring.tokens().hold(&name).await,
                };
                let has = |marks: &[&str]| marks.iter().any(|mark| words.contains(mark));
                if matches!(token.pin(), Pin::Proven(_)) && !has(&["PIN ", "incorrect passphrase"]) {
                    // It is the right one: the token was busy, or is gone.
                    self.failures += 1;
                    if self.failures > FAILURES {
                        self.fault.get_or_insert_with(|| failure(&name, &words));
                    }
                    return Ok(());
                }
                token.refuse(&pin, has(&["locked"]));
                if let Pin::None { refused } = token.pin() {
                    self.fault.get_or_insert_with(|| refusal(&name, refused, Some(&words)));
                }
            }
            Errand::Turn => self.turn = Some(keyring.person().turn().await),
            Errand::GiveUp(error) => return Err(error),
        }
        Ok(())
    }
}

fn missing(name: &str, wanted: &Wanted, why: &str) -> TransportError {
    match wanted {
        Wanted::Passphrase(path) => error(
            "key-passphrase-missing",
            format!("the key file {} is encrypted, the inventory names no passphrase, and {why}", path.display()),
            "set ssh.passphrase to a secret source, add the key to the agent with ssh-add, or run hactl on a terminal \
             without --no-input",
        ),
        _ => error(
            "token-pin-missing",
            format!("the PIN of {name} is wanted, and {why}"),
            "run hactl on a terminal without --no-input, or give the token to your agent before: `ssh-add -s PROVIDER` for \
             PKCS#11, `ssh-add FILE` for a security key",
        ),
    }
}

fn refusal(name: &str, refused: usize, words: Option<&str>) -> TransportError {
    let pins = if refused == 1 { "the PIN".to_owned() } else { format!("{refused} PINs") };
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    error(
        "token-pin-refused",
        format!("{pins} that was typed for {name} did not open it{words}").replace("PINs that was", "PINs that were"),
        "a few wrong ones lock a token for good: see how many are left (`pkcs11-tool -L`, `ykman info`) before you try again",
    )
}

fn failure(name: &str, words: &str) -> TransportError {
    error(
        "token-failed",
        format!("{name} has taken its PIN, and does not sign: {words}"),
        "is it plugged in, and used by no other program? `ssh -v` to the same host by hand should fail in the same way",
    )
}
