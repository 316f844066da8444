//! `user-store`: all nodes know the same users.

use super::finding::refuse;
use super::node::{ByPath as _, Node, has_peers};
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::{Cluster, UserStoreType};
use crate::model::profile::Profile;
use crate::resources::edit::{TomlKeys, Value};

/// All nodes know the same users.
pub(super) struct UserStore;

impl Step for UserStore {
    fn name(&self) -> StepName {
        StepName("user-store")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster, node.profile))?;
        let Some(kind) = on.cluster.user_store.as_ref().map(|store| store.kind) else {
            return Ok(());
        };
        let Some(word) = node.profile.user_store.types.get(&kind) else {
            return Ok(()); // `keep`; `check` refuses the others.
        };
        let mut keys = TomlKeys::new().put(&node.profile.keys.user_store_type, Value::Text(word.clone()));
        for key in &node.profile.user_store.directory_keys {
            keys = keys.take(key);
        }
        node.configure(wants, keys)
    }
}

/// Everything that is wrong with the user store.
pub(super) fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let facts = &profile.user_store;
    let product = format!("{} {}", profile.product, profile.version);
    let recommended = facts.recommended.word();
    match cluster.user_store.as_ref().map(|store| store.kind) {
        None if facts.shipped_per_node && has_peers(cluster) => {
            let cause =
                format!("{product} ships with a directory server inside each node: the nodes would not share users");
            let hint =
                format!("add `user_store: {{ type: {recommended} }}`, or `keep` where the nodes share a directory");
            vec![Finding::error("user-store-per-node", "user_store", cause).hint(hint)]
        }
        Some(kind) if kind != UserStoreType::Keep && !facts.types.contains_key(&kind) => {
            let cause = format!("{product} does not know the user store `{}`", kind.word());
            let hint = format!("write `type: {recommended}`");
            vec![Finding::error("user-store-unknown", "user_store.type", cause).hint(hint)]
        }
        _ => Vec::new(),
    }
}
