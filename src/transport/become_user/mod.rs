//! Becoming another user on the host with sudo, doas or su, before the command has its input.

mod attempts;
mod command;
mod doas;
mod refusal;
mod su;
mod sudo;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::{Instant, timeout_at};

pub use attempts::Attempts;

use super::deadline::late;
use super::{Answer, Become, GateProgress, Reply, Request, Rung, Stream, Transport, TransportError};
use attempts::Known;

/// Runs every request as another user.
pub(super) struct BecomeUser {
    inner: Box<dyn Transport>,
    how: Become,
    /// Is the program given a terminal of its own?
    with_terminal: AtomicBool,
}

impl BecomeUser {
    pub(super) fn new(inner: Box<dyn Transport>, how: Become) -> Self {
        Self { inner, how, with_terminal: AtomicBool::new(false) }
    }

    /// Runs a request when it is its turn. As long as nobody has got in, one goes at a time; and none after a password
    /// was spent in vain, because the next ones might lock the account.
    async fn in_turn(&self, request: &Request) -> Result<Reply, TransportError> {
        let end = Instant::now() + request.deadline;
        let Ok(known) = timeout_at(end, self.how.attempts.known()).await else {
            return Err(late(request, "another command on the same host to become the user"));
        };
        match &*known {
            Known::Refused(error) => return Err(error.clone()),
            Known::Accepted => {
                drop(known);
                let (result, progress) = self.attempt(request, end, |_| {}).await;
                if let Err(error) = refusal_to_remember(&result, progress) {
                    *self.how.attempts.known().await = Known::Refused(error);
                }
                return result;
            }
            Known::Nothing => {}
        }
        let mut known = Some(known);
        let (result, progress) = self
            .attempt(request, end, |progress| {
                if progress == GateProgress::Open
                    && let Some(mut known) = known.take()
                {
                    *known = Known::Accepted;
                }
            })
            .await;
        if let (Err(error), Some(mut known)) = (refusal_to_remember(&result, progress), known) {
            *known = Known::Refused(error);
        }
        result
    }

    /// Runs a request; once more with a terminal, where the program refuses to do anything without one.
    async fn attempt(
        &self,
        request: &Request,
        end: Instant,
        mut hear: impl FnMut(GateProgress),
    ) -> (Result<Reply, TransportError>, GateProgress) {
        let with_terminal = self.with_terminal.load(Ordering::Relaxed);
        let (result, progress) = self.once(request, end, with_terminal, &mut hear).await;
        let wants_one = result.as_ref().is_err_and(|error| error.code.ends_with("-needs-terminal"));
        if with_terminal || !wants_one || progress > GateProgress::Closed {
            return (result, progress);
        }
        self.with_terminal.store(true, Ordering::Relaxed);
        self.once(request, end, true, &mut hear).await
    }

    async fn once(
        &self,
        request: &Request,
        end: Instant,
        with_terminal: bool,
        hear: &mut impl FnMut(GateProgress),
    ) -> (Result<Reply, TransportError>, GateProgress) {
        // Fresh for each request: nothing that the host has seen before can pass for the prompt or for readiness.
        let (mut request, mut progress) = command::wrap(&self.how, request, rand::random(), with_terminal);
        request.deadline = end.saturating_duration_since(Instant::now());
        let running = self.inner.run(&request);
        tokio::pin!(running);
        let result = loop {
            tokio::select! {
                result = &mut running => break result,
                // The sender lives as long as the request.
                _ = progress.changed() => hear(*progress.borrow_and_update()),
            }
        };
        let reached = *progress.borrow();
        hear(reached);
        (result, reached)
    }
}

/// The refusal that no other command of the run shall provoke again: one that came after a password was asked for. A
/// connection that was lost at that moment says nothing about the password.
fn refusal_to_remember(result: &Result<Reply, TransportError>, progress: GateProgress) -> Result<(), TransportError> {
    match result {
        Err(error) if progress == GateProgress::Asked && error.rung == Rung::Become => Err(error.clone()),
        _ => Ok(()),
    }
}

impl Transport for BecomeUser {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        Box::pin(self.in_turn(request))
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        // A connection is the server's, not the user's: there is nobody to become.
        self.inner.open(target, port)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}
