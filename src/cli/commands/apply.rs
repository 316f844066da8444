//! `hactl apply`: bring every host to what the inventory says.

use std::path::Path;

use crate::cli::arguments::{Apply, Talk};
use crate::cli::console::{BOLD, Console, DIM, styled};
use crate::cli::session::{Audience, Session, block_on, fleet_options, lock_options, playbook, print};
use crate::cli::{Refusal, render};
use crate::orchestration::{
    ApplyOptions, Exit, Fleet, FleetOptions, Journal, Report, RunId, RunRecord, apply as bring, read_run,
};

pub(super) fn apply(arguments: &Apply, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let run = &arguments.run;
    let mut options = fleet_options(&run.hosts, Some(&run.steps), console);
    let (session, playbook_file) = match &arguments.resume {
        Some(earlier) => resume(earlier, &mut options, console)?,
        None => (Session::open(&run.which, console)?, run.steps.playbook.clone()),
    };
    let playbook = playbook(playbook_file.as_deref(), console)?;
    let fleets: Vec<_> = session
        .clusters()
        .map(|cluster| session.fleet(cluster, &playbook, &options, console))
        .collect::<Result<_, _>>()?;
    let apply_options = ApplyOptions {
        lock: lock_options("apply", &arguments.lock),
        max_failures: arguments.max_failures,
        batches: arguments.batch.clone(),
    };
    let audience = Audience::new(talk, console);
    let reports = block_on(console, async |stop| {
        let mut reports: Vec<Report> = Vec::new();
        for fleet in &fleets {
            // A cluster that went wrong is a reason to look before the next one is changed.
            if reports.iter().any(|report| report.exit() != Exit::Success) {
                break;
            }
            let run = RunId::new();
            let journal = journal("apply", &run, fleet, &session, &options, playbook_file.as_deref())?;
            let keeper = journal.clone();
            let events = audience.events.clone().and(move |event| keeper.event(event));
            let report = bring(fleet, &run, &apply_options, &events, &stop).await;
            if let Err(error) = journal.end(&report) {
                console.error(&format!("warning: the journal is not complete: {error}"));
            }
            reports.push(report);
        }
        Ok(reports)
    });
    audience.done();
    let reports = reports?;
    for fleet in fleets.iter().skip(reports.len()) {
        console.error(&format!("{}  not reached: an earlier cluster of the file went wrong", fleet.cluster.name));
    }
    let exit =
        print(talk, console, &reports, |report| format!("{}{}", headline(report), render::run(report, talk.verbose)));
    Ok(exit)
}

fn headline(report: &Report) -> String {
    match &report.run {
        Some(run) if !report.stages.is_empty() => {
            format!("{}  {}\n", styled(BOLD, &report.cluster), styled(DIM, format_args!("run {run}")))
        }
        _ => String::new(),
    }
}

pub(super) fn journal(
    command: &str,
    run: &RunId,
    fleet: &Fleet,
    session: &Session,
    options: &FleetOptions,
    playbook: Option<&Path>,
) -> Result<Journal, Refusal> {
    let record = record(command, run, &fleet.cluster.name, session, options, playbook);
    Journal::begin(&session.controller.runs, &record, session.redactor.clone())
        .map_err(|error| Refusal::failed(format!("error: cannot begin the run's journal: {error}")))
}

/// What a run on a cluster was asked to do.
pub(super) fn record(
    command: &str,
    run: &RunId,
    cluster: &str,
    session: &Session,
    options: &FleetOptions,
    playbook: Option<&Path>,
) -> RunRecord {
    RunRecord {
        run: run.to_string(),
        at: jiff::Timestamp::now().to_string(),
        command: command.to_owned(),
        cluster: cluster.to_owned(),
        inventory: absolute(&session.loaded.path),
        playbook: playbook.map(absolute),
        limit: options.selection.limit.clone(),
        steps: options.selection.steps.clone(),
        skip_steps: options.selection.skip_steps.clone(),
        end: None,
    }
}

/// A run is undone and taken up again from wherever the user stands by then.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The session and playbook of an earlier run, with its selection narrowed to the hosts that are not done.
fn resume(
    earlier: &RunId,
    options: &mut FleetOptions,
    console: &Console,
) -> Result<(Session, Option<std::path::PathBuf>), Refusal> {
    let runs = crate::cli::session::controller().runs;
    let record = read_run(&runs, earlier)
        .map_err(|error| Refusal::usage(format!("--resume {earlier}: {error}")).hint("`hactl runs` lists the runs"))?;
    if record.command != "apply" {
        let text = format!("--resume {earlier}: it was a {}, and only an apply is taken up again", record.command);
        return Err(Refusal::usage(text));
    }
    let unfinished = record.unfinished();
    if unfinished.as_ref().is_some_and(Vec::is_empty) {
        let text = format!("--resume {earlier}: every host of it is done; nothing is left to resume");
        return Err(Refusal::usage(text));
    }
    options.selection.limit = unfinished.unwrap_or(record.limit);
    options.selection.steps = record.steps;
    options.selection.skip_steps = record.skip_steps;
    let hosts =
        if options.selection.limit.is_empty() { "all hosts".into() } else { options.selection.limit.join(", ") };
    console.talk(&format!("resuming run {earlier} of {}: {hosts}", record.at));
    let session = Session::of(&record.inventory, Some(&record.cluster), console)?;
    Ok((session, record.playbook))
}
