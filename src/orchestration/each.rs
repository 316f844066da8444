//! Many hosts at once, and every one of them reported.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Does `work` for every host, at most `limit` at once, and returns what came of each in the order of `hosts`.
///
/// Every host's work is a task of its own: one that panics is `None`, and the others go on.
pub(super) async fn on_each<H, T, F, Work>(hosts: &[Arc<H>], limit: usize, work: F) -> Vec<(Arc<H>, Option<T>)>
where
    T: Send + 'static,
    F: Fn(Arc<H>) -> Work,
    Work: Future<Output = T> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(limit.max(1)));
    let mut tasks = JoinSet::new();
    for (index, host) in hosts.iter().enumerate() {
        let (slots, work) = (slots.clone(), work(host.clone()));
        tasks.spawn(async move {
            // The semaphore is never closed: without a permit there is nothing to wait for.
            let _slot = slots.acquire_owned().await.ok();
            (index, work.await)
        });
    }
    let mut results: Vec<Option<T>> = hosts.iter().map(|_| None).collect();
    while let Some(joined) = tasks.join_next().await {
        if let Ok((index, result)) = joined
            && let Some(place) = results.get_mut(index)
        {
            *place = Some(result);
        }
    }
    hosts.iter().cloned().zip(results).collect()
}
