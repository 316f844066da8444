//! One exec to mend: what a stage has to do on a host, up to the first failure.

use std::sync::atomic::Ordering;

use super::fence::{Fences, OnFailure};
use super::lock::{self, Held};
use super::look::of_item;
use super::node::Node;
use super::{Controller, Event, Events, Failure, Phase, RunId};
use crate::model::{Blob, Script};
use crate::resources::{Assessment, MEND, explain_failure, together};
use crate::steps::Item;
use crate::transport::{Answer, Reply, upload, upload_to_empty};

/// What one stage has to do on one host.
pub(super) struct Work<'a> {
    /// Each item that differs, with what is to be done about it.
    pub(super) items: Vec<(&'a Item, &'a Assessment)>,
}

impl Work<'_> {
    /// How many changes it makes.
    pub(super) fn changes(&self) -> usize {
        self.items.iter().map(|(_, assessment)| assessment.changes.len()).sum()
    }

    fn blobs(&self) -> Vec<&Blob> {
        let mut blobs: Vec<&Blob> = self.items.iter().flat_map(|(_, assessment)| &assessment.needs).collect();
        blobs.sort_by_key(|blob| blob.sha256);
        blobs.dedup_by_key(|blob| blob.sha256);
        blobs
    }

    fn ids_after(&self, index: usize) -> Box<[String]> {
        self.items.iter().skip(index + 1).map(|(item, _)| item.resource.resource().id()).collect()
    }
}

/// Uploads what the work needs, then does it.
///
/// # Errors
/// Names the item that failed, and those after it that were not tried.
pub(super) async fn mend(
    node: &Node,
    work: &Work<'_>,
    held: &Held,
    controller: &Controller,
    events: &Events,
) -> Result<(), Failure> {
    let run = &held.run;
    for blob in work.blobs() {
        // Each upload fills a window of some megabytes: all hosts at once would hold hundreds in memory.
        let _place = node.uploads.acquire().await;
        events.send(Event::Host { host: node.name.clone(), phase: Phase::Upload });
        let send = |request| -> Answer<'_, Reply> { Box::pin(node.request(request)) };
        let deadline = node.upload_deadline(blob.size);
        let done = if node.has_no_blobs.load(Ordering::Relaxed) {
            upload_to_empty(blob, &node.state_folder, deadline, &send).await
        } else {
            upload(blob, &node.state_folder, deadline, &send).await
        };
        node.has_no_blobs.fetch_and(done.is_ok(), Ordering::Relaxed);
        done.map_err(|error| at_blob(work, blob, Failure::from(&error)))?;
    }
    events.send(Event::Host { host: node.name.clone(), phase: Phase::Mend });
    let fences = Fences::new();
    let mut prelude = prelude(node, run);
    let (keep, audit) = (lock::keep(held), audit(work, run, controller));
    let mended = together(work.items.iter().map(|(_, assessment)| *assessment), &mut prelude);
    let mut parts = vec![(None, &keep)];
    parts.extend(mended.iter().map(|(before, item)| (before.as_ref(), item)));
    parts.push((None, &audit));
    let count = parts.len();
    let needed: usize = work.items.iter().map(|(_, assessment)| assessment.needs.len()).sum();
    if needed > work.blobs().len() {
        prelude.line("HACTL_SHARED_BLOBS=1");
    }
    let script = fences.join_parts(&prelude, parts, OnFailure::End);
    let deadline = node.upload_deadline(work.blobs().iter().map(|blob| blob.size).sum());
    let reply = node.run_within(&script, deadline).await.map_err(|error| lost(work, Failure::from(&error)))?;
    let seen = fences.split(&reply.stdout, &reply.stderr, count);
    for (index, seen) in seen.iter().enumerate() {
        let item = index.checked_sub(1).and_then(|index| work.items.get(index).map(|(item, _)| (index, *item)));
        let failure = match (seen, item) {
            (Some(seen), _) if seen.status == 0 => continue,
            (Some(seen), Some((_, item))) => of_item(item, explain_failure("mend-failed", seen.stderr, seen.status)),
            (Some(seen), None) => {
                let error = explain_failure("mend-failed", seen.stderr, seen.status);
                Failure { hint: error.hint, ..Failure::new(error.code, error.cause) }
            }
            (None, _) => lost(work, node.no_answer(&reply)),
        };
        let not_reached = item.map_or_else(|| failure.not_reached.clone(), |(index, _)| work.ids_after(index));
        return Err(Failure { not_reached, ..failure });
    }
    Ok(())
}

