//! One stage on its hosts: crowd by crowd, and the next one only when the gates have opened for the last.

use std::sync::Arc;
use std::time::Instant;

use super::each::on_each;
use super::gates;
use super::lock::Held;
use super::look::look;
use super::mend::mend;
use super::node::Node;
use super::progress::Progress;
use super::report::milliseconds_since;
use super::run::Run;
use super::sight::Sight;
use super::{Batch, Event, Failure, Outcome, Phase, StageReport};

/// Does what there is to do in a stage, and waits for what must come true of it. `None` when there is nothing.
pub(super) async fn work_on(hosts: &mut [Progress], index: usize, held: &Held, run: Run<'_>) -> Option<StageReport> {
    let stage = run.fleet.stages.get(index)?;
    look_before(hosts, index, run).await;
    if run.why_not_go_on(hosts).is_some() {
        return None;
    }
    let begun = Instant::now();
    let waiting: Vec<Arc<Sight>> =
        hosts.iter().filter(|host| host.has_work_in(index)).map(|host| host.sight.clone()).collect();
    if waiting.is_empty() {
        return None;
    }
    run.events.send(Event::StageStarted { stage: stage.name.clone() });
    let mut report = StageReport::new(&stage.name);
    let batches = if run.options.batches.is_empty() { stage.batch.as_slice() } else { &run.options.batches };
    // First starts race, and the last good node must not be away with another: no flag makes such a stage wider.
    let batches = if stage.one_at_a_time { &[Batch::Hosts(1)][..] } else { batches };
    for crowd in crowds(&waiting, batches) {
        if run.why_not_go_on(hosts).is_some() {
            break;
        }
        let free = gates::before(stage, crowd, hosts, run).await;
        for done in work_on_crowd(&free, index, held, run).await {
            let Done { sight, outcome, words, milliseconds } = done;
            report.hosts.push((sight.node.name.clone(), outcome.clone()));
            report.notes.extend(words.map(|words| (sight.node.name.clone(), words)));
            if let Some(host) = hosts.iter_mut().find(|host| host.sight.node.name == sight.node.name) {
                host.note(index, outcome, milliseconds);
            }
        }
    }
    report.milliseconds = milliseconds_since(begun);
    run.events.send(Event::StageDone { stage: stage.name.clone(), milliseconds: report.milliseconds });
    Some(report)
}

/// What came of a stage on one host.
struct Done {
    sight: Arc<Sight>,
    outcome: Outcome,
    /// What opened its gates.
    words: Option<String>,
    milliseconds: u64,
}

async fn work_on_crowd(crowd: &[Arc<Sight>], index: usize, held: &Held, run: Run<'_>) -> Vec<Done> {
    let begun = Instant::now();
    let Some(stage) = run.fleet.stages.get(index) else { return Vec::new() };
    let has_gates = !stage.gate.is_empty();
    let tell = |done: &Done| {
        let (host, outcome, milliseconds) = (done.sight.node.name.clone(), done.outcome.clone(), done.milliseconds);
        let (stage, note) = (Some(stage.name.clone()), done.words.clone());
        run.events.send(Event::HostDone { host, stage, outcome, note, milliseconds });
    };
    let results = on_each(crowd, run.fleet.concurrency, |sight: Arc<Sight>| {
        let (held, events, controller) = (held.clone(), run.events.clone(), run.fleet.controller.clone());
        let stage = stage.name.clone();
        async move {
            let begun = Instant::now();
            let work = sight.work_in(index);
            let outcome = match work.items.is_empty() {
                // Only its gate has still to open.
                true => Outcome::InPlace,
                false => match mend(&sight.node, &work, &held, &controller, &events).await {
                    Ok(()) => Outcome::Changed { changes: work.changes() },
                    Err(failure) => Outcome::Failed(failure),
                },
            };
            let milliseconds = milliseconds_since(begun);
            if !has_gates {
                let (host, outcome) = (sight.node.name.clone(), outcome.clone());
                events.send(Event::HostDone { host, stage: Some(stage), outcome, note: None, milliseconds });
            }
            (outcome, milliseconds)
        }
    })
    .await;
    let broken = || (Outcome::Failed(Failure::new("internal", "the task of this host broke off")), 0);
    let mut all: Vec<Done> = Vec::with_capacity(results.len());
    for (sight, result) in results {
        let (outcome, milliseconds) = result.unwrap_or_else(broken);
        all.push(Done { sight, outcome, words: None, milliseconds });
    }
    if has_gates {
        let well = all.iter().filter(|done| !done.outcome.is_failure()).map(|done| done.sight.node.clone());
        for (name, gated) in gates::after(stage, well.collect(), run).await {
            let Some(done) = all.iter_mut().find(|done| done.sight.node.name == name) else { continue };
            done.milliseconds = milliseconds_since(begun);
            match gated {
                Ok(words) => done.words = Some(words).filter(|words| !words.is_empty()),
                Err(failure) => done.outcome = Outcome::Failed(failure),
            }
        }
        all.iter().for_each(tell);
    }
    all
}

/// Looks again at the hosts on which something of this stage could not be told before the stages before it were done.
async fn look_before(hosts: &mut [Progress], index: usize, run: Run<'_>) {
    let unknown: Vec<_> =
        hosts.iter().filter(|host| host.is_unknown_in(index)).map(|host| host.sight.node.clone()).collect();
    look_once_more(&unknown, hosts, index, run).await;
}

/// Looks again at the hosts on which a mend has brought what other items lie in; false when there are none.
pub(super) async fn look_at_new_ground(hosts: &mut [Progress], index: usize, run: Run<'_>) -> bool {
    let nodes: Vec<_> =
        hosts.iter().filter(|host| host.is_on_new_ground()).map(|host| host.sight.node.clone()).collect();
    look_once_more(&nodes, hosts, index, run).await;
    !nodes.is_empty()
}

async fn look_once_more(nodes: &[Arc<Node>], hosts: &mut [Progress], index: usize, run: Run<'_>) {
    let results = on_each(nodes, run.fleet.concurrency, |node| {
        let events = run.events.clone();
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
            host.see(Sight::new(node, looked, milliseconds), index, run.fleet);
        }
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
