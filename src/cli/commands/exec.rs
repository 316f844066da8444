//! `hactl exec -- COMMAND`: one command on many hosts.

use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;

use super::apply::record;
use crate::cli::Refusal;
use crate::cli::arguments::{Exec, Talk};
use crate::cli::calls::{Telling, make};
use crate::cli::console::Console;
use crate::cli::session::{Session, fleet_options, warn};
use crate::orchestration::exec::{CallOptions, Calls, Command, Places, places};
use crate::orchestration::{Exit, Journal, RunId};

/// The most that is given to the hosts on standard input: it travels in the script, once for each host.
const STDIN: u64 = 1 << 20;

pub(super) fn exec(arguments: &Exec, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let session = Session::open(&arguments.which, console)?;
    let options = fleet_options(&arguments.hosts, None, console);
    let stdin = arguments.stdin.as_deref().map(stdin).transpose()?;
    let text = Command { words: arguments.words.clone(), stdin }.text();
    let (mut calls, mut journals) = (Calls::default(), Vec::new());
    for cluster in session.clusters() {
        let Places { places, warnings } =
            places(&cluster, &session.loaded.secrets, &session.controller, &options, !arguments.no_become)
                .map_err(|error| session.refuse(&cluster, error, console))?;
        warn(&warnings, console);
        places.iter().for_each(|place| calls.add(place, None, text.clone()));
        journals.push(journal(&cluster.name, &arguments.words, &session, &options)?);
    }
    let call_options =
        CallOptions { concurrency: options.concurrency, deadline: options.timeout, redactor: session.redactor.clone() };
    let telling = Telling { talk, console, prefix: !arguments.no_prefix, endless: false, merge: None };
    let result = make(calls, call_options, &telling);
    let exit = result.as_ref().map_or_else(|refusal| refusal.exit, |exit| *exit);
    for journal in journals {
        if let Err(error) =
            journal.note(&serde_json::json!({ "ended": { "exit": exit.code(), "changes": 0, "hosts": [] } }))
        {
            console.error(&format!("warning: the journal is not complete: {error}"));
        }
    }
    result
}

/// Who ran what and where stays known on this machine. Nothing is written on the hosts: an account that may only read
/// must be able to run something.
fn journal(
    cluster: &str,
    words: &[String],
    session: &Session,
    options: &crate::orchestration::FleetOptions,
) -> Result<Journal, Refusal> {
    let failed = |error| Refusal::failed(format!("error: cannot begin the run's journal: {error}"));
    let record = record("exec", &RunId::new(), cluster, session, options, None);
    let journal = Journal::begin(&session.controller.runs, &record, session.redactor.clone()).map_err(failed)?;
    journal.note(&serde_json::json!({ "exec": words, "owner": session.controller.owner() })).map_err(failed)?;
    Ok(journal)
}

fn stdin(path: &Path) -> Result<Bytes, Refusal> {
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(STDIN + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(STDIN + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| Refusal::usage(format!("--stdin: {shown} cannot be read: {error}")))?;
    if bytes.len() as u64 > STDIN {
        return Err(Refusal::usage(format!("--stdin: {shown} is larger than 1 MiB"))
            .hint("bring larger files to the hosts with a playbook's `files` or with scp"));
    }
    Ok(Bytes::from(bytes))
}
