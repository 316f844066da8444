//! Ctrl-C once is polite, twice is final.

use tokio::sync::watch;

use super::Exit;

/// Whether the user wants to stop. The cli's signal handler raises it; the orchestration asks.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<Option<Exit>>);

impl Stop {
    /// Nobody wants to stop.
    pub fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Asks to stop: what runs is finished, nothing new is begun, locks are released. `exit` is what the program ends with.
    pub fn ask(&self, exit: Exit) {
        self.0.send_replace(Some(exit));
    }

    /// What the program should end with when it was asked to stop.
    pub fn asked(&self) -> Option<Exit> {
        *self.0.borrow()
    }

    /// Ends when somebody asks to stop.
    pub async fn wait(&self) {
        // The sender lives in self: the channel cannot close.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
