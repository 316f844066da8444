//! Look, show, mend stage by stage, look again.

use std::sync::Arc;
use std::time::Instant;

use super::each::on_each;
use super::fleet::{Fleet, Stage};
use super::lock::{Held, LockOptions, release_all, take_all};
use super::look::look;
use super::mend::mend;
use super::plan::{Sight, look_at_all, milliseconds_since, outcome_of};
use super::preflight::{ask_all, failures};
use super::progress::Progress;
use super::{Batch, Event, Events, Failure, Outcome, Phase, Report, RunId, StageReport, Stop};
use crate::steps::preflight::rules;

/// How an apply deals with many hosts, and with trouble.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// How the lock is taken.
    pub lock: LockOptions,
    /// The run goes on while no more hosts than this have failed or are unknown.
    pub max_failures: usize,
    /// How many hosts of a stage are worked on before the next ones are begun, in turn, the last one again and again;
    /// empty: as the playbook says.
    pub batches: Vec<Batch>,
}

/// Brings every host of the fleet to what is wanted.
pub async fn apply(fleet: &Fleet, run: &RunId, options: &ApplyOptions, events: &Events, stop: &Stop) -> Report {
    let begun = Instant::now();
    fleet.announce(options.lock.command, Some(run), events);
    let sights = look_at_all(fleet, events, stop).await;
    let mut hosts: Vec<Progress> = sights.into_iter().map(Progress::new).collect();
    let mut stages = Vec::new();
    if hosts.iter().any(Progress::is_pending) {
        match why_not_begin(&hosts, options, stop) {
            Some(because) => leave_out(&mut hosts, &because),
            None => {
                let refused = if fleet.preflight { judge_all(&mut hosts, fleet, events, stop).await } else { None };
                match refused.or_else(|| why_not_begin(&hosts, options, stop)) {
                    Some(because) => leave_out(&mut hosts, &because),
                    None => stages = mend_all(&mut hosts, fleet, run, options, events, stop).await,
                }
            }
        }
    }
    fleet.close().await;
    Report {
        version: 1,
        command: options.lock.command,
        cluster: fleet.cluster.name.clone(),
        run: Some(run.clone()),
        hosts: hosts.iter().map(|host| host.report(fleet)).collect(),
        stages,
        findings: Vec::new(),
        interrupted: stop.asked(),
        milliseconds: milliseconds_since(begun),
    }
}

/// Judges the rules about hosts, of all that answered. One that is broken stops the run before anything is changed,
/// whatever `--max-failures` allows: then the reason is returned.
async fn judge_all(hosts: &mut [Progress], fleet: &Fleet, events: &Events, stop: &Stop) -> Option<String> {
    let answered: Vec<_> =
        hosts.iter().filter(|host| host.sight.looked.is_ok()).map(|host| host.sight.node.clone()).collect();
    let rules: Vec<_> = rules().collect();
    let mut refused = Vec::new();
    for judged in ask_all(&answered, fleet, &rules, events, stop).await {
        let Some(host) = hosts.iter_mut().find(|host| host.sight.node.name == judged.node.name) else {
            continue;
        };
        match judged.findings {
            Ok(findings) => {
                let mut failures = failures(&findings);
                if let Some(first) = failures.next() {
                    refused.push(judged.node.name.to_string());
                    host.failure = Some(first);
                    host.more_failures = failures.collect();
                }
            }
            Err(failure) => host.failure = Some(failure),
        }
    }
    (!refused.is_empty()).then(|| format!("preflight found errors on {}", refused.join(", ")))
}

