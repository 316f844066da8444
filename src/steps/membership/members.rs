//! The members of a cluster, as they follow from its hosts.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::inventory::{Cluster, Clustering, Host, Scheme};
use crate::model::profile::SchemeFacts;
use crate::steps::Finding;
use crate::steps::address::is_local;
use crate::steps::node::{has_peers, loopback, on_one_machine, product_hosts};

/// One node as its peers reach it: `192.168.2.1:4000`.
pub(in crate::steps) fn member(host: &Host, clustering: &Clustering, facts: &SchemeFacts) -> String {
    format!("{}:{}", host.member_address, port(host, clustering, facts))
}

/// The membership port of a host.
pub(in crate::steps) fn port(host: &Host, clustering: &Clustering, facts: &SchemeFacts) -> u16 {
    host.member_port.or(clustering.port).unwrap_or(facts.port)
}

/// All members in the order of the inventory, so that every node has the same list.
pub(super) fn members(cluster: &Cluster, clustering: &Clustering, facts: &SchemeFacts) -> Vec<String> {
    product_hosts(cluster).map(|host| member(host, clustering, facts)).collect()
}

/// Everything that is wrong with the members' addresses and ports.
pub(super) fn check(cluster: &Cluster, clustering: &Clustering, facts: &SchemeFacts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = product_hosts(cluster).filter_map(|host| check_address(cluster, host)).collect();
    let hosts: Vec<&Host> = product_hosts(cluster).collect();
    for (index, host) in hosts.iter().enumerate() {
        let own = member(host, clustering, facts);
        let at = format!("hosts.{}.member_address", host.name);
        if let Some(other) = hosts[..index].iter().find(|other| member(other, clustering, facts) == own) {
            let cause = format!("{} and {} both claim {own}", other.name, host.name);
            let hint = "give each its own `member_address`, or its own `member_port` on one machine";
            findings.push(Finding::error("M03", at, cause).hint(hint));
        }
        let port = port(host, clustering, facts);
        if let Some((first, last)) = facts.ports.filter(|(first, last)| !(*first..=*last).contains(&port)) {
            let at = if host.member_port.is_some() {
                format!("hosts.{}.member_port", host.name)
            } else {
                "clustering.port".into()
            };
            let cause =
                format!("{}: the scheme {} finds no member at port {port}", host.name, clustering.scheme.word());
            findings.push(Finding::error("M10", at, cause).hint(format!("choose a port from {first} to {last}")));
        }
    }
    if clustering.scheme == Scheme::Wka && !has_peers(cluster) {
        let cause = "there are fewer than two well-known members: if the one dies, nobody can join";
        let hint = "add a second host with a product, or take `clustering` out";
        findings.push(Finding::error("M05", "clustering.scheme", cause).hint(hint));
    }
    findings
}

fn check_address(cluster: &Cluster, host: &Host) -> Option<Finding> {
    let at = format!("hosts.{}.member_address", host.name);
    let own = &host.member_address;
    let hint = "give `member_address`: the IPv4 address of its network card";
    if is_local(own) && !(on_one_machine(cluster) && loopback(own).is_some()) {
        let cause = format!("{}: its peers can't reach {own}, which is their own machine", host.name);
        return Some(Finding::error("M01", at, cause).hint(hint));
    }
    let cause = match own.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if is_one_host(address) => return None,
        Ok(IpAddr::V4(_)) => format!("{}: {own} is not the address of one host", host.name),
        Ok(IpAddr::V6(_)) => format!("{}: the product cuts the IPv6 address {own} at its first colon", host.name),
        Err(_) => format!("{}: `{own}` is not an IP address, which membership needs", host.name),
    };
    Some(Finding::error("member-address", at, cause).hint(hint))
}

fn is_one_host(address: Ipv4Addr) -> bool {
    !address.is_multicast() && !address.is_broadcast()
}
