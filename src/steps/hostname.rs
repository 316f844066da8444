//! `hostname`: the nodes go by the balancer's name, and reach themselves by it.

use std::net::IpAddr;

use super::address::is_local;
use super::finding::refuse;
use super::node::{ByPath as _, Node, has_peers, product_hosts};
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::{Cluster, Endpoint, Host, Port};
use crate::resources::WhenAbsent;
use crate::resources::edit::{HostsEntry, TomlKeys, Value};

/// The nodes go by the balancer's name, and reach themselves by it.
pub(super) struct Hostname;

impl Step for Hostname {
    fn name(&self) -> StepName {
        StepName("hostname")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let (Some(node), Some(endpoint)) = (Node::of(on)?, &on.cluster.endpoint) else {
            return Ok(());
        };
        refuse(check(on.cluster))?;
        let profile = node.profile;
        let mut keys = TomlKeys::new().put(&profile.keys.hostname, Value::Text(endpoint.hostname.clone()));
        if let Some(address) = address(on.host) {
            keys = keys.put(&profile.keys.node_ip, Value::Text(address.to_string()));
        }
        if wants_entry(endpoint) {
            let own = node.product.port(profile, Port::Https);
            let https = own.to_string();
            if endpoint.https_port.is_some_and(|port| port != own) {
                for internal in &profile.endpoint.internal_urls {
                    let url = internal.url.fill(&[("hostname", &endpoint.hostname), ("https", &https)]);
                    keys = keys.put(&internal.key, Value::Text(url));
                }
            }
            if let Some(address) = address(on.host) {
                let file = node.path(&profile.files.hosts)?;
                wants.edit(&file, WhenAbsent::Create(0o644), HostsEntry::new(address, [&endpoint.hostname]));
            }
        }
        node.configure(wants, keys)
    }
}

fn wants_entry(endpoint: &Endpoint) -> bool {
    endpoint.hosts_entry.unwrap_or(true)
}

/// The node's own address, as its peers reach it.
fn address(host: &Host) -> Option<IpAddr> {
    let own = if host.member_address == "localhost" { "127.0.0.1" } else { &host.member_address };
    own.parse().ok()
}

/// Everything that is wrong with the public name and the nodes' own addresses.
pub(super) fn check(cluster: &Cluster) -> Vec<Finding> {
    let Some(endpoint) = &cluster.endpoint else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if is_local(&endpoint.hostname) && has_peers(cluster) {
        let cause = format!("`{}` is another machine for every client", endpoint.hostname);
        findings.push(Finding::error("hostname-local", "endpoint.hostname", cause).hint("use the balancer's name"));
    }
    if !wants_entry(endpoint) {
        return findings;
    }
    for host in product_hosts(cluster) {
        let at = format!("hosts.{}.member_address", host.name);
        match address(host) {
            None => {
                let cause = format!(
                    "{}: `{}` is not an IP address, which its entry in /etc/hosts needs",
                    host.name, host.member_address
                );
                let hint = "give `member_address`, or set `endpoint.hosts_entry` to false";
                findings.push(Finding::error("hosts-entry-address", at, cause).hint(hint));
            }
            Some(address) if has_peers(cluster) && (address.is_loopback() || address.is_unspecified()) => {
                let cause = format!("{}: {address} is not an address of its own among the nodes", host.name);
                let hint = "give `member_address`: the address of its network card";
                findings.push(Finding::error("M01", at, cause).hint(hint));
            }
            Some(_) => {}
        }
    }
    findings
}
