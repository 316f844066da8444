//! `hactl validate` and `hactl schema`.

use crate::model::inventory::{Cluster, Inventory, Origin, Scheme, Source};
use crate::orchestration::{Note, ValueFrom};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Says in a line per cluster what an inventory describes.
pub fn describe(inventory: &Inventory) -> String {
    let lines: Vec<String> = inventory.clusters.iter().map(summary).collect();
    lines.join("\n")
}

/// Says of a cluster what an inventory describes, and every value that was overridden, derived or left to a default, and
/// where it comes from. `file` is the inventory's name as the user knows it; `connections` are the values of the
/// connections, which may come from elsewhere.
pub fn describe_origins(inventory: &Inventory, cluster: &Cluster, file: &str, connections: &[Note]) -> String {
    let mut out = format!("{}\n", summary(cluster));
    explained(inventory, cluster, file, connections, &mut out);
    out
}

/// The JSON Schema of an inventory, for editors.
pub fn schema() -> serde_json::Value {
    crate::model::inventory::schema().clone()
}

/// One line about a cluster: `iam-prod  2 hosts, wso2is 7.1.0, wka`.
fn summary(cluster: &Cluster) -> String {
    let hosts = match cluster.hosts.len() {
        1 => "1 host".to_owned(),
        count => format!("{count} hosts"),
    };
    let products: BTreeSet<String> = cluster
        .hosts
        .iter()
        .filter_map(|host| host.product.as_ref())
        .map(|product| format!("{} {}", product.name, product.version))
        .collect();
    let scheme = cluster.clustering.as_ref().map(|clustering| match clustering.scheme {
        Scheme::Wka => "wka".to_owned(),
        Scheme::Multicast => "multicast".to_owned(),
        Scheme::Aws => "aws".to_owned(),
        Scheme::AwsEcs => "aws-ecs".to_owned(),
        Scheme::Kubernetes => "kubernetes".to_owned(),
    });
    let parts: Vec<String> = std::iter::once(hosts).chain(products).chain(scheme).collect();
    format!("{}  {}", cluster.name, parts.join(", "))
}

fn explained(inventory: &Inventory, cluster: &Cluster, file: &str, connections: &[Note], out: &mut String) {
    let origins = with_connections(inventory, cluster, connections);
    let of = |host: Option<&str>| -> Vec<&Origin> {
        let wanted = |origin: &&Origin| origin.host.as_ref().map(crate::model::HostName::as_str) == host;
        origins.iter().filter(wanted).collect()
    };
    table("the cluster", &of(None), file, out);
    let hosts: Vec<Vec<&Origin>> = cluster.hosts.iter().map(|host| of(Some(host.name.as_str()))).collect();
    let same =
        |one: &&Origin, other: &&Origin| one.key == other.key && one.value == other.value && one.source == other.source;
    let shared =
        |origin: &&Origin| hosts.len() > 1 && hosts.iter().all(|host| host.iter().any(|other| same(other, origin)));
    if let Some(first) = hosts.first() {
        let everywhere: Vec<&Origin> = first.iter().copied().filter(|origin| shared(origin)).collect();
        table("every host", &everywhere, file, out);
    }
    for (host, origins) in cluster.hosts.iter().zip(&hosts) {
        let own: Vec<&Origin> = origins.iter().copied().filter(|origin| !shared(origin)).collect();
        table(host.name.as_str(), &own, file, out);
    }
}

/// What is known of the cluster's values, with what its connections take from elsewhere.
fn with_connections(inventory: &Inventory, cluster: &Cluster, connections: &[Note]) -> Vec<Origin> {
    let mut origins = inventory.origins(cluster).to_vec();
    for Note { host, key, value, from } in connections {
        let is_hop = key.starts_with("jump ");
        let source = match from {
            // The inventory's own words for these tell more, such as which of its lines won.
            ValueFrom::Inventory(_) | ValueFrom::Default if !is_hop => continue,
            ValueFrom::Inventory(path) => match inventory.locate(cluster, path) {
                Some(at) => Source::Written { at, overrides: Vec::new() },
                None => Source::Default,
            },
            ValueFrom::Default => Source::Default,
            ValueFrom::UserConfig(words) => Source::Elsewhere(words.clone()),
            ValueFrom::CommandLine(flag) => Source::Elsewhere((*flag).to_owned()),
            ValueFrom::Behind => Source::Derived("the host behind it".to_owned()),
            ValueFrom::Passed(reason) => Source::Elsewhere(format!("without effect: {reason}")),
        };
        let origin = Origin { host: Some(host.clone()), key: key.clone(), value: value.clone(), source };
        match origins.iter_mut().find(|known| known.host == origin.host && known.key == origin.key) {
            Some(known) => *known = origin,
            None => origins.push(origin),
        }
    }
    origins
}

fn table(title: &str, origins: &[&Origin], file: &str, out: &mut String) {
    if origins.is_empty() {
        return;
    }
    let width =
        |text: fn(&Origin) -> &str| origins.iter().map(|origin| text(origin).chars().count()).max().unwrap_or(0);
    let keys = width(|origin| &origin.key);
    let values = width(|origin| &origin.value).min(64);
    let _ = writeln!(out, "  {title}");
    for origin in origins {
        let source = match &origin.source {
            Source::Written { at, overrides } if overrides.is_empty() => format!("{file}:{}", at.line),
            Source::Written { at, overrides } => {
                let lines: Vec<String> = overrides.iter().map(|span| span.line.to_string()).collect();
                format!("{file}:{}, over line {}", at.line, lines.join(" and "))
            }
            Source::Default => "default".to_owned(),
            Source::Derived(from) => format!("derived from {from}"),
            Source::Elsewhere(words) => words.clone(),
        };
        let _ = writeln!(out, "    {:keys$}  {:values$}  {source}", origin.key, origin.value);
    }
}
