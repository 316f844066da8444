//! Asking a host by probes that change nothing: one exec, between two looks at its clock.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Failure;
use super::fence::{Fences, OnFailure};
use super::node::Node;
use crate::model::Script;
use crate::resources::Seen;
use crate::steps::preflight::Clock;
use crate::transport::Reply;

/// What a host answered.
pub(super) struct Answer {
    fences: Fences,
    reply: Reply,
    probes: usize,
    /// Its clock beside ours, where it could be read.
    pub(super) clock: Option<Clock>,
}

/// Asks all `probes` behind the same `prelude`. One that fails does not keep the next from being asked.
pub(super) async fn ask(node: &Node, prelude: &Script, probes: Vec<Script>) -> Result<Answer, Failure> {
    let clock = || {
        let mut script = Script::new();
        script.line(Clock::ASK);
        script
    };
    let count = probes.len() + 2;
    let scripts: Vec<Script> = [clock()].into_iter().chain(probes).chain([clock()]).collect();
    let fences = Fences::new();
    let script = fences.join(prelude, &scripts, OnFailure::GoOn);
    // The handshake is not part of what the clock is measured by.
    node.connected().await.map_err(|error| Failure::from(&error))?;
    let before = seconds();
    let reply = node.run(&script).await.map_err(|error| Failure::from(&error))?;
    let after = seconds();
    if !fences.started(&reply.stdout) {
        return Err(node.no_answer(&reply));
    }
    let seen = fences.split(&reply.stdout, &reply.stderr, count);
    let text = |index: usize| seen.get(index).copied().flatten().map(|seen| String::from_utf8_lossy(seen.stdout));
    let clock = text(0).zip(text(count - 1));
    let clock = clock.and_then(|(first, last)| Clock::between(&first, &last, before, after));
    Ok(Answer { fences, reply, probes: count - 2, clock })
}

impl Answer {
    /// What came of each probe, in their order.
    pub(super) fn seen(&self) -> Result<Vec<Seen<'_>>, Failure> {
        let seen = self.fences.split(&self.reply.stdout, &self.reply.stderr, self.probes + 1);
        seen.into_iter().skip(1).collect::<Option<_>>().ok_or_else(|| {
            Failure::new("answer-incomplete", "the host's answer broke off")
                .hint("run it again; if it persists, look at the host's own log")
        })
    }
}

/// The controller's clock.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
