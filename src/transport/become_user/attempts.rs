//! What a run has learned of the way in on one host.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use super::TransportError;

/// What all connections to one host know of its sudo, doas or su. A wrong password is expensive: a few of them lock the
/// account, for people too.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<Known>>);

/// What is known.
#[derive(Debug, Default)]
pub(super) enum Known {
    /// Nobody has tried yet: whoever tries keeps the others waiting.
    #[default]
    Nothing,
    /// Somebody got in.
    Accepted,
    /// The password was asked for, and nobody got in.
    Refused(TransportError),
}

impl Attempts {
    pub(super) async fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().await
    }
}
