//! Look, show, mend stage by stage, look again.

use std::time::Instant;

use super::each::on_each;
use super::fleet::Fleet;
use super::lock::{release_all, take_all};
use super::look::look;
use super::plan::look_at_all;
use super::preflight::{ask_all, failures};
use super::progress::Progress;
use super::report::milliseconds_since;
use super::run::{ApplyOptions, Run};
use super::sight::outcome_of;
use super::stage::{look_at_new_ground, work_on};
use super::verify::verify;
use super::{Event, Events, Failure, Outcome, Phase, ProofReport, Report, RunId, StageReport, Stop};
use crate::steps::preflight::rules;
use crate::steps::verify::Proof;

/// Brings every host of the fleet to what is wanted.
pub async fn apply(fleet: &Fleet, run: &RunId, options: &ApplyOptions, events: &Events, stop: &Stop) -> Report {
    let begun = Instant::now();
    let this = Run { fleet, id: run, options, events, stop };
    fleet.announce(options.lock.command, Some(run), events);
    let sights = look_at_all(fleet, events, stop).await;
    let mut hosts: Vec<Progress> = sights.into_iter().map(Progress::new).collect();
    let mut stages = Vec::new();
    if hosts.iter().any(Progress::is_pending) {
        match this.why_not_go_on(&hosts) {
            Some(because) => leave_out(&mut hosts, &because),
            None => {
                let refused = if fleet.preflight { judge_all(&mut hosts, fleet, events, stop).await } else { None };
                match refused.or_else(|| this.why_not_go_on(&hosts)) {
                    Some(because) => leave_out(&mut hosts, &because),
                    None => stages = mend_all(&mut hosts, this).await,
                }
            }
        }
    }
    let proof = prove(&hosts, this).await;
    fleet.close().await;
    Report {
        version: 1,
        command: options.lock.command,
        cluster: fleet.cluster.name.clone(),
        run: Some(run.clone()),
        hosts: hosts.iter().map(|host| host.report(fleet)).collect(),
        stages,
        findings: Vec::new(),
        proof,
        interrupted: stop.asked(),
        milliseconds: milliseconds_since(begun),
    }
}

/// Proves that the cluster works, where something was done to it, or the user asks for nothing else. `None` where it was
/// not tried.
async fn prove(hosts: &[Progress], run: Run<'_>) -> Option<ProofReport> {
    let Run { fleet, events, stop, .. } = run;
    let stage = fleet.stages.iter().find(|stage| stage.proves).filter(|_| fleet.asks.is_some())?;
    let well = hosts.iter().all(|host| matches!(host.outcome(), Outcome::Changed { .. } | Outcome::InPlace));
    // A run that leaves hosts out has nothing to say of the whole.
    let whole = fleet.nodes.len() == fleet.cluster.hosts.len();
    let worked = fleet.prove_always || (whole && hosts.iter().any(|host| host.touched || host.opened));
    if !well || !worked || stop.asked().is_some() {
        return None;
    }
    let begun = Instant::now();
    events.send(Event::StageStarted { stage: stage.name.clone() });
    let (proof, failure) = match verify(fleet, events, stop).await {
        Ok(proof) => (Some(proof), None),
        Err(failure) => (None, Some(failure)),
    };
    let milliseconds = milliseconds_since(begun);
    events.send(Event::StageDone { stage: stage.name.clone(), milliseconds });
    let words = proof.as_ref().map(Proof::words).unwrap_or_default();
    Some(ProofReport { words, proof, failure, milliseconds })
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

async fn mend_all(hosts: &mut [Progress], run: Run<'_>) -> Vec<StageReport> {
    let Run { fleet, id, options, events, stop } = run;
    // Every host that answered, also those with nothing to do: nobody else may begin to change this cluster meanwhile.
    let answered: Vec<_> =
        hosts.iter().filter(|host| host.sight.looked.is_ok()).map(|host| host.sight.node.clone()).collect();
    let held = match take_all(&answered, fleet, id, &options.lock, events, stop).await {
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
    if held.is_late {
        for (host, sight) in hosts.iter_mut().zip(look_at_all(fleet, events, stop).await) {
            *host = Progress::new(sight);
        }
    }
    let mut reports = Vec::new();
    for index in 0..fleet.stages.len() {
        // What a mend brings may hold what the same stage goes on to mend.
        loop {
            let report = work_on(hosts, index, &held, run).await;
            StageReport::add(&mut reports, report);
            if !look_at_new_ground(hosts, index, run).await || run.why_not_go_on(hosts).is_some() {
                break;
            }
        }
        if let Some(because) = run.why_not_go_on(hosts) {
            leave_out(hosts, &because);
            break;
        }
    }
    look_again(hosts, fleet, id, events).await;
    reports
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
        let host = node.name.clone();
        events.send(Event::HostDone { host, stage: None, outcome, note: None, milliseconds });
    }
}

fn leave_out(hosts: &mut [Progress], because: &str) {
    for host in hosts.iter_mut().filter(|host| host.is_pending()) {
        host.not_reached = Some(because.to_owned());
    }
}
