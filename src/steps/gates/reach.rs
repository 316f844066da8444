//! Why nodes have not joined: each one tries the membership port of each other one.

use std::collections::BTreeMap;

use super::GateNode;
use crate::model::inventory::{Cluster, Host};
use crate::model::profile::Profile;
use crate::model::{HostName, Script};
use crate::resources::{AssessError, LOOK};
use crate::steps::membership::port;
use crate::steps::node::product_hosts;

const TRY: &str = include_str!("../preflight/preflight.sh");

/// Where a host's peers reach it, and the port.
fn address<'h>(cluster: &Cluster, host: &'h Host, profile: &Profile) -> Option<(&'h str, u16)> {
    let clustering = cluster.clustering.as_ref()?;
    let facts = profile.clustering.schemes.get(&clustering.scheme)?;
    Some((&host.member_address, port(host, clustering, facts)))
}

/// Appends shell that tries each peer's membership port from `host` and prints what became of it. It needs no other
/// functions, changes nothing, and takes at most 4 s for each peer. `profile` is that of the cluster's product.
pub fn blocked_ports_script(cluster: &Cluster, host: &Host, profile: &Profile, script: &mut Script) {
    script.line(LOOK);
    script.line(TRY);
    for peer in product_hosts(cluster).filter(|peer| peer.name != host.name) {
        if let Some((address, port)) = address(cluster, peer, profile) {
            script.call("hactl_server", &[address, &port.to_string()]);
        }
    }
}

/// Why the nodes have not joined, from what [`blocked_ports_script`] printed on each of them; a host that did not answer
/// is not among `answers`.
pub fn explain_not_joined(cluster: &Cluster, all: &[GateNode<'_>], answers: &[(&HostName, &str)]) -> AssessError {
    let mut known: BTreeMap<(String, u16), &HostName> = BTreeMap::new();
    for node in all {
        if let Some((address, port)) = address(cluster, node.host, node.profile) {
            known.insert((address.to_owned(), port), &node.host.name);
        }
    }
    let (mut blocked, mut untried, mut open) = (Vec::new(), Vec::new(), 0);
    for (from, said) in answers {
        for line in said.lines() {
            let mut words = line.strip_prefix("server ").unwrap_or_default().splitn(4, ' ');
            let [address, port, state, text] = std::array::from_fn(|_| words.next().unwrap_or_default());
            let Ok(number) = port.parse::<u16>() else { continue };
            let to = known.get(&(address.to_owned(), number)).map_or(address, |name| name.as_str());
            let way = format!("{from} -> {to} at {address}:{port}");
            match state {
                "open" => open += 1,
                "silent" => blocked.push(format!("{way}: no answer within 3 s")),
                "untried" => untried.push(format!("{way}: {text}")),
                _ => blocked.push(format!("{way}: {}", last_part(text))),
            }
        }
    }
    if !blocked.is_empty() {
        let cause = format!("the nodes have not joined: the membership port is blocked: {}", blocked.join("; "));
        let hint = "open the port between the nodes in both directions (firewall, security group), then run again; they \
                    find one another by themselves, within a minute";
        return AssessError::new("member-port-blocked", cause).hint(hint);
    }
    let cause = match (open, untried.as_slice()) {
        (_, []) if open > 0 => {
            "the nodes have not joined, though each takes connections at its membership port".to_owned()
        }
        (_, []) => "the nodes have not joined, and none could be asked why".to_owned(),
        (_, untried) => format!("the nodes have not joined, and not every port could be tried: {}", untried.join("; ")),
    };
    let hint = "compare `domain`, the members and the versions of the product on the nodes, then run again: after a split \
                that has just been mended it takes them half a minute";
    AssessError::new("not-joined", cause).hint(hint)
}

/// What is behind the last colon of a message such as `connect: Connection refused`.
fn last_part(text: &str) -> &str {
    match text.rsplit(": ").next() {
        Some(part) if !part.trim().is_empty() => part.trim(),
        _ => "refused",
    }
}
