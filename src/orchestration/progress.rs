//! How far one host has come in a run.

use std::sync::Arc;

use super::fleet::Fleet;
use super::look::Looked;
use super::mend::Work;
use super::sight::{Sight, outcome_of};
use super::{Failure, HostReport, ItemReport, Outcome};

/// How often a host is looked at before its last mend: what one mend brings may hold what the next one needs.
// Counted for each stage by itself: what one stage brings may hold what the next one needs, too.
const ROUNDS: usize = 3;

/// How far one host has come.
pub(super) struct Progress {
    /// What was seen of it last.
    pub(super) sight: Arc<Sight>,
    pub(super) touched: bool,
    pub(super) failure: Option<Failure>,
    pub(super) not_reached: Option<String>,
    /// What else went wrong beside `failure`.
    pub(super) more_failures: Vec<Failure>,
    pub(super) milliseconds: u64,
    /// Changes made since the sight.
    made: usize,
    /// Changes made before it.
    made_before: usize,
    /// What was mended before it.
    items_before: Vec<ItemReport>,
    /// Looks since the first one, for the stage with this index.
    rounds: (usize, usize),
    new_ground: bool,
    /// Have its gates opened, so that it is waited for no more?
    pub(super) opened: bool,
}

impl Progress {
    pub(super) fn new(sight: Sight) -> Self {
        Self {
            sight: Arc::new(sight),
            touched: false,
            failure: None,
            not_reached: None,
            more_failures: Vec::new(),
            milliseconds: 0,
            made: 0,
            made_before: 0,
            items_before: Vec::new(),
            rounds: (0, 1),
            new_ground: false,
            opened: false,
        }
    }

    /// Does it still have something to do?
    pub(super) fn is_pending(&self) -> bool {
        let wanted = match outcome_of(&self.sight.looked) {
            Outcome::Differs { changes } => changes,
            _ => 0,
        };
        self.failure.is_none() && self.not_reached.is_none() && (wanted > self.made || self.is_waiting())
    }

    fn is_waiting(&self) -> bool {
        self.sight.waiting.is_some() && !self.opened
    }

    pub(super) fn has_work_in(&self, stage: usize) -> bool {
        let waits = self.is_waiting() && self.sight.waiting.as_ref().is_some_and(|(at, _)| *at == stage);
        self.is_pending() && (waits || !self.sight.work_in(stage).items.is_empty())
    }

    /// Could something of this stage not be told before the stages before it were done?
    pub(super) fn is_unknown_in(&self, stage: usize) -> bool {
        let free = self.failure.is_none() && self.not_reached.is_none();
        // Looked at again and still unknown: the stage itself must bring what it lies in.
        free && self.touched && self.rounds.0 != stage && self.sight.first_unknown(|at| at == stage).is_some()
    }

    /// Has a mend brought what other items lie in, so that they can be told now?
    pub(super) fn is_on_new_ground(&self) -> bool {
        self.new_ground && self.failure.is_none() && self.not_reached.is_none()
    }

    /// A stage is done on it.
    pub(super) fn note(&mut self, stage: usize, outcome: Outcome, milliseconds: u64) {
        self.milliseconds += milliseconds;
        if outcome == Outcome::InPlace {
            self.opened = true;
            return;
        }
        self.touched = true;
        match outcome {
            Outcome::Changed { changes } => {
                self.made += changes;
                self.new_ground |= self.sight.brings_in(stage);
            }
            Outcome::Failed(failure) => self.failure = Some(failure),
            _ => {}
        }
    }

    /// It was looked at again, because a mend has brought what other items lie in.
    pub(super) fn see(&mut self, sight: Sight, stage: usize, fleet: &Fleet) {
        let mended = |item: &ItemReport| !item.changes.is_empty();
        self.items_before.extend(self.sight.report(fleet).items.into_iter().filter(mended));
        self.made_before += std::mem::take(&mut self.made);
        self.milliseconds += sight.milliseconds;
        self.new_ground = false;
        self.rounds = if self.rounds.0 == stage { (stage, self.rounds.1 + 1) } else { (stage, 1) };
        self.sight = Arc::new(sight);
        self.failure = match outcome_of(&self.sight.looked) {
            Outcome::Failed(failure) | Outcome::Unknown(failure) => Some(failure),
            _ => self.sight.first_unknown(|at| at <= stage).filter(|_| self.rounds.1 >= ROUNDS).map(|id| {
                let cause = format!("{id} can still not be looked at after {ROUNDS} rounds");
                Failure { item: Some(id.into()), ..Failure::new("did-not-converge", cause) }
                    .hint("something takes away what hactl brings; run `hactl plan` to see what is left")
            }),
        };
    }

    /// The first item that was mended and is not as wanted all the same.
    pub(super) fn left(&self, looked: &Result<Looked, Failure>) -> Option<String> {
        let (Ok(now), Ok(_), None) = (looked, &self.sight.looked, &self.not_reached) else {
            return None;
        };
        let seen = self.sight.node.items.iter().zip(now);
        let differs = |(_, now): &(_, &Result<_, Failure>)| {
            now.as_ref().is_ok_and(|assessment: &crate::resources::Assessment| !assessment.is_in_place())
        };
        seen.filter(differs).map(|(item, _)| item.resource.resource().id()).next()
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (&self.failure, &self.not_reached) {
            (Some(failure), _) => Outcome::Failed(failure.clone()),
            (None, Some(because)) => Outcome::NotReached { because: because.clone() },
            (None, None) if self.touched => Outcome::Changed { changes: self.made_before + self.made },
            (None, None) if self.opened => outcome_of(&self.sight.looked),
            (None, None) => self.sight.outcome(),
        }
    }

    pub(super) fn report(&self, fleet: &Fleet) -> HostReport {
        let report = self.sight.report(fleet);
        let failure = self.failure.clone().filter(|failure| !report.failures.contains(failure));
        HostReport {
            outcome: self.outcome(),
            made: self.made_before + self.made,
            failures: report.failures.into_iter().chain(failure).chain(self.more_failures.clone()).collect(),
            items: self.items_before.iter().cloned().chain(report.items).collect(),
            milliseconds: report.milliseconds + self.milliseconds,
            ..report
        }
    }
}

impl Sight {
    /// What there is to do in a stage.
    pub(super) fn work_in(&self, stage: usize) -> Work<'_> {
        let looked = self.looked.as_deref().unwrap_or_default();
        let items = self.node.items.iter().zip(looked);
        let pending = items.filter_map(|(item, result)| Some((item, result.as_ref().ok()?)));
        Work { items: pending.filter(|(item, a)| item.stage == stage && !a.mend.is_empty()).collect() }
    }

    /// Does the work of a stage bring what other items lie in?
    fn brings_in(&self, stage: usize) -> bool {
        let work = self.work_in(stage);
        self.first_unknown(|at| at == stage).is_some()
            && work.items.iter().any(|(item, _)| item.resource.resource().creates().is_some())
    }

    /// The first item that can't be told yet.
    fn first_unknown(&self, stage: impl Fn(usize) -> bool) -> Option<String> {
        let looked = self.looked.as_deref().unwrap_or_default();
        let is_unknown = |result: &Result<crate::resources::Assessment, Failure>| {
            result.as_ref().is_ok_and(|assessment| assessment.known_after.is_some())
        };
        let mut items = self.node.items.iter().zip(looked).filter(|(item, _)| stage(item.stage));
        items.find(|(_, result)| is_unknown(result)).map(|(item, _)| item.resource.resource().id())
    }
}
