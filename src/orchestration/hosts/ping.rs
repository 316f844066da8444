//! `hosts ping`: how far one gets with each host, rung by rung, over the connection that every other command makes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BrokenRung, HostPing, JumpHostPing, PingReport, Place, Reach, Reached, RungReport, shell, tools};
use crate::orchestration::report::milliseconds_since;
use crate::orchestration::{Failure, Stop};
use crate::transport::{Climb, Climbed, Link, Rung, TransportError};

/// Climbs to every host at once. `told` hears of each host as soon as it is done.
pub async fn ping(reach: &Reach, told: impl Fn(&HostPing) + Send + Sync + 'static, stop: &Stop) -> PingReport {
    let begun = Instant::now();
    let results = reach
        .each(stop, told, |place| async move {
            let begun = Instant::now();
            let result = climb(&place).await;
            host(&place, result, begun.elapsed())
        })
        .await;
    let unclimbed = |place: &Place, failure| {
        let broken = BrokenRung { rung: None, jump_host: None, milliseconds: 0.0, failure };
        HostPing { broken: Some(broken), ..host(place, Ok(Vec::new()), Duration::ZERO) }.unknown()
    };
    let hosts: Vec<HostPing> = results
        .into_iter()
        .map(|(place, result)| result.unwrap_or_else(|failure| unclimbed(&place, failure)))
        .collect();
    PingReport {
        cluster: reach.cluster.name.clone(),
        jump_hosts: jump_hosts(&reach.places, &hosts),
        hosts,
        interrupted: stop.asked(),
        milliseconds: milliseconds_since(begun),
    }
}

/// Climbs to one host; what is left to say of it there are warnings.
async fn climb(place: &Place) -> Result<Vec<Failure>, TransportError> {
    let node = &place.node;
    let climb = &node.link().climb;
    node.connected().await?;
    // Fresh for each: nothing that a start file of the login shell prints can pass for the answer.
    let nonce = format!("hactl-{:032x}", rand::random::<u128>());
    let reply = node.run(&shell::probe(&nonce)).await.map_err(|error| at(Rung::Shell, error))?;
    let seen = shell::read(&reply, &nonce, node.link())?;
    climb.reached(Rung::Shell, || seen.name.clone());
    let reply = node.run(&tools::probe(&nonce, place)).await.map_err(|error| at(Rung::Tools, error))?;
    let mut warnings = tools::read(&reply, &nonce, node.link())?;
    warnings.extend(seen.warning);
    climb.reached(Rung::Tools, String::new);
    Ok(warnings)
}

/// What breaks while a script runs has broken on the rung that the script is for.
fn at(rung: Rung, error: TransportError) -> TransportError {
    let rung = if error.rung == Rung::Command { rung } else { error.rung };
    TransportError { rung, ..error }
}

fn host(place: &Place, result: Result<Vec<Failure>, TransportError>, took: Duration) -> HostPing {
    let link = place.node.link();
    let (warnings, error) = match result {
        Ok(warnings) => (warnings, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    // A jump host that let nobody in was waited for there, not here.
    let climb = error.as_ref().and_then(|error| error.hop.as_ref()).map_or(&link.climb, |name| {
        link.jump_hosts().into_iter().find(|hop| hop.name == *name).map_or(&link.climb, |hop| &hop.climb)
    });
    let broken = error.map(|error| broken(&error, climb));
    HostPing {
        host: place.host.name.clone(),
        outcome: if broken.is_none() { Reached::Reached } else { Reached::Unknown },
        jump: link.jump_hosts().into_iter().map(|hop| hop.name.clone()).collect(),
        rungs: rungs(link),
        broken,
        warnings,
        milliseconds: milliseconds(took),
    }
}

impl HostPing {
    fn unknown(self) -> Self {
        Self { outcome: Reached::Unknown, ..self }
    }
}

fn broken(error: &TransportError, climb: &Climb) -> BrokenRung {
    BrokenRung {
        rung: Some(error.rung),
        jump_host: error.hop.clone(),
        milliseconds: milliseconds(climb.waiting()),
        // The rung stands beside it.
        failure: Failure { cause: error.cause.clone(), ..Failure::from(error) },
    }
}

fn rungs(link: &Link) -> Vec<RungReport> {
    let other = link.become_.as_ref().map(|how| how.user.as_str()).unwrap_or_default();
    let report = |Climbed { rung, took, note }| {
        let note = if rung == Rung::Become { other.to_owned() } else { note };
        RungReport { rung, milliseconds: milliseconds(took), note }
    };
    link.climb.rungs().into_iter().map(report).collect()
}

/// Each jump host once, a nearer one before those behind it.
fn jump_hosts(places: &[Arc<Place>], hosts: &[HostPing]) -> Vec<JumpHostPing> {
    let (mut order, mut known): (Vec<String>, BTreeMap<String, JumpHostPing>) = (Vec::new(), BTreeMap::new());
    for (place, ping) in places.iter().zip(hosts) {
        for hop in place.node.link().jump_hosts() {
            let way = hop.way();
            if !known.contains_key(&way) {
                known.insert(way.clone(), jump_host(hop));
                order.push(way.clone());
            }
            let own = ping.broken.as_ref().filter(|broken| broken.jump_host.as_ref() == Some(&hop.name));
            if let (Some(jump_host), Some(broken)) = (known.get_mut(&way), own)
                && jump_host.outcome == Reached::Unknown
            {
                jump_host.broken.get_or_insert_with(|| broken.clone());
            }
        }
    }
    order.iter().filter_map(|way| known.remove(way)).collect()
}

fn jump_host(hop: &Link) -> JumpHostPing {
    let rungs = rungs(hop);
    let logged_in = rungs.iter().any(|rung| rung.rung == Rung::Authentication);
    JumpHostPing {
        name: hop.name.clone(),
        address: hop.address.clone(),
        port: hop.port,
        user: hop.user.clone(),
        behind: hop.via.as_ref().map(|before| before.name.clone()),
        outcome: if logged_in { Reached::Reached } else { Reached::Unknown },
        rungs,
        broken: None,
    }
}

/// With a hundredth for what is quicker than one.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 100_000.0).round() / 100.0
}
