//! `membership`: the nodes find one another, and tell one another what became invalid.

mod check;
mod members;
mod schemes;

pub(super) use check::check;
pub(super) use members::{member, port};

use indexmap::IndexMap;

use self::schemes::Given;
use super::finding::refuse;
use super::node::{ByPath as _, Node};
use super::{HostContext, Step, StepError, Wants, spelled};
use crate::model::StepName;
use crate::model::inventory::{Clustering, Scheme};
use crate::model::profile::{ClusteringFacts, KeyPath, SchemeFacts};
use crate::resources::edit::{TomlKeys, Value};

/// The nodes find one another, and tell one another what became invalid.
pub(super) struct Membership;

impl Step for Membership {
    fn name(&self) -> StepName {
        StepName("membership")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster, node.profile))?;
        let Some(clustering) = &on.cluster.clustering else {
            return Ok(());
        };
        let Some(scheme) = node.profile.clustering.schemes.get(&clustering.scheme) else {
            return Ok(()); // `check` refuses it.
        };
        let known = &node.profile.keys;
        let domain = clustering.domain.clone().unwrap_or_else(|| format!("{}.domain", on.cluster.name));
        let port = members::port(on.host, clustering, scheme);
        let mut keys = TomlKeys::new()
            .put(&known.membership_scheme, Value::Text(clustering.scheme.word().to_owned()))
            .put(&known.domain, spelled::xml(&domain).map_err(|why| uncarried("clustering.domain", why))?)
            .put(&known.local_member_host, Value::Text(on.host.member_address.clone()))
            .put(&known.local_member_port, Value::Text(port.to_string()));
        keys = if clustering.scheme == Scheme::Wka {
            let members = members::members(on.cluster, clustering, scheme);
            keys.put(&known.members, Value::List(members.into_iter().map(Value::Text).collect()))
        } else {
            keys.take(&known.members)
        };
        keys = with_properties(keys, on, &known.clustering_properties, &node.profile.clustering, scheme, clustering)?;
        for (name, value) in hazelcast(clustering, &node.profile.clustering) {
            keys = keys.put(&known.hazelcast.join(&name), spelled::properties(&value));
        }
        node.configure(wants, keys)
    }
}

/// The agent's parameters: those of the scheme, those that always go with it, then the inventory's own. Parameters of
/// other schemes go away.
fn with_properties(
    mut keys: TomlKeys,
    on: &HostContext<'_>,
    table: &KeyPath,
    facts: &ClusteringFacts,
    scheme: &SchemeFacts,
    clustering: &Clustering,
) -> Result<TomlKeys, StepError> {
    let mut wanted: IndexMap<&str, Value> = IndexMap::new();
    for (option, given) in schemes::options(clustering).unwrap_or_default() {
        let Some(name) = scheme.properties.get(option) else {
            continue;
        };
        let at = format!("clustering.{}.{option}", clustering.scheme.word().replace('-', "_"));
        let value = match given {
            Given::Text(text) => spelled::xml(&text),
            Given::Secret(source) => {
                let secret = on.secrets.get(source).ok_or_else(|| StepError {
                    code: "secret-unresolved",
                    at: at.clone(),
                    cause: format!("`{option}` was not resolved"),
                    hint: None,
                })?;
                spelled::secret(&secret)
            }
        };
        wanted.insert(name, value.map_err(|why| uncarried(&at, why))?);
    }
    for (name, value) in scheme.fixed.iter().chain(&clustering.properties) {
        let at = format!("clustering.properties.{name}");
        wanted.insert(name, spelled::xml(value).map_err(|why| uncarried(&at, why))?);
    }
    let all = facts.schemes.values().flat_map(|scheme| scheme.properties.values().chain(scheme.fixed.keys()));
    for stale in all.filter(|name| !wanted.contains_key(name.as_str())) {
        keys = keys.take(&table.join(stale));
    }
    for (name, value) in wanted {
        keys = keys.put(&table.join(name), value);
    }
    Ok(keys)
}

/// What `hazelcast.properties` says: the profile's, then the inventory's.
fn hazelcast(clustering: &Clustering, facts: &ClusteringFacts) -> IndexMap<String, String> {
    let mut properties = facts.hazelcast.clone();
    if let Some(seconds) = clustering.hazelcast.max_no_heartbeat_seconds {
        properties.insert(facts.heartbeat.property.clone(), seconds.to_string());
    }
    properties.extend(clustering.hazelcast.properties.clone());
    properties
}

fn uncarried(at: &str, why: spelled::Uncarried) -> StepError {
    StepError {
        code: "value-not-carried",
        at: at.to_owned(),
        cause: format!("it can't be handed to the product: {why}"),
        hint: Some("choose a value without it".into()),
    }
}
