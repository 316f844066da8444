//! The encrypted key files that were opened in this run, each once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::{PrivateKey, decode_secret_key};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::keys::{KeyFile, Private, error};
use crate::model::{Secret, Sha256};
use crate::transport::TransportError;

/// How often the passphrase of a file is asked for.
const TRIES: usize = 3;

/// What the user is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The key file whose passphrase is wanted.
    pub file: PathBuf,
    /// Did an answer not open it?
    pub again: bool,
}

type Ask = dyn Fn(&Question) -> Option<Secret> + Send + Sync;

/// The encrypted key files that were opened in this run, and whom to ask for a passphrase. Copies share what is opened.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Ring>);

#[derive(Default)]
struct Ring {
    ask: Option<Box<Ask>>,
    /// Held while somebody is asked: never two questions at once.
    asking: Mutex<()>,
    opened: Mutex<Vec<Opened>>,
}

/// A key file, and what came of opening it.
struct Opened {
    sha256: Sha256,
    /// The secret that was tried; `None` where somebody was asked.
    with: Option<Arc<Secret>>,
    result: Result<Arc<PrivateKey>, TransportError>,
}

/// How it stands with an encrypted key file.
pub(super) enum Opening {
    /// It is open.
    Open(Arc<PrivateKey>),
    /// Somebody is there who can be asked for the passphrase.
    Askable,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// A keyring that asks for the passphrases that no secret source holds: `ask` may wait for a person, and says `None`
    /// when there is no answer.
    pub fn asking(ask: impl Fn(&Question) -> Option<Secret> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Ring { ask: Some(Box::new(ask)), ..Ring::default() }))
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
            return if self.0.ask.is_some() {
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
        opened.push(Opened { sha256, with: Some(passphrase), result: result.clone() });
        result.map(Opening::Open)
    }

    /// Can a key file be used by somebody who asks nobody? Says why not.
    ///
    /// # Errors
    /// When it is missing, readable by others, not a key, or its passphrase is missing or wrong.
    pub(in crate::transport) async fn check(
        &self,
        path: &Path,
        passphrase: Option<&Arc<Secret>>,
    ) -> Result<(), TransportError> {
        let Private::Locked(text) = KeyFile::read(path).await?.private else {
            return Ok(());
        };
        match self.open(path, &text, passphrase).await? {
            Opening::Open(_) => Ok(()),
            Opening::Askable => Err(missing(path, "the user's own ssh is let ask nobody")),
        }
    }

    /// Asks for the passphrase of a file, unless that has been done. Afterwards [`Self::open`] has an answer.
    ///
    /// # Errors
    /// When the file can no longer be read.
    pub(super) async fn ask(&self, path: &Path) -> Result<(), TransportError> {
        let _one_at_a_time = self.0.asking.lock().await;
        let Private::Locked(text) = KeyFile::read(path).await?.private else {
            return Ok(());
        };
        let sha256 = Sha256::of(text.as_bytes());
        if self.0.opened.lock().await.iter().any(|one| one.sha256 == sha256 && one.with.is_none()) {
            return Ok(());
        }
        let result = self.answer(path, &text).await;
        self.0.opened.lock().await.push(Opened { sha256, with: None, result });
        Ok(())
    }

    async fn answer(&self, path: &Path, text: &Zeroizing<String>) -> Result<Arc<PrivateKey>, TransportError> {
        for tried in 0..TRIES {
            let question = Question { file: path.to_owned(), again: tried > 0 };
            let ring = Arc::clone(&self.0);
            let answer = spawn_blocking(move || ring.ask.as_ref().and_then(|ask| ask(&question))).await;
            let Ok(Some(passphrase)) = answer else {
                return Err(missing(path, "none was given"));
            };
            if let Some(key) = decode(text.clone(), Arc::new(passphrase)).await {
                return Ok(key);
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
