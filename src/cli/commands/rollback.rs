//! `hactl rollback RUN`: undo a run from the backups that it left on the hosts.

use crate::cli::arguments::{Rollback, Talk};
use crate::cli::console::Console;
use crate::cli::prompt::says_yes;
use crate::cli::session::{Audience, Session, block_on, controller, fleet_options, lock_options, print, warn};
use crate::cli::{Refusal, render};
use crate::model::inventory::Cluster;
use crate::orchestration::{ApplyOptions, Exit, Fleet, RunId, apply, plan, read_run};

use super::apply::journal;

pub(super) fn rollback(arguments: &Rollback, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let undo = &arguments.run;
    let record = read_run(&controller().runs, undo)
        .map_err(|error| Refusal::usage(format!("run {undo}: {error}")).hint("`hactl runs` lists the runs"))?;
    let session = Session::of(&record.inventory, Some(&record.cluster), console)?;
    let mut options = fleet_options(&arguments.hosts, None, console);
    let Some(cluster) = session.clusters().next() else {
        let text = format!("the inventory holds no cluster {}", record.cluster);
        return Err(Refusal::inventory("unknown-cluster", text));
    };
    if options.selection.limit.is_empty() {
        match record.touched() {
            Some(hosts) if hosts.is_empty() => {
                console.result(&format!("run {undo} changed nothing; nothing to undo."));
                return Ok(Exit::Success);
            }
            Some(hosts) => options.selection.limit = still_there(hosts, &cluster, console)?,
            None => options.selection.limit.clone_from(&record.limit),
        }
    }
    let changed = record.changed();
    let (secrets, controller) = (&session.loaded.secrets, session.controller.clone());
    let [looking, undoing] = Fleet::undoing(undo, &changed, cluster.clone(), secrets, controller, &options)
        .map_err(|error| session.refuse(&cluster, error, console))?;
    let audience = Audience::new(talk, console);
    warn(&looking.warnings, console);
    let preview = block_on(console, async |stop| Ok(plan(&looking, "rollback", &audience.events, &stop).await));
    audience.done();
    let preview = preview?;
    if arguments.plan || preview.exit() != Exit::Differs {
        let exit = print(talk, console, &[preview], |report| render::plan(report, talk.verbose));
        if !arguments.plan && exit != Exit::Success {
            console
                .error("nothing was undone\n  hint: mend what failed, or leave its host out, as in `--limit '!HOST'`");
        }
        return Ok(exit);
    }
    if !arguments.yes {
        console.error(&render::plan(&preview, talk.verbose));
        confirm(arguments)?;
    }
    let run = RunId::new();
    let journal = journal("rollback", &run, &undoing, &session, &options, None)?;
    let keeper = journal.clone();
    let audience = Audience::new(talk, console);
    let events = audience.events.clone().and(move |event| keeper.event(event));
    let how = ApplyOptions { lock: lock_options("rollback", &arguments.lock), max_failures: 0, batches: Vec::new() };
    let report = block_on(console, async |stop| Ok(apply(&undoing, &run, &how, &events, &stop).await));
    audience.done();
    let report = report?;
    if let Err(error) = journal.end(&report) {
        console.error(&format!("warning: the journal is not complete: {error}"));
    }
    Ok(print(talk, console, &[report], |report| render::run(report, talk.verbose)))
}

/// The hosts of the run that the inventory still names; the others are told of.
fn still_there(hosts: Vec<String>, cluster: &Cluster, console: &Console) -> Result<Vec<String>, Refusal> {
    let known = |name: &String| cluster.hosts.iter().any(|host| host.name.as_str() == name);
    let (there, gone): (Vec<String>, Vec<String>) = hosts.into_iter().partition(known);
    let gone = gone.join(", ");
    if there.is_empty() {
        let text = format!("the inventory no longer names any host that the run may have changed: {gone}");
        return Err(Refusal::inventory("hosts-gone", text).hint("undo it with the inventory that it was made with"));
    }
    if !gone.is_empty() {
        console.error(&format!("warning: left as they are, because the inventory no longer names them: {gone}"));
    }
    Ok(there)
}

fn confirm(arguments: &Rollback) -> Result<(), Refusal> {
    if arguments.hosts.no_input || !Console::can_ask() {
        return Err(Refusal::usage("a rollback changes hosts: say --yes to go on without being asked"));
    }
    if says_yes("Undo these changes?") { Ok(()) } else { Err(Refusal::ended(Exit::Interrupted, "nothing was changed")) }
}
