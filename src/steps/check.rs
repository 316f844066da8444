//! Every rule that needs no host, in one go: what `hactl validate` shows.

use super::node::product_hosts;
use super::{
    Finding, caching, datasources, hostname, jdbc_driver, keystores, load_balancer, membership, registry_mount,
    service_unit, shared_files, user_store,
};
use crate::model::inventory::Cluster;
use crate::model::profile::Profile;

/// Everything that is wrong, or not good, about a cluster, by the rules that the steps themselves go by.
///
/// `profile` is that of the cluster's product; without one there is nothing to say.
pub fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if product_hosts(cluster).next().is_none() {
        return findings;
    }
    findings.extend(jdbc_driver::check(cluster));
    findings.extend(keystores::check(cluster, profile));
    findings.extend(datasources::check(cluster, profile));
    findings.extend(user_store::check(cluster, profile));
    findings.extend(registry_mount::check(cluster, profile));
    findings.extend(membership::check(cluster, profile));
    findings.extend(caching::check(cluster));
    findings.extend(hostname::check(cluster));
    findings.extend(shared_files::check(cluster));
    findings.extend(service_unit::check(cluster));
    findings.extend(load_balancer::check(cluster, profile));
    findings
}
