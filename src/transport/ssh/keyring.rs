//! The encrypted key files that were opened in this run, each once, and whom to ask for what nobody has written down.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use russh::keys::{PrivateKey, decode_secret_key};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::keys::{KeyFile, Private, error};
use crate::model::{Secret, Sha256};
use crate::transport::TransportError;
use crate::transport::person::{Person, Question, Turn, Wanted};
use crate::transport::tokens::Tokens;

/// How often the passphrase of a file is asked for.
const TRIES: usize = 3;

/// The encrypted key files that were opened in this run, the tokens' PINs, and whom to ask for them. Copies share all of
/// it.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Ring>);

#[derive(Default)]
struct Ring {
    person: Person,
    opened: Mutex<Vec<Opened>>,
    tokens: Tokens,
}

/// A key file, and what came of opening it.
struct Opened {
    sha256: Sha256,
    /// The secret that was tried; `None` where somebody was asked.
    with: Option<Arc<Secret>>,
    result: Result<Arc<PrivateKey>, TransportError>,
    /// What the person has typed, where that has opened it.
    typed: Option<Arc<Secret>>,
}

/// How it stands with an encrypted key file.
pub(super) enum Opening {
    /// It is open.
    Open(Arc<PrivateKey>),
    /// Somebody is there who can be asked for the passphrase.
    Askable,
}

/// How it stands with a passphrase that `ssh` asks for.
pub(in crate::transport) enum Typed {
    /// The person has typed it.
    Known(Arc<Secret>),
    /// Somebody is there who can be asked for it.
    Askable,
    /// There is none to be had.
    Missing(TransportError),
    /// Only `ssh` can read this file.
    Unreadable,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// A keyring that asks for the secrets that no secret source holds: `ask` may wait for a person, and says `None`
    /// when there is no answer.
    pub fn asking(ask: impl Fn(&Question) -> Option<Secret> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Ring { person: Person::new(ask), ..Ring::default() }))
    }

    /// Whom to ask.
    pub(in crate::transport) fn person(&self) -> &Person {
        &self.0.person
    }

    /// What is known of the tokens.
    pub(in crate::transport) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Opens the text of an encrypted file, or says that its passphrase can be asked for.
    ///
    /// # Errors
    /// When there is no passphrase and nobody to ask, or it is wrong.
    pub(super) async fn open(
        &self,
        path: &Path,
        text: &Zeroizing<String>,
        passphrase: Option<&Arc<Secret>>,
    ) -> Result<Opening, TransportError> {
        let sha256 = Sha256::of(text.as_bytes());
        // Deriving the key from a passphrase is slow on purpose. A hundred hosts that share a file must not pay for it a
        // hundred times: the lock makes the others wait.
        let mut opened = self.0.opened.lock().await;
        let with = passphrase.cloned();
        if let Some(known) = opened.iter().find(|one| one.sha256 == sha256 && one.with == with) {
            return known.result.clone().map(Opening::Open);
        }
        let Some(passphrase) = with else {
            return if self.0.person.is_there() {
                Ok(Opening::Askable)
            } else {
                Err(missing(path, "nobody can be asked for it"))
            };
        };
        let hint = format!(
            "check the secret behind ssh.passphrase; `ssh-keygen -yf {}` asks for the passphrase",
            path.display()
        );
        let result = decode(text.clone(), passphrase.clone()).await.ok_or_else(|| wrong(path, "the passphrase", hint));
        opened.push(Opened { sha256, with: Some(passphrase), result: result.clone(), typed: None });
        result.map(Opening::Open)
    }

    /// Can a key file be used, as far as one can know without asking for its passphrase? Says why not.
    ///
    /// # Errors
    /// When it is missing, readable by others, not a key, or its passphrase is missing or wrong.
    pub(in crate::transport) async fn check(
        &self,
        path: &Path,
        passphrase: Option<&Arc<Secret>>,
    ) -> Result<(), TransportError> {
        match KeyFile::read(path).await?.private {
            Private::Locked(text) => self.open(path, &text, passphrase).await.map(drop),
            _ => Ok(()),
        }
    }

    /// The passphrase of a file, for whoever opens it elsewhere.
    pub(in crate::transport) async fn typed(&self, path: &Path) -> Typed {
        let Ok(KeyFile { private: Private::Locked(text), .. }) = KeyFile::read(path).await else {
            return Typed::Unreadable;
        };
        let sha256 = Sha256::of(text.as_bytes());
        let opened = self.0.opened.lock().await;
        match opened.iter().find(|one| one.sha256 == sha256 && one.with.is_none()) {
            Some(Opened { typed: Some(typed), .. }) => Typed::Known(Arc::clone(typed)),
            Some(Opened { result: Err(error), .. }) => Typed::Missing(error.clone()),
            _ if self.0.person.is_there() => Typed::Askable,
            _ => Typed::Missing(missing(path, "nobody can be asked for it")),
        }
    }

    /// Asks for the passphrase of a file, unless that has been done. Afterwards [`Self::open`] has an answer.
    ///
    /// # Errors
    /// When the file can no longer be read.
    pub(in crate::transport) async fn ask(&self, path: &Path) -> Result<(), TransportError> {
        let turn = self.0.person.turn().await;
        let Private::Locked(text) = KeyFile::read(path).await?.private else {
            return Ok(());
        };
        let sha256 = Sha256::of(text.as_bytes());
        if self.0.opened.lock().await.iter().any(|one| one.sha256 == sha256 && one.with.is_none()) {
            return Ok(());
        }
        let (result, typed) = match self.answer(&turn, path, &text).await {
            Ok((key, passphrase)) => (Ok(key), Some(passphrase)),
            Err(error) => (Err(error), None),
        };
        self.0.opened.lock().await.push(Opened { sha256, with: None, result, typed });
        Ok(())
    }

    async fn answer(
        &self,
        turn: &Turn,
        path: &Path,
        text: &Zeroizing<String>,
    ) -> Result<(Arc<PrivateKey>, Arc<Secret>), TransportError> {
        for tried in 0..TRIES {
            let question = Question { wanted: Wanted::Passphrase(path.to_owned()), again: tried > 0 };
            let Some(passphrase) = self.0.person.answer(turn, question).await.map(Arc::new) else {
                return Err(missing(path, "none was given"));
            };
            if let Some(key) = decode(text.clone(), Arc::clone(&passphrase)).await {
                return Ok((key, passphrase));
            }
        }
        let hint = format!("`ssh-keygen -yf {}` tells whether a passphrase is the right one", path.display());
        Err(wrong(path, "none of three passphrases", hint))
    }
}

/// Opens a key, on a thread of its own: it must not hold up the other hosts.
async fn decode(text: Zeroizing<String>, passphrase: Arc<Secret>) -> Option<Arc<PrivateKey>> {
    spawn_blocking(move || decode_secret_key(&text, Some(passphrase.expose())).ok().map(Arc::new)).await.ok().flatten()
}

fn missing(path: &Path, why: &str) -> TransportError {
    error(
        "key-passphrase-missing",
        format!("the key file {} is encrypted, the inventory names no passphrase, and {why}", path.display()),
        "set ssh.passphrase to a secret source, add the key to the agent with ssh-add, or run hactl on a terminal \
         without --no-input",
    )
}

fn wrong(path: &Path, what: &str, hint: String) -> TransportError {
    error("key-passphrase-wrong", format!("{what} does not open the key file {}", path.display()), hint)
}
