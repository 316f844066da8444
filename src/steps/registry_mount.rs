//! `registry-mount`: configuration and governance registry are in the shared database.
//!
//! With `shared_db` in place these products mount both by themselves; what is left are the switches of a version.

use super::finding::refuse;
use super::node::{ByPath as _, Node};
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::Cluster;
use crate::model::profile::Profile;
use crate::resources::edit::{TomlKeys, Value};

/// Configuration and governance registry are in the shared database.
pub(super) struct RegistryMount;

impl Step for RegistryMount {
    fn name(&self) -> StepName {
        StepName("registry-mount")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster, node.profile))?;
        let known = &node.profile.keys;
        let mut keys = TomlKeys::new();
        match (&known.registry_mount, on.cluster.registry.mount) {
            (Some(switch), Some(mount)) => keys = keys.put(switch, Value::Boolean(mount)),
            // Without the switch the registry is mounted.
            (Some(switch), None) if on.cluster.databases.shared_db.is_some() => keys = keys.take(switch),
            _ => {}
        }
        if let Some(versioning) =
            known.registry_versioning.as_ref().filter(|_| on.cluster.databases.shared_db.is_some())
        {
            // Each node would write versions of what the other one just wrote.
            keys = keys.put(versioning, Value::Boolean(false));
        }
        node.configure(wants, keys)
    }
}

/// Is something asked for that this version can't do?
pub(super) fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    if profile.keys.registry_mount.is_some() || cluster.registry.mount != Some(false) {
        return Vec::new();
    }
    let cause = format!("{} {} always mounts its registry from the shared database", profile.product, profile.version);
    vec![Finding::error("registry-mount-fixed", "registry.mount", cause).hint("take `registry.mount` out")]
}
