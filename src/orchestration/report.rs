//! What a run came to, host by host, in the order of the inventory.

use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Exit, Failure, Outcome, RunId};
use crate::model::inventory::Severity;
use crate::model::{HostName, StepName};
use crate::resources::Change;
use crate::resources::process::NodeState;
use crate::steps::verify::Proof;

/// What a command came to on one cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this form: 1. A key may be added without a new version, none is renamed or removed.
    pub version: u8,
    /// The command, such as `apply`.
    pub command: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// The run, where one was begun: `hactl rollback RUN` undoes it.
    pub run: Option<RunId>,
    /// Every host that was asked for.
    pub hosts: Vec<HostReport>,
    /// Every stage that was begun.
    pub stages: Vec<StageReport>,
    /// What the rules that need no host say of the inventory; only for a preflight.
    pub findings: Vec<FindingReport>,
    /// The proof that the cluster works, where one was tried.
    pub proof: Option<ProofReport>,
    /// What was asked to stop the run, if anything.
    pub interrupted: Option<Exit>,
    /// How long it all took, in milliseconds.
    pub milliseconds: u64,
}

/// What came of the proof that the cluster works.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProofReport {
    /// What was proved, in one line; empty where it was refuted.
    pub words: String,
    /// What was proved and what was not.
    pub proof: Option<Proof>,
    /// The first thing that is wrong.
    pub failure: Option<Failure>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// What a command came to on one host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostReport {
    /// Its name.
    pub host: HostName,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Everything that went wrong on it, the first thing first.
    pub failures: Vec<Failure>,
    /// How many changes were made on it, also when something went wrong later.
    pub made: usize,
    /// Every resource that differs, or has something to say, in the order in which it is mended.
    pub items: Vec<ItemReport>,
    /// What was seen of the product's process, where the playbook starts one.
    pub node: Option<NodeState>,
    /// How many resources were looked at.
    pub looked_at: usize,
    /// How many command lines were sent to the host.
    pub execs: u32,
    /// What the rules about hosts say of it.
    pub findings: Vec<FindingReport>,
    /// How long the host was worked on, in milliseconds.
    pub milliseconds: u64,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingReport {
    /// The rule's name, such as `O02`; `hactl explain O02` tells more.
    pub rule: &'static str,
    /// Does it stop a run?
    pub severity: Severity,
    /// Where in the inventory, as a path of keys, when no host was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What is wrong, with what was seen.
    pub cause: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What is to be said of one resource.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ItemReport {
    /// The resource.
    pub id: String,
    /// The steps that want it.
    pub steps: Vec<StepName>,
    /// The stage in which it is mended.
    pub stage: String,
    /// Why.
    pub because: String,
    /// What differs; redacted.
    pub changes: Vec<Change>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// How a stage went.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StageReport {
    /// Its name.
    pub name: String,
    /// Every host that had something to do in it, and how it went.
    pub hosts: Vec<(HostName, Outcome)>,
    /// What opened the gates of a host, such as `started in 13 s, 2 members`.
    pub notes: Vec<(HostName, String)>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl StageReport {
    /// A stage that begins.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), hosts: Vec::new(), notes: Vec::new(), milliseconds: 0 }
    }

    /// Adds a report; a stage that was gone through again is one stage.
    pub(super) fn add(reports: &mut Vec<Self>, report: Option<Self>) {
        let Some(report) = report else { return };
        let Some(earlier) = reports.last_mut().filter(|earlier| earlier.name == report.name) else {
            return reports.push(report);
        };
        earlier.milliseconds += report.milliseconds;
        earlier.notes.extend(report.notes);
        for (host, outcome) in report.hosts {
            match (earlier.hosts.iter_mut().find(|(known, _)| *known == host), outcome) {
                (None, outcome) => earlier.hosts.push((host, outcome)),
                (Some((_, Outcome::Changed { changes })), Outcome::Changed { changes: more }) => *changes += more,
                (Some((_, known)), outcome) => *known = outcome,
            }
        }
    }
}

impl Report {
    /// How many changes there are on all hosts: pending ones for a plan, made ones for an apply.
    pub fn changes(&self) -> usize {
        let count = |host: &HostReport| match host.outcome {
            Outcome::Differs { changes } => changes,
            _ => host.made,
        };
        self.hosts.iter().map(count).sum()
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        let hosts = self.hosts.iter().map(|host| host.outcome.exit()).fold(Exit::Success, Exit::and);
        let refused = self.findings.iter().any(|finding| finding.severity == Severity::Error);
        let hosts = if refused { hosts.and(Exit::Preflight) } else { hosts };
        let refuted = self.proof.as_ref().is_some_and(|proof| proof.failure.is_some());
        let hosts = if refuted { hosts.and(Exit::Failed) } else { hosts };
        self.interrupted.map_or(hosts, |asked| hosts.and(asked))
    }
}

/// The time since `begun`, in whole milliseconds.
pub(in crate::orchestration) fn milliseconds_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
