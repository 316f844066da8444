//! Gates: what must hold before a rollout goes on, judged from what was seen of all nodes.

mod joined;
mod reach;
pub use reach::{blocked_ports_script, explain_not_joined};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::start_nodes::{first_wait, start_timeout};
use crate::model::HostName;
use crate::model::inventory::{Cluster, Host};
use crate::model::profile::Profile;
use crate::resources::AssessError;
use crate::resources::process::{Life, NodeState};

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
    /// It holds, and how: `ready after 12 s`.
    Passed(String),
    /// It does not hold yet, and what is missing.
    Waiting(String),
    /// It will not hold by waiting.
    Failed(AssessError),
}

/// Judges `gate` for `host`. `all` are the cluster's nodes, in the order of the inventory; hosts without a product are
/// not among them.
pub fn judge(gate: Gate, cluster: &Cluster, all: &[GateNode<'_>], host: &HostName) -> Verdict {
    let Some(node) = all.iter().find(|node| node.host.name == *host) else {
        return Verdict::Passed("runs no product".to_owned());
    };
    match gate {
        Gate::Ready => ready(node),
        Gate::Joined => joined::judge(cluster, all, node),
        Gate::OthersReady => others_ready(all, node),
    }
}

/// How long `gate` is waited for, counted from when the node was started or, for a node that nothing was done to, from
/// the first look.
///
/// What takes down nothing is not waited for: `others-ready` is judged once.
pub fn deadline(gate: Gate, cluster: &Cluster, host: &Host, profile: &Profile) -> Duration {
    let seconds = match gate {
        Gate::Ready => start_timeout(cluster, host, profile),
        // Two that have started apart find one another only after some 35 s, once they can.
        Gate::Joined => 90 + first_wait(cluster, profile),
        Gate::OthersReady => 0,
    };
    Duration::from_secs(seconds.into())
}

fn ready(node: &GateNode<'_>) -> Verdict {
    let Some(state) = node.state else {
        return Verdict::Waiting("it could not be looked at".to_owned());
    };
    match &state.life {
        Life::Ready { started_in: Some(seconds) } => Verdict::Passed(format!("ready, started in {seconds} s")),
        Life::Ready { started_in: None } => Verdict::Passed("ready".to_owned()),
        Life::Starting { seconds, waits_for } => Verdict::Waiting(format!("{seconds} s old, waits for {waits_for}")),
        Life::Failed(failure) => Verdict::Failed(failure.error()),
        Life::Absent => {
            let cause = "there is no process of the product, and its log does not say why";
            let hint = "run the start script by hand on the host, without `start`, which throws away what it says";
            Verdict::Failed(AssessError::new("node-ended", cause).hint(hint))
        }
    }
}

/// May this node be taken down? Not when it is the last one that serves.
fn others_ready(all: &[GateNode<'_>], node: &GateNode<'_>) -> Verdict {
    let mut others = all.iter().filter(|other| other.host.name != node.host.name).peekable();
    if others.peek().is_none() {
        return Verdict::Passed("it is the only node".to_owned());
    }
    if node.state.is_some_and(|state| !state.is_ready()) {
        return Verdict::Passed("it does not serve".to_owned());
    }
    let (serving, rest): (Vec<&GateNode<'_>>, Vec<_>) =
        others.partition(|other| other.state.is_some_and(NodeState::is_ready));
    if let Some(first) = serving.first() {
        return Verdict::Passed(match serving.len() {
            1 => format!("{} serves", first.host.name),
            more => format!("{} and {} more serve", first.host.name, more - 1),
        });
    }
    let said = |other: &GateNode<'_>| {
        let how = match other.state.map(|state| &state.life) {
            None => "could not be looked at",
            Some(Life::Absent) => "does not run",
            Some(Life::Starting { .. }) => "is still starting",
            Some(Life::Ready { .. }) => "serves",
            Some(Life::Failed(_)) => "has failed",
        };
        format!("{} {how}", other.host.name)
    };
    let rest: Vec<String> = rest.into_iter().map(said).collect();
    let cause = format!("{} is the last node that serves: {}", node.host.name, rest.join(", "));
    let hint = "bring another node up first: `hactl apply --limit` and that host";
    Verdict::Failed(AssessError::new("last-node", cause).hint(hint))
}

#[cfg(test)]
mod tests;
