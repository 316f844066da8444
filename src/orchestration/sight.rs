//! What was seen of one host.

use std::sync::Arc;

use super::fleet::Fleet;
use super::look::Looked;
use super::node::Node;
use super::{Failure, HostReport, ItemReport, Outcome};
use crate::resources::process::NodeState;
use crate::resources::{Assessment, Change};
use crate::steps::Item;

/// A node and what was seen of it.
pub(super) struct Sight {
    pub(super) node: Arc<Node>,
    pub(super) looked: Result<Looked, Failure>,
    pub(super) milliseconds: u64,
    /// The stage whose gate has still to open for it, though nothing is to be done, and why.
    pub(super) waiting: Option<(usize, String)>,
}

/// What a look alone tells of a host.
pub(super) fn outcome_of(looked: &Result<Looked, Failure>) -> Outcome {
    let items = match looked {
        Ok(items) => items,
        Err(failure) => return Outcome::Unknown(failure.clone()),
    };
    // An item whose answer never came is unknown; one that answered and can't be mended has failed.
    let failures = || items.iter().filter_map(|item| item.as_ref().err());
    if let Some(failure) = failures().find(|failure| failure.code == "answer-incomplete") {
        return Outcome::Unknown(failure.clone());
    }
    if let Some(failure) = failures().next() {
        return Outcome::Failed(failure.clone());
    }
    match items.iter().flatten().map(|assessment| assessment.changes.len()).sum() {
        0 => Outcome::InPlace,
        changes => Outcome::Differs { changes },
    }
}

impl Sight {
    pub(super) fn new(node: Arc<Node>, looked: Result<Looked, Failure>, milliseconds: u64) -> Self {
        Self { node, looked, milliseconds, waiting: None }
    }

    /// What the look tells of the host.
    pub(super) fn outcome(&self) -> Outcome {
        match (outcome_of(&self.looked), &self.waiting) {
            // Its peers have still to see it, or it them: that is something that an apply would wait for.
            (Outcome::InPlace, Some(_)) => Outcome::Differs { changes: 1 },
            (outcome, _) => outcome,
        }
    }

    /// Is everything that a stage wants of it in place, so that its gates can be asked?
    pub(super) fn is_ready_for_gates(&self, stage: usize) -> bool {
        let Ok(looked) = &self.looked else { return false };
        let mut items = self.node.items.iter().zip(looked).filter(|(item, _)| item.stage == stage).peekable();
        items.peek().is_some() && items.all(|(_, seen)| seen.as_ref().is_ok_and(Assessment::is_in_place))
    }

    /// What is reported of this host when nothing more happens to it.
    pub(super) fn report(&self, fleet: &Fleet) -> HostReport {
        HostReport {
            host: self.node.name.clone(),
            outcome: self.outcome(),
            failures: self.failures(),
            made: 0,
            items: self.items(fleet),
            node: self.looked.as_ref().ok().and_then(state_of).cloned(),
            looked_at: self.node.items.len(),
            execs: self.node.execs(),
            findings: Vec::new(),
            milliseconds: self.milliseconds,
        }
    }

    /// Everything that went wrong when it was looked at.
    pub(super) fn failures(&self) -> Vec<Failure> {
        match &self.looked {
            Ok(looked) => looked.iter().filter_map(|item| item.as_ref().err().cloned()).collect(),
            Err(failure) => vec![failure.clone()],
        }
    }

    fn items(&self, fleet: &Fleet) -> Vec<ItemReport> {
        let Ok(looked) = &self.looked else { return Vec::new() };
        let seen = self.node.items.iter().zip(looked).filter_map(|(item, result)| Some((item, result.as_ref().ok()?)));
        let waits = |item: &Item| self.waiting.as_ref().filter(|(stage, _)| *stage == item.stage);
        let worth_saying = seen.filter(|(item, assessment)| {
            !assessment.is_in_place() || !assessment.warnings.is_empty() || waits(item).is_some()
        });
        worth_saying
            .map(|(item, assessment)| ItemReport {
                id: item.resource.resource().id(),
                steps: item.steps.clone(),
                stage: fleet.stage_name(item.stage),
                because: waits(item).map_or_else(|| assessment.because.clone(), |(_, why)| why.clone()),
                changes: match waits(item) {
                    Some((_, why)) => vec![Change::new(format!("wait: {why}"))],
                    None => assessment.changes.clone(),
                },
                warnings: assessment.warnings.clone(),
            })
            .collect()
    }
}

/// What was seen of the product's process among everything that was looked at on a host.
pub(super) fn state_of(looked: &Looked) -> Option<&NodeState> {
    looked.iter().flatten().find_map(|assessment| assessment.node.as_ref())
}
