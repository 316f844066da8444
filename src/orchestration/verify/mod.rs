//! The proof that a cluster works: who is asked by which way, and then [`prove`].

pub(super) mod asks;
mod door;
mod front;
mod prove;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use self::door::{Door, NodePlace, Place};
pub use self::prove::{Front, Ground, answers, prove};

use self::front::{Balancing, HTTPS, front, public_host};
use super::fleet::Fleet;
use super::node::Node;
use super::{Event, Events, Failure, Stop};
use crate::model::inventory::{Cluster, Host, Port, Sticky};
use crate::steps::preflight::Subject;
use crate::steps::verify::{Proof, VERIFY, is_at_its_address};
use crate::transport::http::Tls;

/// A pool of connections asks a connection whether it lives at most every 30 s.
const RECOVERY: Duration = Duration::from_secs(45);

/// Proves that the cluster works: every node answers, also through the public name, and what is written through one is
/// read through the others. What could not be proved is told as a warning each.
///
/// # Errors
/// The first thing that is wrong.
pub async fn verify(fleet: &Fleet, events: &Events, stop: &Stop) -> Result<Proof, Failure> {
    let Some(asks) = &fleet.asks else {
        let cause = "nothing is known that could be asked: the playbook has no step `verify`, or there is no product";
        let failure = Failure::new("verify-nothing", cause);
        let failure = failure.hint("name the product in the inventory, and the step in the playbook");
        return Err(Failure { step: Some(VERIFY), ..failure });
    };
    let ground = ground(fleet).await?;
    let proof = prove(&ground, asks, stop).await?;
    for text in &proof.not_proved {
        events.send(Event::Warning { host: None, text: text.clone() });
    }
    Ok(proof)
}

/// Who is asked, and by which way.
async fn ground(fleet: &Fleet) -> Result<Ground, Failure> {
    let nodes = fleet.nodes.iter().chain(&fleet.peers);
    let nodes = nodes.filter_map(|node| Some((node.clone(), node.subject.as_ref()?)));
    let mut nodes: Vec<NodePlace> = nodes.map(|(node, subject)| node_place(&fleet.cluster, &node, subject)).collect();
    let order = |place: &NodePlace| fleet.cluster.hosts.iter().position(|host| host.name == place.name);
    nodes.sort_by_key(order);
    let front = match &fleet.cluster.endpoint {
        Some(endpoint) => front(endpoint, &balancing(fleet)).await?,
        None => None,
    };
    Ok(Ground { recovery: RECOVERY, ..Ground::new(nodes, front) })
}

/// A node is asked through its own host, and from here where the host forwards nothing; but only where its address leads
/// to itself, since another node behind a forwarded port would answer as well.
fn node_place(cluster: &Cluster, node: &Arc<Node>, subject: &Subject) -> NodePlace {
    let port = subject.product.port(&subject.profile, Port::Https);
    let host = &subject.host;
    // Its own certificate may be any; the name is the one that a balancer asks for.
    let name = cluster.endpoint.as_ref().map_or(host.address.as_str(), |endpoint| endpoint.hostname.as_str());
    let mut doors = vec![Door::through(node, &host.member_address, port)];
    let own = host.member_address.parse::<IpAddr>().ok();
    // Where several nodes share a machine, each has an address of the loopback: another one would be another node.
    if own.is_some_and(|own| !own.is_loopback()) {
        doors.push(Door::through(node, "127.0.0.1", port));
    }
    if is_at_its_address(cluster, host) {
        doors.push(Door::direct(&host.address, port));
    }
    let asked_for = match &cluster.endpoint {
        Some(endpoint) => public_host(&endpoint.hostname, endpoint.https_port.unwrap_or(HTTPS), HTTPS),
        None => public_host(name, port, HTTPS),
    };
    let place = Place::new(doors, Tls::Unverified { name: name.to_owned() }, asked_for);
    NodePlace { name: node.name.clone(), place }
}

/// What stands in front of the nodes, as the inventory says.
fn balancing(fleet: &Fleet) -> Balancing<'_> {
    let hosts = fleet.cluster.hosts.iter().filter(|host| host.is_balancer());
    let wire = |host: &Host| fleet.nodes.iter().find(|node| node.name == host.name);
    let settings = fleet.cluster.load_balancer.as_ref();
    Balancing {
        hosts: hosts.clone().map(|host| (host, wire(host))).collect(),
        at_its_address: hosts.clone().next().is_none_or(|first| is_at_its_address(&fleet.cluster, first)),
        certificate: settings.map(|settings| settings.certificate.as_path()),
        one_for_us: settings.is_some_and(|settings| settings.sticky == Some(Sticky::IpHash)),
    }
}

#[cfg(test)]
mod tests;
