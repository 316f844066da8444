//! `hosts list`: the hosts as every other command would reach them. Connects to nothing.

use super::{HostRow, HostsReport, Place, Reach};

/// The hosts as every other command would reach them.
pub fn list(reach: &Reach) -> HostsReport {
    HostsReport { cluster: reach.cluster.name.clone(), hosts: reach.places.iter().map(|place| row(place)).collect() }
}

fn row(place: &Place) -> HostRow {
    let (host, link) = (&place.host, place.node.link());
    HostRow {
        host: host.name.clone(),
        groups: host.groups.clone(),
        roles: host.roles.clone(),
        product: host.product.as_ref().map(|product| format!("{} {}", product.name, product.version)),
        address: link.address.clone(),
        port: link.port,
        user: link.user.clone(),
        jump: link.jump_hosts().into_iter().map(|hop| hop.name.clone()).collect(),
        transport: link.kind,
        become_: link.become_.as_ref().map(|how| how.method),
        become_user: link.become_.as_ref().map(|how| how.user.clone()),
    }
}