async fn mend_all(
    hosts: &mut [Progress],
    fleet: &Fleet,
    run: &RunId,
    options: &ApplyOptions,
    events: &Events,
    stop: &Stop,
) -> Vec<StageReport> {
    // Every host that answered, also those with nothing to do: nobody else may begin to change this cluster meanwhile.
    let answered: Vec<_> =
        hosts.iter().filter(|host| host.sight.looked.is_ok()).map(|host| host.sight.node.clone()).collect();
    let held = match take_all(&answered, fleet, run, &options.lock, events, stop).await {
        Ok(held) => held,
        Err(failures) => {
            for (name, failure) in failures {
                if let Some(host) = hosts.iter_mut().find(|host| host.sight.node.name == name) {
                    host.failure = Some(failure);
                }
            }
            leave_out(hosts, "the lock could not be taken on every host");
            return Vec::new();
        }
    };
    if held.waited {
        // Whoever held the lock has changed something since we looked.
        for (host, sight) in hosts.iter_mut().zip(look_at_all(fleet, events, stop).await) {
            *host = Progress::new(sight);
        }
    }
    let mut reports = Vec::new();
    for (index, stage) in fleet.stages.iter().enumerate() {
        // What a mend brings may hold what the same stage goes on to mend.
        loop {
            let report = mend_stage(hosts, index, stage, fleet, &held, options, events, stop).await;
            StageReport::add(&mut reports, report);
            if !look_at_new_ground(hosts, fleet, events).await || why_not_begin(hosts, options, stop).is_some() {
                break;
            }
        }
        if let Some(because) = why_not_begin(hosts, options, stop) {
            leave_out(hosts, &because);
            break;
        }
    }
    look_again(hosts, fleet, run, events).await;
    reports
}

#[expect(clippy::too_many_arguments, reason = "they are the run; a struct of them would only be taken apart again")]
async fn mend_stage(
    hosts: &mut [Progress],
    index: usize,
    stage: &Stage,
    fleet: &Fleet,
    held: &Held,
    options: &ApplyOptions,
    events: &Events,
    stop: &Stop,
) -> Option<StageReport> {
    let begun = Instant::now();
    let waiting: Vec<Arc<Sight>> =
        hosts.iter().filter(|host| host.has_work_in(index)).map(|host| host.sight.clone()).collect();
    if waiting.is_empty() {
        return None;
    }
    events.send(Event::StageStarted { stage: stage.name.clone() });
    let mut outcomes = Vec::new();
    let batches = if options.batches.is_empty() { stage.batch.as_slice() } else { &options.batches };
    for crowd in crowds(&waiting, batches) {
        if why_not_begin(hosts, options, stop).is_some() {
            break;
        }
        let results = on_each(crowd, fleet.concurrency, |sight: Arc<Sight>| {
            let (held, events, controller) = (held.clone(), events.clone(), fleet.controller.clone());
            let stage = stage.name.clone();
            async move {
                let begun = Instant::now();
                let work = sight.work_in(index);
                let result = mend(&sight.node, &work, &held, &controller, &events).await;
                let outcome = match &result {
                    Ok(()) => Outcome::Changed { changes: work.changes() },
                    Err(failure) => Outcome::Failed(failure.clone()),
                };
                let (host, milliseconds) = (sight.node.name.clone(), milliseconds_since(begun));
                let done = Event::HostDone { host, stage: Some(stage), outcome: outcome.clone(), milliseconds };
                events.send(done);
                (outcome, milliseconds)
            }
        })
        .await;
        for (sight, result) in results {
            let broken = || (Outcome::Failed(Failure::new("internal", "the task of this host broke off")), 0);
            let (outcome, milliseconds) = result.unwrap_or_else(broken);
            outcomes.push((sight.node.name.clone(), outcome.clone()));
            if let Some(host) = hosts.iter_mut().find(|host| host.sight.node.name == sight.node.name) {
                host.note(index, outcome, milliseconds);
            }
        }
    }
    let milliseconds = milliseconds_since(begun);
    events.send(Event::StageDone { stage: stage.name.clone(), milliseconds });
    Some(StageReport { name: stage.name.clone(), hosts: outcomes, milliseconds })
}

/// Looks again at the hosts on which a mend has brought what other items lie in; false when there are none.
async fn look_at_new_ground(hosts: &mut [Progress], fleet: &Fleet, events: &Events) -> bool {
    let nodes: Vec<_> =
        hosts.iter().filter(|host| host.is_on_new_ground()).map(|host| host.sight.node.clone()).collect();
    let results = on_each(&nodes, fleet.concurrency, |node| {
        let events = events.clone();
        async move {
            let begun = Instant::now();
            events.send(Event::Host { host: node.name.clone(), phase: Phase::Look });
            (look(&node, None).await, milliseconds_since(begun))
        }
    })
    .await;
    for (node, result) in results {
        let broken = || (Err(Failure::new("internal", "the task of this host broke off")), 0);
        let (looked, milliseconds) = result.unwrap_or_else(broken);
        if let Some(host) = hosts.iter_mut().find(|host| host.sight.node.name == node.name) {
            host.see(Sight { node, looked, milliseconds }, fleet);
        }
    }
    !nodes.is_empty()
}

