//! `joined`: the nodes that run are members of one cluster, and one of them coordinates it.
//!
//! A node is not told of the members that were there before it; they see it joining instead. So two nodes are together when
//! the one has seen the other, whichever way round. That both serve, or that a connection stands between them, says nothing.

use super::{GateNode, Life, Verdict};
use crate::model::inventory::Cluster;
use crate::resources::AssessError;
use crate::resources::process::NodeState;
use crate::steps::membership::{member, port};

/// A node that runs, and the address that its peers know it by.
struct Running<'a> {
    node: &'a GateNode<'a>,
    state: &'a NodeState,
    address: String,
}

pub(super) fn judge(cluster: &Cluster, all: &[GateNode<'_>], node: &GateNode<'_>) -> Verdict {
    let Some(clustering) = &cluster.clustering else {
        return Verdict::Passed("no clustering is asked for".to_owned());
    };
    if let Some(Life::Failed(failure)) = node.state.map(|state| &state.life) {
        return Verdict::Failed(failure.error());
    }
    let mut running = Vec::new();
    for other in all {
        let Some(state) = other.state else {
            return Verdict::Waiting(format!("{} could not be looked at", other.host.name));
        };
        let Some(facts) = other.profile.clustering.schemes.get(&clustering.scheme) else { continue };
        // What is still on its way, or has failed, is judged by its own gate.
        if state.is_ready() {
            let address = member(other.host, clustering, facts);
            let wanted = port(other.host, clustering, facts);
            if other.host.name == node.host.name
                && state.clustering
                && let Some(error) = elsewhere(other, state, wanted)
            {
                return Verdict::Failed(error);
            }
            running.push(Running { node: other, state, address });
        } else if other.host.name == node.host.name {
            return Verdict::Waiting("it does not serve yet".to_owned());
        }
    }
    together(&running)
}

/// Hazelcast takes the next port when its own is taken, and says nothing; its peers never look there.
fn elsewhere(node: &GateNode<'_>, state: &NodeState, wanted: u16) -> Option<AssessError> {
    if state.listens.is_empty() || state.listens.contains(&wanted) {
        return None;
    }
    let bound = state.local_member.as_ref().and_then(|local| local.address.rsplit_once(':')?.1.parse::<u16>().ok());
    let bound = bound.map(|bound| format!("; it took {bound}")).unwrap_or_default();
    let cause = format!("{} does not listen at its membership port {wanted}{bound}", node.host.name);
    let hint =
        format!("end what held port {wanted} when it started, or choose another `member_port`, and start it again");
    Some(AssessError::new("member-port-taken", cause).hint(hint))
}

fn together(running: &[Running<'_>]) -> Verdict {
    if let Some(silent) = running.iter().find(|one| !one.state.clustering) {
        let cause = format!("{} runs without clustering, and the inventory asks for it", silent.node.host.name);
        let hint = "its configuration has no `[clustering]`, or another log level hides it: look at both";
        return Verdict::Failed(AssessError::new("not-clustered", cause).hint(hint));
    }
    for (index, one) in running.iter().enumerate() {
        for other in running.get(index + 1..).unwrap_or_default() {
            if !one.sees(other) && !other.sees(one) {
                return Verdict::Waiting(format!(
                    "{} and {} have not seen one another",
                    one.node.host.name, other.node.host.name
                ));
            }
        }
    }
    let coordinators: Vec<&Running<'_>> = running.iter().filter(|one| one.coordinates(running)).collect();
    match coordinators.as_slice() {
        [one] => {
            let members = if running.len() == 1 { "1 member".to_owned() } else { format!("{} members", running.len()) };
            Verdict::Passed(format!("{members}, {} coordinates", one.node.host.name))
        }
        [] => Verdict::Waiting("no node was elected coordinator yet".to_owned()),
        many => {
            let names: Vec<&str> = many.iter().map(|one| one.node.host.name.as_str()).collect();
            Verdict::Waiting(format!("{} each were elected coordinator", names.join(" and ")))
        }
    }
}

impl Running<'_> {
    fn sees(&self, other: &Self) -> bool {
        let local = other.state.local_member.as_ref();
        self.state
            .members
            .iter()
            .any(|member| member.address == other.address || local.is_some_and(|local| member.address == local.address))
    }

    /// Was it elected as what it still is? A node that comes back to a cluster after a split does so under a new id, and its
    /// peers know it by that.
    fn coordinates(&self, running: &[Self]) -> bool {
        let Some(elected) = &self.state.elected else { return false };
        let local = self.state.local_member.as_ref();
        let known = running.iter().flat_map(|other| &other.state.members).filter(|member| {
            member.address == self.address || local.is_some_and(|local| member.address == local.address)
        });
        let mut known = known.peekable();
        known.peek().is_none() || known.any(|member| member.id == *elected)
    }
}