/// The functions and variables that mends need.
fn prelude(node: &Node, run: &RunId) -> Script {
    let mut script = lock::prelude(node);
    script.line(&format!("HACTL_RUN={run} HACTL_BLOBS=$HACTL_STATE/blobs HACTL_BACKUP=$HACTL_STATE/backups/{run}"));
    script.functions(MEND);
    // Contents are among the words of calls: a host whose shells trace what they do would print them.
    script.line("{ set +x; } 2>/dev/null");
    script.line("hactl_audit() { printf '%s\\n' \"$1\" >> \"$HACTL_STATE/audit.jsonl\" || true; }");
    // The connection may die in the middle: what was begun is finished all the same, and nothing is left half done. What
    // may last long and can be cut takes the signal again.
    script.line("trap '' PIPE HUP INT TERM");
    script
}

/// Shell that notes on the host itself what was done there, by whom, and takes the uploaded files away.
fn audit(work: &Work<'_>, run: &RunId, controller: &Controller) -> Script {
    let items: Vec<String> = work.items.iter().map(|(item, _)| item.resource.resource().id()).collect();
    // By the controller's clock, like the journal: asking the host's own would cost every mend a process.
    let at = jiff::Timestamp::now().to_string();
    let line = serde_json::json!({ "at": at, "run": run, "owner": controller.owner(), "mended": items }).to_string();
    let mut script = Script::new();
    // A full disk must not turn a mend that went well into a failure: the journal on the controller has it too.
    script.call("hactl_audit", &[&line]);
    // What a cut has left of a file, and no run has asked for since. Where there is none, it costs no process.
    script.line(
        "for hactl_one in \"$HACTL_BLOBS\"/*.part; do\n    [ ! -f \"$hactl_one\" ] || find \"$hactl_one\" -mtime +0 -exec rm -f {} +\ndone",
    );
    let blobs: Vec<String> = work.blobs().iter().map(|blob| blob.sha256.to_string()).collect();
    if !blobs.is_empty() {
        let words: Vec<&str> = blobs.iter().map(String::as_str).collect();
        script.line("cd \"$HACTL_BLOBS\"");
        script.call("rm -f", &words);
        // Only now: to lose its second name changes a file.
        script.line("hactl_note_digests");
    }
    script
}

fn at_blob(work: &Work<'_>, blob: &Blob, failure: Failure) -> Failure {
    let needs = |assessment: &Assessment| assessment.needs.iter().any(|needed| needed.sha256 == blob.sha256);
    let Some(index) = work.items.iter().position(|(_, assessment)| needs(assessment)) else {
        return failure;
    };
    let item = work.items.get(index).map(|(item, _)| *item);
    Failure {
        step: item.and_then(|item| item.steps.first().copied()),
        item: item.map(|item| item.resource.resource().id().into()),
        // Uploads come before every mend of the stage.
        not_reached: work.ids_after(index),
        ..failure
    }
}

fn lost(work: &Work<'_>, failure: Failure) -> Failure {
    let items: Vec<String> = work.items.iter().map(|(item, _)| item.resource.resource().id()).collect();
    let cause = format!("{}; it is not known how far the mending of {} got", failure.cause, items.join(", "));
    let hint =
        failure.hint.unwrap_or_else(|| "run `hactl apply` again: each item is either done or untouched".to_owned());
    Failure { cause, hint: Some(hint), ..failure }
}
