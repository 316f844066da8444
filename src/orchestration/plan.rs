//! Look, and tell: what `plan`, `status` and the first half of `apply` do.

use std::sync::Arc;
use std::time::Instant;

use super::each::on_each;
use super::fleet::Fleet;
use super::gates::{note_waiting, state_of};
use super::look::{Looked, look};
use super::node::Node;
use super::{Event, Events, Failure, HostReport, ItemReport, Outcome, Phase, Report, Stop};
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

/// Looks at every host once. Changes nothing, takes no lock.
pub async fn plan(fleet: &Fleet, command: &'static str, events: &Events, stop: &Stop) -> Report {
    let begun = Instant::now();
    fleet.announce(command, None, events);
    let sights = look_at_all(fleet, events, stop).await;
    let hosts = sights.iter().map(|sight| sight.report(fleet)).collect();
    fleet.close().await;
    Report {
        version: 1,
        command,
        cluster: fleet.cluster.name.clone(),
        run: None,
        hosts,
        stages: Vec::new(),
        findings: Vec::new(),
        proof: None,
        interrupted: stop.asked(),
        milliseconds: milliseconds_since(begun),
    }
}

/// Looks at every host of the fleet at once.
pub(super) async fn look_at_all(fleet: &Fleet, events: &Events, stop: &Stop) -> Vec<Sight> {
    let results = on_each(&fleet.nodes, fleet.concurrency, |node| {
        let (events, stop) = (events.clone(), stop.clone());
        async move {
            if stop.asked().is_some() {
                return (Err(Failure::new("interrupted", "interrupted before it was looked at")), 0);
            }
            let begun = Instant::now();
            events.send(Event::Host { host: node.name.clone(), phase: Phase::Look });
            let looked = look(&node, None).await;
            let milliseconds = milliseconds_since(begun);
            let outcome = outcome_of(&looked);
            let host = node.name.clone();
            events.send(Event::HostDone { host, stage: None, outcome, note: None, milliseconds });
            (looked, milliseconds)
        }
    })
    .await;
    let broken = || (Err(Failure::new("internal", "the task of this host broke off")), 0);
    let sight = |(node, result): (_, Option<_>)| {
        let (looked, milliseconds) = result.unwrap_or_else(broken);
        Sight::new(node, looked, milliseconds)
    };
    let mut sights = results.into_iter().map(sight).collect::<Vec<_>>();
    note_waiting(&mut sights, fleet);
    sights
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

/// The time since `begun`, in whole milliseconds.
pub(super) fn milliseconds_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
