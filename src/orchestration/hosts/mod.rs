//! The hosts by themselves, whatever is wanted of them: who they are, how far one gets with each, by which keys they are known,
//! what is on them.

mod facts;
mod list;
mod ping;
mod report;
mod shell;
mod tools;
mod trust;

pub use facts::facts;
pub use list::list;
pub use ping::ping;
pub use report::{
    BrokenRung, FactsReport, HostFactsReport, HostPing, HostRow, HostsReport, JumpHostPing, PingReport, Reached,
    RungReport,
};
pub use tools::{Need, TOOLS, Tool};
pub use trust::{HostKeys, KeyState, KeyWays, Server};

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::each::on_each;
use super::link::Links;
use super::node::Node;
use super::{Controller, Failure, FleetError, FleetOptions, Stop};
use crate::model::inventory::{Cluster, Host, Secrets};

/// The hosts of one cluster that are asked for, and the wires to them.
pub struct Reach {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// What the user should hear before it begins.
    pub warnings: Vec<String>,
    places: Vec<Arc<Place>>,
    concurrency: usize,
}

/// One host and the wire to it.
struct Place {
    host: Host,
    node: Node,
}

impl Reach {
    /// Finds the hosts, as `options` choose them. Connects to nothing, and asks for no profile: a host is there whatever
    /// runs on it.
    ///
    /// # Errors
    /// When a flag names a host or group that is not there, or the user's SSH configuration can't be used.
    pub fn new(
        cluster: Arc<Cluster>,
        secrets: &Secrets,
        controller: &Controller,
        options: &FleetOptions,
    ) -> Result<Self, FleetError> {
        let chosen = options.selection.hosts(&cluster)?;
        let links = Links::new(&cluster, &chosen, secrets, controller, options)?;
        let uploads = Arc::new(Semaphore::new(1));
        let place = |host: &Host| {
            let node = Node::new(host, Vec::new(), &links, uploads.clone()).noted();
            Arc::new(Place { host: host.clone(), node })
        };
        let places = chosen.iter().copied().map(place).collect();
        let warnings = links.warnings();
        drop(links);
        Ok(Self { cluster, warnings, places, concurrency: options.concurrency })
    }

    /// Does `work` on every host, until the user wants to stop; and closes the connections. `told` hears of each host as
    /// soon as it is done.
    async fn each<T, F, Work>(
        &self,
        stop: &Stop,
        told: impl Fn(&T) + Send + Sync + 'static,
        work: F,
    ) -> Vec<(Arc<Place>, Result<T, Failure>)>
    where
        T: Send + 'static,
        F: Fn(Arc<Place>) -> Work,
        Work: Future<Output = T> + Send + 'static,
    {
        let told = Arc::new(told);
        let results = on_each(&self.places, self.concurrency, |place| {
            let (work, stop, told) = (work(place), stop.clone(), told.clone());
            async move {
                tokio::select! {
                    // Whoever has come to an end has one to tell.
                    biased;
                    done = work => {
                        told(&done);
                        Ok(done)
                    }
                    () = stop.wait() => Err(Failure::new("interrupted", "interrupted before it had answered")),
                }
            }
        })
        .await;
        on_each(&self.places, self.concurrency, |place| async move { place.node.close().await }).await;
        let broken = || Err(Failure::new("internal", "the task of this host broke off"));
        results.into_iter().map(|(place, result)| (place, result.unwrap_or_else(broken))).collect()
    }
}
