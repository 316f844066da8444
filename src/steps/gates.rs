//! Gates: what must hold before a rollout goes on, judged from what was seen of all nodes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::inventory::{Cluster, Host};
use crate::model::profile::Profile;
use crate::model::{HostName, Script};
use crate::resources::AssessError;
use crate::resources::process::NodeState;

/// What must hold before a rollout goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The node serves.
    Ready,
    /// The nodes that run are members of one cluster.
    Joined,
    /// Somebody else serves while this node does not.
    OthersReady,
}

/// A node as the gates know it.
#[derive(Debug, Clone, Copy)]
pub struct GateNode<'a> {
    /// Its host.
    pub host: &'a Host,
    /// What is known of its product's version.
    pub profile: &'a Profile,
    /// What was seen of its process; `None` when it could not be looked at.
    pub state: Option<&'a NodeState>,
}

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and how: `serves since 4 s`.
    Passed(String),
    /// It does not hold yet, and what is missing.
    Waiting(String),
    /// It will not hold by waiting.
    Failed(AssessError),
}

/// Judges `gate` for `host`. `all` are the cluster's nodes, in the order of the inventory; hosts without a product are
/// not among them.
pub fn judge(gate: Gate, cluster: &Cluster, all: &[GateNode<'_>], host: &HostName) -> Verdict {
    let _ = (gate, cluster, all);
    Verdict::Waiting(format!("{host} was not looked at"))
}

/// How long `gate` is waited for, counted from when the node was started or, for a node that nothing was done to, from
/// the first look.
pub fn deadline(gate: Gate, cluster: &Cluster, host: &Host, profile: &Profile) -> Duration {
    let _ = (gate, cluster, host, profile);
    Duration::from_secs(90)
}

/// Appends shell that tries each peer's membership port from `host` and prints what became of it. It needs no other
/// functions, changes nothing, and takes at most 3 s for each peer.
pub fn blocked_ports_script(cluster: &Cluster, host: &Host, profile: &Profile, script: &mut Script) {
    let _ = (cluster, host, profile, script);
}

/// Why the nodes have not joined, from what [`blocked_ports_script`] printed on each of them; a host that did not answer
/// is not among `answers`.
pub fn explain_not_joined(cluster: &Cluster, all: &[GateNode<'_>], answers: &[(&HostName, &str)]) -> AssessError {
    let _ = (cluster, all, answers);
    AssessError::new("not-joined", "the nodes are not members of one cluster")
}
