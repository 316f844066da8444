//! Trying again, where nothing can have happened.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Answer, Reply, Request, Stream, Transport, TransportError};

/// How often a request is sent at most.
const TRIES: u32 = 3;

/// How long a connection through the host is tried again, where the host itself had gone away.
const OPENING: Duration = Duration::from_secs(10);

/// Sends a request again when its error says that nothing of it has run.
pub(super) struct Retry {
    inner: Box<dyn Transport>,
}

impl Retry {
    pub(super) fn new(inner: Box<dyn Transport>) -> Self {
        Self { inner }
    }
}

impl Transport for Retry {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        let end = Instant::now() + request.deadline;
        Box::pin(again(request.deadline, move || async move {
            // All tries together have the time of one.
            let request = Request {
                command: request.command.clone(),
                input: request.input.clone(),
                gate: request.gate.clone(),
                deadline: end.saturating_duration_since(Instant::now()),
                limit: request.limit,
                outlet: request.outlet.clone(),
            };
            self.inner.run(&request).await
        }))
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        Box::pin(again(OPENING, move || self.inner.open(target, port)))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}

/// Repeats `attempt` after a retriable error, up to three times and not past `limit`.
pub(super) async fn again<T, F>(limit: Duration, mut attempt: impl FnMut() -> F) -> Result<T, TransportError>
where
    F: Future<Output = Result<T, TransportError>>,
{
    let end = Instant::now() + limit;
    let mut tried = 1;
    loop {
        let error = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let pause = pause(tried);
        if !error.retry || tried == TRIES || Instant::now() + pause >= end {
            return Err(error);
        }
        sleep(pause).await;
        tried += 1;
    }
}

/// The pause after the `tried`th try: longer each time, and different for each of a hundred hosts behind one server
/// that turns away whoever comes in a crowd.
fn pause(tried: u32) -> Duration {
    let most = 300 * u64::from(tried) * u64::from(tried);
    Duration::from_millis(rand::random_range(most / 3..=most))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::Rung;
    use super::*;

    async fn tries(error: TransportError, heals_at: u32, limit: Duration) -> (Result<u32, TransportError>, u32) {
        let count = AtomicU32::new(0);
        let result = again(limit, || async {
            let now = count.fetch_add(1, Ordering::Relaxed) + 1;
            if now == heals_at { Ok(now) } else { Err(error.clone()) }
        })
        .await;
        (result, count.into_inner())
    }

    #[tokio::test]
    async fn only_what_cannot_have_run_is_sent_again_and_three_times_at_most() {
        let refused = TransportError::new(Rung::Tcp, "test", "refused").retriable();
        let lost = TransportError::new(Rung::Command, "test", "lost");
        let long = Duration::from_secs(60);
        assert_eq!(tries(refused.clone(), 2, long).await, (Ok(2), 2));
        assert_eq!(tries(refused.clone(), 9, long).await, (Err(refused.clone()), 3));
        assert_eq!(tries(lost.clone(), 2, long).await, (Err(lost), 1));
        assert_eq!(tries(refused.clone(), 2, Duration::from_millis(1)).await, (Err(refused), 1));
    }
}
