//! One lock on every host: two runs never mend the same host at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::each::on_each;
use super::fence::{Fences, OnFailure};
use super::fleet::Fleet;
use super::node::Node;
use super::{Controller, Event, Events, Failure, Phase, RunId, Stop};
use crate::model::{HostName, Script};
use crate::resources::explain_failure;

/// How long a lock lasts when the run that holds it is heard of no more. Later mends begin it anew.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// How often a lock that is held is asked for again.
const PAUSE: Duration = Duration::from_secs(2);

/// What goes into a lock.
#[derive(Debug, Clone)]
pub struct LockOptions {
    /// The command that wants it, such as `apply`.
    pub command: &'static str,
    /// How long to wait for a lock that somebody else holds.
    pub wait: Duration,
}

/// Who holds the lock of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockState {
    /// The run that took it.
    pub run: String,
    /// `user@machine`.
    pub owner: String,
    /// The command that took it.
    pub command: String,
    /// How long it has been held, in seconds by the host's clock.
    pub held_for: i64,
    /// How long it still lasts, in seconds by the host's clock; not positive when it has run out.
    pub lasts: i64,
    #[serde(skip)]
    boot: String,
    #[serde(skip)]
    process: String,
}

impl LockState {
    fn parse(text: &str) -> Self {
        let field = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            line.unwrap_or_default().to_owned()
        };
        let seconds = |key: &str| field(key).parse::<i64>().unwrap_or_default();
        Self {
            run: field("run"),
            owner: field("owner"),
            command: field("command"),
            held_for: seconds("now") - seconds("taken"),
            lasts: seconds("expires") - seconds("now"),
            boot: field("boot"),
            process: field("process"),
        }
    }
}

/// The shell functions of the lock.
pub(super) fn prelude(node: &Node) -> Script {
    let mut script = Script::new();
    script.line(&node.state_folder);
    script.functions(include_str!("lock.sh"));
    script
}

/// A lock that a run holds on every one of its hosts.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The run that holds it.
    pub(super) run: RunId,
    /// When the last of the hosts gave it.
    pub(super) since: Instant,
    /// May another run have mended since we looked? Then what was seen is old.
    pub(super) is_late: bool,
}

/// Shell that says which run has mended last, and whether it has ended. The lock is free before and after: only by this,
/// whoever has looked before it takes the lock knows what happened in between.
pub(super) fn last_mend() -> Script {
    let mut script = Script::new();
    script.line("hactl_line=\n{ read -r hactl_line < \"$HACTL_STATE/last-mend\"; } 2> /dev/null || :");
    script.line("printf 'last %s\\n' \"$hactl_line\"");
    script
}

/// Shell that makes sure that the lock is still ours and makes it last; for the begin of a mend.
pub(super) fn keep(held: &Held) -> Script {
    let mut script = Script::new();
    script.call("hactl_lock_keep", &[held.run.as_str()]);
    // A lock that is young needs no new end: that would cost every mend two processes.
    if held.since.elapsed() > LEASE / 3 {
        script.call("hactl_lock_renew", &[&LEASE.as_secs().to_string()]);
    }
    script
}

/// Shell that gives the lock back, if it is ours.
pub(super) fn release(run: &RunId) -> Script {
    let mut script = Script::new();
    script.call("hactl_lock_release", &[run.as_str()]);
    script
}

/// Takes the lock on all of `nodes`, or on none.
///
/// # Errors
/// The failures of the hosts that stood in the way.
pub(super) async fn take_all(
    nodes: &[Arc<Node>],
    fleet: &Fleet,
    run: &RunId,
    options: &LockOptions,
    events: &Events,
    stop: &Stop,
) -> Result<Held, Vec<(HostName, Failure)>> {
    let begun = Instant::now();
    let (mut waited, mut overtaken) = (false, false);
    loop {
        let results = on_each(nodes, fleet.concurrency, |node| {
            let (run, events, controller, command) =
                (run.clone(), events.clone(), fleet.controller.clone(), options.command);
            async move {
                events.send(Event::Host { host: node.name.clone(), phase: Phase::Lock });
                take(&node, &run, &controller, command, &events).await
            }
        })
        .await;
        let (mut taken, mut failures) = (Vec::new(), Vec::new());
        for (node, result) in results {
            match result.unwrap_or_else(|| Err(Failure::new("internal", "the task that takes the lock broke off"))) {
                Ok(late) => {
                    overtaken |= late;
                    taken.push(node);
                }
                Err(failure) => failures.push((node.name.clone(), failure)),
            }
        }
        if failures.is_empty() {
            return Ok(Held { run: run.clone(), since: Instant::now(), is_late: waited || overtaken });
        }
        // All or none: a run that waits while it holds some of the locks could wait for a run that waits for it.
        release_all(&taken, fleet, run).await;
        let only_held = failures.iter().all(|(_, failure)| failure.code == "locked");
        if !only_held || begun.elapsed() + PAUSE > options.wait || stop.asked().is_some() {
            return Err(failures);
        }
        // Said once: a wait may last, and a crowd may wait.
        for (host, failure) in failures.iter().filter(|_| !waited) {
            let text = format!("{}; waiting", failure.cause);
            events.send(Event::Warning { host: Some(host.clone()), text });
        }
        waited = true;
        tokio::select! { () = tokio::time::sleep(PAUSE) => {} () = stop.wait() => {} }
    }
}

