//! What `hosts list`, `hosts ping` and `hosts facts` tell of one cluster. A key may be added, none is renamed or removed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::HostName;
use crate::model::inventory::{BecomeMethod, Role, TransportKind};
use crate::orchestration::{Exit, Failure};
use crate::steps::facts::HostFacts;
use crate::transport::Rung;

/// The hosts of one cluster, as the inventory has them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostsReport {
    /// The cluster's name.
    pub cluster: String,
    /// Its hosts, in the order of the inventory.
    pub hosts: Vec<HostRow>,
}

/// One host, with everything that follows from its groups and its cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostRow {
    /// Its name.
    pub host: HostName,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// What it is, beside a node.
    pub roles: Vec<Role>,
    /// The product on it, and its version.
    pub product: Option<String>,
    /// Its address or DNS name.
    pub address: String,
    /// The port of its SSH server.
    pub port: u16,
    /// The user who logs in.
    pub user: String,
    /// The jump hosts on the way, the outermost first.
    pub jump: Vec<String>,
    /// How it is reached at all.
    pub transport: TransportKind,
    /// The program that makes us another user there.
    #[serde(rename = "become")]
    pub become_: Option<BecomeMethod>,
    /// The user that we become.
    pub become_user: Option<String>,
}

/// How far one gets with each host of one cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PingReport {
    /// The cluster's name.
    pub cluster: String,
    /// The jump hosts on the way, each once, a nearer one before those behind it.
    pub jump_hosts: Vec<JumpHostPing>,
    /// The hosts that were asked for, in the order of the inventory.
    pub hosts: Vec<HostPing>,
    /// What was asked to stop it, if anything.
    pub interrupted: Option<Exit>,
    /// How long it all took, in milliseconds.
    pub milliseconds: u64,
}

/// Did we get there?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// Up to the last rung.
    Reached,
    /// Not so far: it could not be looked at.
    Unknown,
}

/// How far one gets with a jump host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JumpHostPing {
    /// What the inventory calls it.
    pub name: String,
    /// Its address or DNS name.
    pub address: String,
    /// The port of its SSH server.
    pub port: u16,
    /// The user who logs in.
    pub user: String,
    /// The jump host before it, if any.
    pub behind: Option<String>,
    /// Did we get there?
    pub outcome: Reached,
    /// The rungs that were reached, from below.
    pub rungs: Vec<RungReport>,
    /// The one that broke.
    pub broken: Option<BrokenRung>,
}

/// How far one gets with a host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostPing {
    /// Which host.
    pub host: HostName,
    /// Did we get there?
    pub outcome: Reached,
    /// The jump hosts on the way, the outermost first.
    pub jump: Vec<String>,
    /// The rungs that were reached, from below.
    pub rungs: Vec<RungReport>,
    /// The one that broke; that of a jump host, where it is its `jump_host`.
    pub broken: Option<BrokenRung>,
    /// What is not as it should be there and stops no look.
    pub warnings: Vec<Failure>,
    /// How long it took from the begin to the end, in milliseconds.
    pub milliseconds: f64,
}

/// A rung that was reached.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RungReport {
    /// Which one.
    pub rung: Rung,
    /// How long it took from the one below, in milliseconds.
    pub milliseconds: f64,
    /// What was found there, such as the address of a name; may be empty.
    pub note: String,
}

/// The rung that broke.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BrokenRung {
    /// Which one; `None` where no rung was tried.
    pub rung: Option<Rung>,
    /// The jump host at which it happened, where it was not the host itself.
    pub jump_host: Option<String>,
    /// How long it was tried after the one below, in milliseconds.
    pub milliseconds: f64,
    /// Why, and what to do.
    #[serde(flatten)]
    pub failure: Failure,
}

/// What is on each host of one cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FactsReport {
    /// The cluster's name.
    pub cluster: String,
    /// The hosts that were asked for, in the order of the inventory.
    pub hosts: Vec<HostFactsReport>,
    /// What was asked to stop it, if anything.
    pub interrupted: Option<Exit>,
    /// How long it all took, in milliseconds.
    pub milliseconds: u64,
}

/// What is on one host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostFactsReport {
    /// Which host.
    pub host: HostName,
    /// What it said of itself.
    pub facts: Option<HostFacts>,
    /// Why it could not be looked at.
    pub failure: Option<Failure>,
}

impl PingReport {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        let unknown = self.hosts.iter().any(|host| host.outcome == Reached::Unknown);
        exit(unknown, self.interrupted)
    }
}

impl FactsReport {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        exit(self.hosts.iter().any(|host| host.failure.is_some()), self.interrupted)
    }
}

fn exit(unknown: bool, interrupted: Option<Exit>) -> Exit {
    let exit = if unknown { Exit::Incomplete } else { Exit::Success };
    interrupted.map_or(exit, |asked| exit.and(asked))
}
