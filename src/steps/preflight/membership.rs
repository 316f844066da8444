//! M02, M07: the address and the port that the peers reach a node at.

use std::net::Ipv4Addr;

use super::java_and_processes::held;
use super::{Facts, Rule, Subject, Verdict};
use crate::model::Script;
use crate::model::inventory::Scheme;
use crate::steps::membership::port;

pub(super) static RULES: &[Rule] = &[
    Rule { id: "M02", applies: has_own_address, probe: ask_addresses, judge: addresses },
    Rule { id: "M07", applies: |of| member_port(of).is_some(), probe: ask_port, judge: cluster_port },
];

/// Do the peers go by the address that the inventory says, and by no cloud's?
fn has_own_address(of: &Subject) -> bool {
    let scheme = of.cluster.clustering.as_ref().map(|clustering| clustering.scheme);
    matches!(scheme, Some(Scheme::Wka | Scheme::Multicast)) && of.host.member_address.parse::<Ipv4Addr>().is_ok()
}

fn ask_addresses(_: &Subject, script: &mut Script) {
    script.line("hactl_addresses");
}

fn addresses(facts: &[Facts<'_>]) -> Vec<Verdict> {
    facts.iter().filter_map(addresses_of).collect()
}

fn addresses_of(facts: &Facts<'_>) -> Option<Verdict> {
    let wanted: Ipv4Addr = facts.subject.host.member_address.parse().ok()?;
    let there: Vec<Ipv4Addr> = facts.values("address").filter_map(|text| text.parse().ok()).collect();
    // A machine has the whole of 127.0.0.0/8, and names one of it.
    if there.contains(&wanted) || wanted.is_loopback() {
        return None;
    }
    let mut others: Vec<String> =
        there.iter().filter(|address| !address.is_loopback()).map(Ipv4Addr::to_string).collect();
    others.sort_unstable();
    others.dedup();
    let has = if others.is_empty() { "only the loopback".to_owned() } else { others.join(", ") };
    let cause = format!("{wanted} is not an address of this host, which has {has}: its peers would not find it");
    Some(facts.error(cause, format!("set `member_address` of {}", facts.subject.host.name)))
}

fn member_port(of: &Subject) -> Option<u16> {
    let clustering = of.cluster.clustering.as_ref()?;
    let facts = of.profile.clustering.schemes.get(&clustering.scheme)?;
    Some(port(&of.host, clustering, facts))
}

fn ask_port(of: &Subject, script: &mut Script) {
    if let Some(port) = member_port(of) {
        script.call("hactl_port", &[&port.to_string()]);
    }
}

fn cluster_port(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let verdict = |(port, holder): (String, String)| {
            let next = port.parse::<u16>().unwrap_or_default().saturating_add(1);
            let cause = format!(
                "the membership port {port} is held by {holder}: the node would take {next} in silence, where no peer looks for it"
            );
            let hint = "stop that process, or choose another `clustering.port` or `member_port`";
            facts.error(cause, hint)
        };
        held(facts).into_iter().map(verdict).collect::<Vec<_>>()
    };
    facts.iter().flat_map(judge).collect()
}
