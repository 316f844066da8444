//! `hactl plan` and `hactl status`: look, and tell.

use crate::cli::Refusal;
use crate::cli::arguments::{Run, Talk};
use crate::cli::console::Console;
use crate::cli::render;
use crate::cli::session::{Audience, Session, block_on, fleet_options, playbook, print};
use crate::orchestration::{Exit, Report, plan as look};

pub(super) fn plan(arguments: &Run, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let reports = look_at(arguments, "plan", talk, console)?;
    Ok(print(talk, console, &reports, |report| render::plan(report, talk.verbose)))
}

pub(super) fn status(arguments: &Run, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let reports = look_at(arguments, "status", talk, console)?;
    let several = reports.len() > 1;
    Ok(print(talk, console, &reports, |report| render::status(report, several)))
}

fn look_at(arguments: &Run, command: &'static str, talk: &Talk, console: &Console) -> Result<Vec<Report>, Refusal> {
    let session = Session::open(&arguments.which, console)?;
    let playbook = playbook(arguments.steps.playbook.as_deref(), console)?;
    let options = fleet_options(&arguments.hosts, Some(&arguments.steps), console);
    let fleets: Vec<_> = session
        .clusters()
        .map(|cluster| session.fleet(cluster, &playbook, &options, console))
        .collect::<Result<_, _>>()?;
    let audience = Audience::new(talk, console);
    let reports = block_on(console, async |stop| {
        let mut reports = Vec::new();
        for fleet in &fleets {
            reports.push(look(fleet, command, &audience.events, &stop).await);
        }
        Ok(reports)
    });
    audience.done();
    reports
}
