//! `hactl hosts`: the hosts by themselves.

mod facts;
mod list;
mod ping;
mod table;
mod trust;

use std::sync::Arc;

use serde::Serialize;

use crate::cli::Refusal;
use crate::cli::arguments::{HostsAction, HostsRun, Output, Talk};
use crate::cli::console::{Console, RED, styled};
use crate::cli::results::{Told, json_line};
use crate::cli::session::{Session, fleet_options, warn};
use crate::model::inventory::Cluster;
use crate::orchestration::hosts::Reach;
use crate::orchestration::{Exit, Failure};

/// Runs one of the commands.
pub(super) fn hosts(action: &HostsAction, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    match action {
        HostsAction::List(arguments) => list::list(arguments, talk, console),
        HostsAction::Ping(arguments) => ping::ping(arguments, talk, console),
        HostsAction::Trust(arguments) => trust::trust(arguments, talk, console),
        HostsAction::Facts(arguments) => facts::facts(arguments, talk, console),
    }
}

/// The hosts that are asked for, of each cluster.
fn reaches(session: &Session, arguments: &HostsRun, console: &Console) -> Result<Vec<Reach>, Refusal> {
    let options = fleet_options(&arguments.hosts, None, console);
    let reach = |cluster: Arc<Cluster>| {
        Reach::new(cluster.clone(), &session.loaded.secrets, &session.controller, &options)
            .map_err(|error| session.refuse(&cluster, error, console))
            .inspect(|reach| warn(&reach.warnings, console))
    };
    session.clusters().map(reach).collect()
}

/// A line of `--output jsonl`: what came of one host, as soon as that is known.
#[derive(Serialize)]
struct HostLine<'a, H> {
    event: &'static str,
    #[serde(flatten)]
    host: &'a H,
}

/// Its last line.
#[derive(Serialize)]
struct LastLine<'a, R> {
    event: &'static str,
    result: &'a Told<'a, R>,
}

/// Says at once what came of a host, where that is wanted.
fn teller<H: Serialize>(
    event: &'static str,
    talk: &Talk,
    console: &Console,
) -> impl Fn(&H) + Send + Sync + Clone + use<H> {
    let console = (talk.output == Output::Jsonl).then(|| console.clone());
    move |host| {
        if let Some(console) = &console {
            json_line(console, &HostLine { event, host });
        }
    }
}

/// Prints what came of all clusters.
fn print<R: Serialize>(talk: &Talk, console: &Console, exit: Exit, reports: &[R], text: impl Fn(&R) -> String) -> Exit {
    let told = Told { version: 1, exit: exit.code(), clusters: reports };
    match talk.output {
        Output::Text => reports.iter().for_each(|report| console.result(text(report).trim_end())),
        Output::Json => console.result(&format!("{:#}", serde_json::json!(told))),
        Output::Jsonl => json_line(console, &LastLine { event: "result", result: &told }),
    }
    exit
}

/// Why a host could not be looked at, and what to do.
fn trouble(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    format!("{} {} [{}]{hint}", styled(RED, "unknown:"), failure.cause, failure.code)
}
