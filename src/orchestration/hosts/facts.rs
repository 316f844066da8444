//! `hosts facts`: what is on each host, in one exec.

use std::time::Instant;

use super::{FactsReport, HostFactsReport, Place, Reach};
use crate::model::Script;
use crate::orchestration::ask::ask;
use crate::orchestration::report::milliseconds_since;
use crate::orchestration::{Failure, Stop};
use crate::steps::facts::{self as step, HostFacts};

/// Asks every host once. `told` hears of each as soon as it has answered.
pub async fn facts(reach: &Reach, told: impl Fn(&HostFactsReport) + Send + Sync + 'static, stop: &Stop) -> FactsReport {
    let begun = Instant::now();
    let results = reach.each(stop, told, |place| async move { report(&place, look(&place).await) }).await;
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

async fn look(place: &Place) -> Result<HostFacts, Failure> {
    let Place { host, node } = place;
    let (mut prelude, mut probe) = (Script::new(), Script::new());
    step::prelude(&mut prelude);
    prelude.line(&node.state_folder);
    step::probe(host, &mut probe);
    let answer = ask(node, &prelude, vec![probe]).await?;
    let said: String = answer.seen()?.iter().map(|seen| String::from_utf8_lossy(seen.stdout)).collect();
    Ok(step::read(&said, host, answer.clock))
}
