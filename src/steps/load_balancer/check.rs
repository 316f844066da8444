//! What is wrong, or not good, with the balancer, as far as the inventory tells.

use crate::model::inventory::{BalancerKind, Cluster, Sticky, is_ip_address};
use crate::model::profile::Profile;
use crate::steps::Finding;
use crate::steps::node::{has_peers, product_hosts};

use super::front::READ;

/// Everything that is wrong, or not good, with the balancer.
pub(in crate::steps) fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let Some(given) = &cluster.load_balancer else { return Vec::new() };
    let mut findings = Vec::new();
    if given.kind == BalancerKind::Nginx {
        for host in product_hosts(cluster).filter(|host| !is_ip_address(&host.member_address)) {
            let at = format!("hosts.{}.member_address", host.name);
            let cause = format!("nginx tells the nodes apart by IP address, and {} has only a name", host.name);
            let hint = "add `member_address:` with the IP address that the balancer reaches it at";
            findings.push(Finding::error("balancer-needs-address", at, cause).hint(hint));
        }
    }
    if given.sticky == Some(Sticky::None) && has_peers(cluster) {
        let cause = "clients are not kept with their node: the console, recovery and self sign-up lose their sessions";
        let hint = "write `sticky: cookie`, or `ip_hash` where clients keep no cookies";
        findings.push(Finding::warning("L04", "load_balancer.sticky", cause).hint(hint));
    }
    if let Some(seconds) = given.read_timeout.filter(|seconds| *seconds > READ) {
        let cause = format!("a node that hangs holds its clients for {seconds} seconds");
        let hint = format!("{READ} seconds or less; what takes longer should answer at once and work on");
        findings.push(Finding::warning("L06", "load_balancer.read_timeout", cause).hint(hint));
    }
    if !has_peers(cluster) {
        let cause = format!("there is one node behind the balancer: nothing answers while {} is away", profile.product);
        let hint = "add a second host that has a product";
        findings.push(Finding::warning("L07", "load_balancer", cause).hint(hint));
    }
    findings
}
