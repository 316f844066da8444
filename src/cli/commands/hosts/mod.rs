//! `hactl hosts`: the hosts by themselves.

mod facts;
mod list;
mod ping;
mod table;

use std::sync::Arc;

use serde::Serialize;

use crate::cli::Refusal;
use crate::cli::arguments::{HostsAction, HostsRun, Output, Talk};
use crate::cli::console::{Console, RED, styled};
use crate::cli::results::Told;
use crate::cli::session::{Session, fleet_options};
use crate::model::inventory::Cluster;
use crate::orchestration::hosts::Reach;
use crate::orchestration::{Exit, Failure};

/// Runs one of the commands.
pub(super) fn hosts(action: &HostsAction, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    match action {
        HostsAction::List(arguments) => list::list(arguments, talk, console),
        HostsAction::Ping(arguments) => ping::ping(arguments, talk, console),
        HostsAction::Facts(arguments) => facts::facts(arguments, talk, console),
    }
}

/// The hosts that are asked for, of each cluster.
fn reaches(session: &Session, arguments: &HostsRun, console: &Console) -> Result<Vec<Reach>, Refusal> {
    let options = fleet_options(&arguments.hosts, None);
    let reach = |cluster: Arc<Cluster>| {
        Reach::new(cluster.clone(), &session.loaded.secrets, &session.controller, &options)
            .map_err(|error| session.refuse(&cluster, error, console))
    };
    session.clusters().map(reach).collect()
}

/// A line of `--output jsonl`: a host as soon as there is something to say of it, or the end.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a, H, R> {
    /// What came of one host.
    HostTold {
        #[serde(flatten)]
        host: &'a H,
    },
    /// The same as `--output json` prints.
    Result { result: Told<'a, R> },
}

/// Says at once what came of a host, where that is wanted.
fn teller<H: Serialize>(talk: &Talk, console: &Console) -> impl Fn(&H) + Send + Sync + Clone + use<H> {
    let console = (talk.output == Output::Jsonl).then(|| console.clone());
    move |host| {
        if let Some(console) = &console {
            json_line::<H, ()>(console, &Line::HostTold { host });
        }
    }
}

fn json_line<H: Serialize, R: Serialize>(console: &Console, line: &Line<'_, H, R>) {
    if let Ok(line) = serde_json::to_string(line) {
        console.result(&line);
    }
}

/// Prints what came of all clusters.
fn print<R: Serialize>(talk: &Talk, console: &Console, exit: Exit, reports: &[R], text: impl Fn(&R) -> String) -> Exit {
    let told = Told { version: 1, exit: exit.code(), clusters: reports };
    match talk.output {
        Output::Text => reports.iter().for_each(|report| console.result(text(report).trim_end())),
        Output::Json => console.result(&format!("{:#}", serde_json::json!(told))),
        Output::Jsonl => json_line::<(), R>(console, &Line::Result { result: told }),
    }
    exit
}

/// Why a host could not be looked at, and what to do.
fn trouble(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    format!("{} {} [{}]{hint}", styled(RED, "unknown:"), failure.cause, failure.code)
}
