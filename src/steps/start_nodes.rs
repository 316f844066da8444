//! `start-nodes`: the product runs, with the configuration that is on the host.

use super::node::Node;
use super::{HostContext, Step, StepError, Wants, service_unit};
use crate::model::StepName;
use crate::model::inventory::{Cluster, Host, Scheme};
use crate::model::profile::{Profile, READY};
use crate::resources::process::{Places, Process};

/// The product runs, with the configuration that is on the host.
pub(super) struct StartNodes;

impl Step for StartNodes {
    fn name(&self) -> StepName {
        StepName("start-nodes")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        let (product, profile) = (node.product, node.profile);
        let places = Places {
            home: product.home.clone(),
            start_script: profile.files.start_script.clone(),
            pid_file: node.path(&profile.files.pid)?,
            configuration: node.path(&profile.files.configuration)?,
        };
        let start = start_timeout(on.cluster, on.host, profile);
        // A profile without it was refused when it was read.
        let Some(ready) = profile.probes.get(READY) else { return Ok(()) };
        let process = Process::new(places, profile.process.clone(), ready.clone(), profile.ports)
            .offset(product.port_offset)
            .java_home(product.java_home.clone())
            .run_as(product.run_as.clone())
            .unit(service_unit::unit(&node)?)
            .timeouts(start, node.stop_timeout());
        wants.add(process);
        Ok(())
    }
}

/// Within how many seconds a node is ready after a start.
pub(super) fn start_timeout(cluster: &Cluster, host: &Host, profile: &Profile) -> u32 {
    let given = host.product.as_ref().and_then(|product| product.start_timeout);
    given.unwrap_or(profile.process.start_timeout).saturating_add(first_wait(cluster, profile))
}

/// How many seconds the first node of a cluster waits for others before it opens its ports.
pub(super) fn first_wait(cluster: &Cluster, profile: &Profile) -> u32 {
    let Some(clustering) = &cluster.clustering else { return 0 };
    let shipped = profile.clustering.schemes.get(&clustering.scheme).map_or(0, |facts| facts.first_wait);
    match (clustering.scheme, &clustering.multicast) {
        (Scheme::Multicast, Some(multicast)) => multicast.timeout.map_or(shipped, u32::from),
        _ => shipped,
    }
}
