//! `hosts facts`: what is on each host, in one exec.

use std::time::Instant;

use super::{FactsReport, HostFactsReport, Place, Reach};
use crate::model::Script;
use crate::orchestration::fence::{Fences, OnFailure};
use crate::orchestration::plan::milliseconds_since;
use crate::orchestration::preflight::seconds;
use crate::orchestration::{Failure, Stop};
use crate::steps::facts::{self as step, HostFacts};
use crate::steps::preflight::Clock;

/// Asks every host once. `told` hears of each as soon as it has answered.
pub async fn facts(reach: &Reach, told: impl Fn(&HostFactsReport) + Send + Sync + 'static, stop: &Stop) -> FactsReport {
    let begun = Instant::now();
    let results = reach.each(stop, told, |place| async move { report(&place, ask(&place).await) }).await;
    let hosts = results
        .into_iter()
        .map(|(place, result)| result.unwrap_or_else(|failure| report(&place, Err(failure))))
        .collect();
    let interrupted = stop.asked();
    FactsReport { cluster: reach.cluster.name.clone(), hosts, interrupted, milliseconds: milliseconds_since(begun) }
}

fn report(place: &Place, answer: Result<HostFacts, Failure>) -> HostFactsReport {
    let host = place.host.name.clone();
    match answer {
        Ok(facts) => HostFactsReport { host, facts: Some(facts), failure: None },
        Err(failure) => HostFactsReport { host, facts: None, failure: Some(failure) },
    }
}

async fn ask(place: &Place) -> Result<HostFacts, Failure> {
    let Place { host, node } = place;
    let (fences, mut prelude, mut probe) = (Fences::new(), Script::new(), Script::new());
    step::prelude(&mut prelude);
    prelude.line(&node.state_folder);
    step::probe(host, &mut probe);
    let clock = || {
        let mut script = Script::new();
        script.line(Clock::ASK);
        script
    };
    let script = fences.join(&prelude, &[clock(), probe, clock()], OnFailure::GoOn);
    // The handshake is not part of what the clock is measured by.
    node.connected().await.map_err(|error| Failure::from(&error))?;
    let before = seconds();
    let reply = node.run(&script).await.map_err(|error| Failure::from(&error))?;
    let after = seconds();
    if !fences.started(&reply.stdout) {
        return Err(node.no_answer(&reply));
    }
    let seen = fences.split(&reply.stdout, &reply.stderr, 3);
    let text = |index: usize| seen.get(index).copied().flatten().map(|seen| String::from_utf8_lossy(seen.stdout));
    let clock = text(0).zip(text(2)).and_then(|(first, last)| Clock::between(&first, &last, before, after));
    let Some(said) = text(1) else {
        return Err(Failure::new("answer-incomplete", "the host's answer broke off")
            .hint("run it again; if it persists, look at the host's own log"));
    };
    Ok(step::read(&said, host, clock))
}
