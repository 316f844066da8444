//! `hactl validate` and `hactl schema`.

use crate::model::inventory::{Cluster, Inventory, Origin, Scheme, Source};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Says in a line per cluster what an inventory describes; with `explain` also every value that was overridden, derived
/// or left to a default, and where it comes from. `file` is the inventory's name as the user knows it.
pub fn describe(inventory: &Inventory, file: &str, explain: bool) -> String {
    let mut out = String::new();
    for cluster in &inventory.clusters {
        // Writing to a String can't fail.
        let _ = writeln!(out, "{}", summary(cluster));
        if explain {
            explained(inventory, cluster, file, &mut out);
        }
    }
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

fn explained(inventory: &Inventory, cluster: &Cluster, file: &str, out: &mut String) {
    let origins = inventory.origins(cluster);
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
        };
        let _ = writeln!(out, "    {:keys$}  {:values$}  {source}", origin.key, origin.value);
    }
}
