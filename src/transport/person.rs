//! The person at the terminal, if one is there: never asked two things at once.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use crate::model::Secret;

/// What the person is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is wanted.
    pub wanted: Wanted,
    /// Was an answer to it refused?
    pub again: bool,
}

/// What is wanted of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The passphrase of this key file.
    Passphrase(PathBuf),
    /// The PIN of a token or of a key in one, by the name that `ssh` gives it.
    Pin(String),
    /// The answer to what a server asks of whoever logs in, such as a one-time code.
    Answer {
        /// The host, as the inventory has it.
        host: String,
        /// The server's own words, made harmless.
        question: String,
        /// May the answer be seen while it is typed?
        shown: bool,
    },
    /// No answer: a token waits to be touched, so that this host can be logged in to.
    Touch {
        /// The host, as the inventory has it.
        host: String,
        /// What `ssh` says about it.
        notice: String,
    },
}

type Ask = dyn Fn(&Question) -> Option<Secret> + Send + Sync;

/// The right to ask. Whoever has it is the only one.
pub(super) type Turn = OwnedMutexGuard<()>;

/// Whom to ask; by default nobody is there.
#[derive(Clone, Default)]
pub(super) struct Person {
    ask: Option<Arc<Ask>>,
    asking: Arc<Mutex<()>>,
}

impl Person {
    /// One who is asked by `ask`, which may wait, and says `None` when there is no answer.
    pub(super) fn new(ask: impl Fn(&Question) -> Option<Secret> + Send + Sync + 'static) -> Self {
        Self { ask: Some(Arc::new(ask)), asking: Arc::default() }
    }

    /// Is somebody there?
    pub(super) fn is_there(&self) -> bool {
        self.ask.is_some()
    }

    /// Waits for the right to ask.
    pub(super) async fn turn(&self) -> Turn {
        Arc::clone(&self.asking).lock_owned().await
    }

    /// The right to ask, where nobody else has it now.
    pub(super) fn turn_now(&self) -> Option<Turn> {
        Arc::clone(&self.asking).try_lock_owned().ok()
    }

    /// Asks, by the right to do so. `None` when nobody is there or there is no answer.
    pub(super) async fn answer(&self, _turn: &Turn, question: Question) -> Option<Secret> {
        let ask = self.ask.clone()?;
        spawn_blocking(move || ask(&question)).await.ok().flatten()
    }

    /// Shows what wants no answer, and does not wait until it has been seen.
    pub(super) fn show(&self, wanted: Wanted) {
        if let Some(ask) = self.ask.clone() {
            let question = Question { wanted, again: false };
            drop(spawn_blocking(move || ask(&question)));
        }
    }
}
