//! `hactl lock`: who holds the lock of each host, and how to free it.

use crate::cli::Refusal;
use crate::cli::arguments::{LockRelease, LockRun, Output, Talk};
use crate::cli::console::{BOLD, Console, styled};
use crate::cli::session::{Session, block_on, fleet_options};
use crate::model::HostName;
use crate::orchestration::{Exit, Failure, Fleet, LockState, Playbook, release_locks, show_locks};

/// The locks of each cluster's hosts.
type Locks = Vec<(String, Vec<(HostName, Result<Option<LockState>, Failure>)>)>;

pub(super) fn status(arguments: &LockRun, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let fleets = fleets(arguments, console)?;
    let locks = block_on(console, async |_| {
        let mut locks = Locks::new();
        for fleet in &fleets {
            locks.push((fleet.cluster.name.clone(), show_locks(fleet).await));
            fleet.close().await;
        }
        Ok(locks)
    })?;
    Ok(print(&locks, talk, console))
}

pub(super) fn release(arguments: &LockRelease, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let fleets = fleets(&arguments.at, console)?;
    let locks = block_on(console, async |_| {
        let mut locks = Locks::new();
        for fleet in &fleets {
            release_locks(fleet, &arguments.run).await;
            locks.push((fleet.cluster.name.clone(), show_locks(fleet).await));
            fleet.close().await;
        }
        Ok(locks)
    })?;
    let exit = print(&locks, talk, console);
    // Another run's lock stays: whoever asked for a free host is not told that all is well.
    let kept = |(_, lock): &(HostName, Result<Option<LockState>, Failure>)| matches!(lock, Ok(Some(_)));
    Ok(if locks.iter().flat_map(|(_, hosts)| hosts).any(kept) { exit.and(Exit::Locked) } else { exit })
}

fn fleets(arguments: &LockRun, console: &Console) -> Result<Vec<Fleet>, Refusal> {
    let session = Session::open(&arguments.which, console)?;
    let options = fleet_options(&arguments.hosts, None, console);
    let nothing = Playbook::empty();
    session.clusters().map(|cluster| session.fleet(cluster, &nothing, &options, console)).collect()
}

fn print(locks: &Locks, talk: &Talk, console: &Console) -> Exit {
    let mut exit = Exit::Success;
    let mut rows = Vec::new();
    for (cluster, hosts) in locks {
        if locks.len() > 1 && talk.output == Output::Text {
            console.result(&styled(BOLD, cluster));
        }
        let width = hosts.iter().map(|(host, _)| host.as_str().len()).max().unwrap_or_default();
        for (host, lock) in hosts {
            let row = match lock {
                Ok(lock) => serde_json::json!({ "cluster": cluster, "host": host, "lock": lock }),
                Err(failure) => serde_json::json!({ "cluster": cluster, "host": host, "failure": failure }),
            };
            rows.push(row);
            if lock.is_err() {
                exit = exit.and(Exit::Incomplete);
            }
            if talk.output == Output::Text {
                console.result(&format!("{host:width$}  {}", words(lock)));
            }
        }
    }
    if talk.output != Output::Text {
        console.result(&serde_json::json!({ "version": 1, "locks": rows }).to_string());
    }
    exit
}

fn words(lock: &Result<Option<LockState>, Failure>) -> String {
    match lock {
        Ok(None) => "free".to_owned(),
        Ok(Some(held)) => format!(
            "held by {} for {} s: {}, run {}; runs out in {} s",
            held.owner, held.held_for, held.command, held.run, held.lasts
        ),
        Err(failure) => {
            let hint = failure.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            format!("unknown: {} [{}]{hint}", failure.cause, failure.code)
        }
    }
}
