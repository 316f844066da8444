//! One apply, under way.

use super::fleet::Fleet;
use super::lock::LockOptions;
use super::progress::Progress;
use super::{Batch, Events, RunId, Stop};

/// How an apply deals with many hosts, and with trouble.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// How the lock is taken.
    pub lock: LockOptions,
    /// The run goes on while no more hosts than this have failed or are unknown.
    pub max_failures: usize,
    /// How many hosts of a stage are worked on before the next ones are begun, in turn, the last one again and again;
    /// empty: as the playbook says.
    pub batches: Vec<Batch>,
}

/// One apply, under way: what it works on, and how.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) id: &'a RunId,
    pub(super) options: &'a ApplyOptions,
    pub(super) events: &'a Events,
    pub(super) stop: &'a Stop,
}

impl Run<'_> {
    /// Why no further work may be begun, if so.
    pub(super) fn why_not_go_on(&self, hosts: &[Progress]) -> Option<String> {
        if self.stop.asked().is_some() {
            return Some("interrupted".to_owned());
        }
        let failed: Vec<_> = hosts.iter().filter(|host| host.outcome().is_failure()).collect();
        (failed.len() > self.options.max_failures).then(|| {
            let names: Vec<&str> = failed.iter().take(3).map(|host| host.sight.node.name.as_str()).collect();
            let more = if failed.len() > 3 { format!(" and {} more", failed.len() - 3) } else { String::new() };
            format!("{}{more} failed or unknown, and --max-failures is {}", names.join(", "), self.options.max_failures)
        })
    }
}
