//! One exec to look: all probes of a host in one script, and what they tell.

use super::fence::{Fences, OnFailure};
use super::node::Node;
use super::{Failure, RunId, lock};
use crate::model::Script;
use crate::resources::process::NodeState;
use crate::resources::{AssessError, Assessment, Change, look_ahead};
use crate::steps::Item;

/// What was seen of a host's items, in their order.
pub(super) type Looked = Vec<Result<Assessment, Failure>>;

/// Looks at every item of a node. With `release`, the node's lock is given back in the same exec.
///
/// # Errors
/// When the host could not be looked at at all: it is unknown then.
pub(super) async fn look(node: &Node, release: Option<&RunId>) -> Result<Looked, Failure> {
    let all: Vec<&Item> = node.items.iter().collect();
    let mut looked = look_at(node, &all, release).await?;
    wait_for_the_ground(&node.items, &mut looked);
    announce_followers(&node.items, &mut looked);
    Ok(looked)
}

/// Looks at these items of a node, each by itself. With `release`, the node's lock is given back in the same exec.
///
/// # Errors
/// When the host could not be looked at at all: it is unknown then.
pub(super) async fn look_at(node: &Node, items: &[&Item], release: Option<&RunId>) -> Result<Looked, Failure> {
    let fences = Fences::new();
    let mut prelude = Script::new();
    prelude.line(&node.state_folder);
    look_ahead(items.iter().map(|item| item.resource.resource()), &mut prelude);
    if let Some(run) = release {
        prelude.line(&format!("hactl_read_digests \"$HACTL_STATE/backups/{run}/digests\""));
    }
    let mut probes = vec![lock::last_mend()];
    probes.extend(items.iter().copied().map(probe));
    if let Some(run) = release {
        let mut script = lock::prelude(node);
        script.append(&lock::release(run));
        probes.push(script);
    }
    let script = fences.join(&prelude, &probes, OnFailure::GoOn);
    let reply = node.run(&script).await.map_err(|error| Failure::from(&error))?;
    if !fences.started(&reply.stdout) {
        return Err(node.no_answer(&reply));
    }
    let mut seen = fences.split(&reply.stdout, &reply.stderr, probes.len()).into_iter();
    if let Some(last) = seen.next().flatten() {
        *node.last_mend() = String::from_utf8_lossy(last.stdout).into_owned();
    }
    let assess = |(item, seen): (&&Item, _)| match seen {
        Some(seen) => item.resource.resource().assess(seen).map_err(|error| of_item(item, error)),
        None => Err(of_item(item, broken_off(reply.truncated))),
    };
    Ok(items.iter().zip(seen).map(assess).collect())
}

/// What stands on something that an earlier item is still to bring can't be told, whatever its probe has seen: it is
/// looked at again after that. Where that item itself can't be mended, there is only that to be said.
fn wait_for_the_ground(items: &[Item], looked: &mut Looked) {
    for index in 1..items.len() {
        let (earlier, rest) = items.split_at(index);
        let grounds = rest.first().map(|item| item.resource.resource().grounds()).unwrap_or_default();
        let brings = |(item, seen): &(&Item, &Result<Assessment, Failure>)| {
            let folder = item.resource.resource().creates();
            // What only clears away what a dead run has left needs nothing, and brings nothing.
            let still = seen.as_ref().map_or(true, |assessment| !assessment.needs.is_empty());
            still && folder.is_some_and(|folder| grounds.iter().any(|place| place.is_within(folder)))
        };
        let first = earlier.iter().zip(looked.iter()).find(brings);
        let step = first.and_then(|(item, _)| item.steps.first().copied());
        if let (Some(step), Some(seen)) = (step, looked.get_mut(index)) {
            *seen = Ok(Assessment::known_after(step));
        }
    }
}

/// What is as wanted now and depends on something that an earlier item is still to change will be mended after it, such
/// as a process that runs with its configuration: the plan says so, and it is looked at again when its turn comes.
fn announce_followers(items: &[Item], looked: &mut Looked) {
    for index in 1..items.len() {
        let (earlier, rest) = items.split_at(index);
        let Some(follower) = rest.first().map(|item| item.resource.resource()) else { continue };
        let changes = |(item, seen): &(&Item, &Result<Assessment, Failure>)| {
            let pending = seen.as_ref().is_ok_and(|assessment| !assessment.changes.is_empty());
            pending && item.resource.resource().place().is_some_and(|place| follower.reads(place))
        };
        let first = earlier.iter().zip(looked.iter()).find(changes);
        let Some((id, step)) = first.map(|(item, _)| (item.resource.resource().id(), item.steps.first().copied()))
        else {
            continue;
        };
        let Some(Ok(seen)) = looked.get_mut(index) else { continue };
        // What is not there at all is begun by its mend, whatever the file holds then.
        let is_there = seen.is_in_place() || seen.node.as_ref().is_some_and(NodeState::is_running);
        if is_there {
            seen.because = format!("known after the change of {id}");
            seen.changes = vec![Change::new(format!("restart: if it does not run with what {id} holds then"))];
            // It may be that the change only takes back what somebody has edited, and the process has never read that.
            seen.mend = Script::new();
            seen.known_after = step;
        }
    }
}

fn probe(item: &Item) -> Script {
    let mut script = Script::new();
    item.resource.resource().probe(&mut script);
    script
}

fn broken_off(truncated: bool) -> AssessError {
    let cause =
        if truncated { "the host's answer is larger than 16 MiB" } else { "the host's answer broke off before it" };
    AssessError::new("answer-incomplete", cause)
        .hint("run `hactl plan` again; if it persists, look at the host's own log")
}

/// A failure of this item.
pub(super) fn of_item(item: &Item, error: AssessError) -> Failure {
    let AssessError { code, cause, hint } = error;
    let id = item.resource.resource().id();
    Failure { step: item.steps.first().copied(), item: Some(id.into()), hint, ..Failure::new(code, cause) }
}
