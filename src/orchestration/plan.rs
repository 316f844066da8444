//! Look, and tell: what `plan`, `status` and the first half of `apply` do.

use std::time::Instant;

use super::each::on_each;
use super::fleet::Fleet;
use super::gates::note_waiting;
use super::look::look;
use super::report::milliseconds_since;
use super::sight::{Sight, outcome_of};
use super::{Event, Events, Failure, Phase, Report, Stop};

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
