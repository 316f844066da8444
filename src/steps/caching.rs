//! `caching`: caches stay on their node, and only what became invalid is told to the others.

use super::node::{ByPath as _, Node};
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::Cluster;
use crate::resources::edit::{TomlKeys, Value};

/// Caches stay on their node, and only what became invalid is told to the others.
pub(super) struct Caching;

impl Step for Caching {
    fn name(&self) -> StepName {
        StepName("caching")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        let wanted = on.cluster.caching.force_local.or(on.cluster.clustering.as_ref().map(|_| true));
        let Some(local) = wanted else { return Ok(()) };
        let keys = TomlKeys::new().put(&node.profile.keys.force_local_cache, Value::Boolean(local));
        node.configure(wants, keys)
    }
}

/// What is not good about the caches.
pub(super) fn check(cluster: &Cluster) -> Vec<Finding> {
    if cluster.caching.force_local != Some(false) {
        return Vec::new();
    }
    let cause = "caches are spread over the nodes, which WSO2 advises against";
    let hint = "take `caching.force_local` out: invalidations still reach every node";
    vec![Finding::warning("M13", "caching.force_local", cause).hint(hint)]
}