/// Takes the lock of one host. Returns whether another run may have mended there since we looked: one that has ended, or
/// a dead one that held the lock and may have ended a mend just now.
async fn take(
    node: &Node,
    run: &RunId,
    controller: &Controller,
    command: &str,
    events: &Events,
) -> Result<bool, Failure> {
    let details = format!(
        "owner {}\nboot {}\nprocess {}\ncommand {command}",
        controller.owner(),
        controller.boot,
        controller.process
    );
    let (mut to_break, mut broke) = (String::new(), false);
    // Twice: the second time to break a lock whose run is known to be dead.
    for _ in 0..2 {
        let mut script = Script::new();
        script.call("hactl_lock_take", &[run.as_str(), &LEASE.as_secs().to_string(), &to_break, &details]);
        script.append(&last_mend());
        let answer = ask(node, &script).await?;
        if let Some(broken) = answer.lines().find_map(|line| line.strip_prefix("broke ")) {
            let text = format!("took over the lock of run {broken}, which is dead");
            events.send(Event::Warning { host: Some(node.name.clone()), text });
            broke = true;
        }
        if answer.lines().any(|line| line == "taken") {
            node.has_no_blobs.store(!answer.lines().any(|line| line == "blobs"), Ordering::Relaxed);
            return Ok(broke || !answer.ends_with(&*node.last_mend()));
        }
        let held = LockState::parse(&answer);
        if !controller.knows_dead(&held.boot, &held.process) {
            return Err(locked(&held));
        }
        to_break = held.run;
    }
    Err(Failure::new("locked", "the lock was taken by somebody else again and again").hint("try again"))
}

fn locked(held: &LockState) -> Failure {
    let LockState { run, owner, command, held_for, lasts, .. } = held;
    Failure::new("locked", format!("locked by {owner} for {held_for} s: {command}, run {run}")).hint(format!(
        "wait with --lock-wait, or look with `hactl lock status`; it runs out in {lasts} s unless that run goes on"
    ))
}

/// Gives the locks back. A host that does not answer keeps its lock until it runs out.
pub(super) async fn release_all(nodes: &[Arc<Node>], fleet: &Fleet, run: &RunId) {
    on_each(nodes, fleet.concurrency, |node| {
        let script = release(run);
        async move { ask(&node, &script).await.is_ok() }
    })
    .await;
}

/// Who holds the lock on each host; `None` where nobody does.
pub async fn show_locks(fleet: &Fleet) -> Vec<(HostName, Result<Option<LockState>, Failure>)> {
    let results = on_each(&fleet.nodes, fleet.concurrency, |node| async move {
        let mut script = Script::new();
        script.line("hactl_lock_show");
        let answer = ask(&node, &script).await?;
        Ok(answer.starts_with("held").then(|| LockState::parse(&answer)))
    })
    .await;
    let broken = || Err(Failure::new("internal", "the task that looks at the lock broke off"));
    results.into_iter().map(|(node, result)| (node.name.clone(), result.unwrap_or_else(broken))).collect()
}

/// Frees the locks that `run` holds, whoever took them; for a run that is known to be dead.
pub async fn release_locks(fleet: &Fleet, run: &RunId) {
    release_all(&fleet.nodes, fleet, run).await;
}

/// Runs one script with the lock's functions, and returns what it printed.
async fn ask(node: &Node, script: &Script) -> Result<String, Failure> {
    let fences = Fences::new();
    let joined = fences.join(&prelude(node), [script], OnFailure::End);
    let reply = node.run(&joined).await.map_err(|error| Failure::from(&error))?;
    let seen = fences.split(&reply.stdout, &reply.stderr, 1);
    match seen.first().copied().flatten() {
        Some(seen) if seen.status == 0 => Ok(String::from_utf8_lossy(seen.stdout).into_owned()),
        Some(seen) => {
            let error = explain_failure("lock-failed", seen.stderr, seen.status);
            Err(Failure { hint: error.hint, ..Failure::new(error.code, error.cause) })
        }
        None => Err(node.no_answer(&reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_says_who_holds_it_since_when_and_how_long() {
        let text =
            "held\nrun 01ABC\nowner ops@jump\nboot b\nprocess 7.99\ncommand apply\ntaken 100\nexpires 1000\nnow 160\n";
        let held = LockState::parse(text);
        assert_eq!((held.held_for, held.lasts), (60, 840));
        let failure = locked(&held);
        assert_eq!(failure.cause, "locked by ops@jump for 60 s: apply, run 01ABC");
    }
}