/// The proof: what was mended is looked at once more, and the locks are given back in the same exec.
async fn look_again(hosts: &mut [Progress], fleet: &Fleet, run: &RunId, events: &Events) {
    let (touched, others): (Vec<_>, Vec<_>) = hosts
        .iter()
        .filter(|host| host.sight.looked.is_ok())
        .map(|host| (host.touched && host.failure.is_none(), host.sight.node.clone()))
        .partition(|(touched, _)| *touched);
    let nodes = |pairs: Vec<(bool, _)>| pairs.into_iter().map(|(_, node)| node).collect::<Vec<_>>();
    let (touched, others) = (nodes(touched), nodes(others));
    let look_again = on_each(&touched, fleet.concurrency, |node| {
        let (run, events) = (run.clone(), events.clone());
        async move {
            let begun = Instant::now();
            events.send(Event::Host { host: node.name.clone(), phase: Phase::LookAgain });
            (look(&node, Some(&run)).await, milliseconds_since(begun))
        }
    });
    let (results, ()) = tokio::join!(look_again, release_all(&others, fleet, run));
    for (node, result) in results {
        let Some(host) = hosts.iter_mut().find(|host| host.sight.node.name == node.name) else {
            continue;
        };
        let broken = || (Err(Failure::new("internal", "the task of this host broke off")), 0);
        let (looked, milliseconds) = result.unwrap_or_else(broken);
        host.milliseconds += milliseconds;
        let left = host.left(&looked);
        host.failure = match outcome_of(&looked) {
            Outcome::Unknown(failure) => {
                let cause = format!("mended, but not looked at again: {}", failure.cause);
                Some(Failure { cause, code: "not-looked-at-again", ..failure })
            }
            Outcome::Failed(failure) => Some(failure),
            // Work of a stage that was not reached is still to be done, and that is said elsewhere.
            _ => left.map(|id| {
                let cause = format!("{id} was mended and still is not as wanted");
                Failure { item: Some(id.into()), ..Failure::new("did-not-converge", cause) }
                    .hint("something else writes there; run `hactl plan` to see what is left")
            }),
        };
        let outcome = host.outcome();
        let milliseconds = host.milliseconds;
        events.send(Event::HostDone { host: node.name.clone(), stage: None, outcome, milliseconds });
    }
}

/// The hosts of a stage in the crowds that are worked on one after another.
fn crowds<'a, T>(all: &'a [T], batches: &[Batch]) -> Vec<&'a [T]> {
    let (mut crowds, mut rest) = (Vec::new(), all);
    let mut sizes = batches.iter().chain(batches.last().into_iter().cycle()).map(|batch| batch.size(all.len()));
    while !rest.is_empty() {
        let (crowd, more) = rest.split_at(sizes.next().unwrap_or(rest.len()).clamp(1, rest.len()));
        crowds.push(crowd);
        rest = more;
    }
    crowds
}

/// Why no further work may be begun, if so.
fn why_not_begin(hosts: &[Progress], options: &ApplyOptions, stop: &Stop) -> Option<String> {
    if stop.asked().is_some() {
        return Some("interrupted".to_owned());
    }
    let failed: Vec<_> = hosts.iter().filter(|host| host.outcome().is_failure()).collect();
    (failed.len() > options.max_failures).then(|| {
        let names: Vec<&str> = failed.iter().take(3).map(|host| host.sight.node.name.as_str()).collect();
        let more = if failed.len() > 3 { format!(" and {} more", failed.len() - 3) } else { String::new() };
        format!("{}{more} failed or unknown, and --max-failures is {}", names.join(", "), options.max_failures)
    })
}

fn leave_out(hosts: &mut [Progress], because: &str) {
    for host in hosts.iter_mut().filter(|host| host.is_pending()) {
        host.not_reached = Some(because.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_batch_size_holds_for_all_that_follow() {
        let sizes = |batches: &[&str]| -> Vec<usize> {
            let batches: Vec<Batch> = batches.iter().map(|batch| batch.parse().unwrap()).collect();
            crowds(&[0; 10], &batches).iter().map(|crowd| crowd.len()).collect()
        };
        assert_eq!(sizes(&[]), [10]);
        assert_eq!(sizes(&["1", "4"]), [1, 4, 4, 1]);
        assert_eq!(sizes(&["25%"]), [2, 2, 2, 2, 2]);
        assert_eq!(sizes(&["100"]), [10]);
    }
}
