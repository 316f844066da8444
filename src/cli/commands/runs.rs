//! `hactl runs`: what was done, when, and how it ended.

use crate::cli::Refusal;
use crate::cli::arguments::{Output, Runs, Talk};
use crate::cli::console::Console;
use crate::cli::session::controller;
use crate::orchestration::{Exit, RunRecord, list_runs, read_run};

pub(super) fn runs(arguments: &Runs, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let folder = controller().runs;
    let failed = |error: crate::orchestration::JournalError| Refusal::failed(format!("error: {error}"));
    let records = match &arguments.run {
        Some(run) => vec![
            read_run(&folder, run)
                .map_err(|error| Refusal::usage(format!("run {run}: {error}")).hint("`hactl runs` lists the runs"))?,
        ],
        None => list_runs(&folder).map_err(failed)?.into_iter().take(arguments.last).collect(),
    };
    if talk.output != Output::Text {
        console.result(&serde_json::json!({ "version": 1, "runs": records }).to_string());
        return Ok(Exit::Success);
    }
    if records.is_empty() {
        console.result("no runs yet");
    }
    for record in &records {
        console.result(&line(record));
        if arguments.run.is_some() {
            console.result(&format!("  inventory  {}", record.inventory.display()));
            console.result(&format!("  journal    {}", folder.join(&record.run).join("journal.jsonl").display()));
            for (host, outcome) in record.end.iter().flat_map(|end| &end.hosts) {
                console.result(&format!("  {host}  {}", outcome.replace('_', " ")));
            }
        }
    }
    Ok(Exit::Success)
}

fn line(record: &RunRecord) -> String {
    let end = match &record.end {
        Some(end) => format!("exit {}, {} changes", end.exit, end.changes),
        None => "never ended (killed, or still running)".to_owned(),
    };
    // Whole seconds are enough for a person.
    let at = record.at.split('.').next().unwrap_or_default().trim_end_matches('Z');
    format!("{}  {}Z  {:8}  {}  {end}", record.run, at, record.command, record.cluster)
}
