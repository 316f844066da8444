//! `hactl hosts trust`: show the unknown host keys, ask once, record them.

use tokio::task::spawn_blocking;

use crate::cli::Refusal;
use crate::cli::arguments::{HostsTrust, Output, Talk};
use crate::cli::console::Console;
use crate::cli::host_keys::{COMPARE, HostKeyLine, HostKeyResults, HostKeyRow, exit, summary, table, troubles};
use crate::cli::prompt::says_yes;
use crate::cli::render::plural;
use crate::cli::results::json_line;
use crate::cli::session::{Session, block_on, fleet_options, warn};
use crate::orchestration::hosts::{HostKeys, KeyState, KeyWays};
use crate::orchestration::{Exit, Failure, Stop};

pub(in crate::cli) fn trust(arguments: &HostsTrust, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    if arguments.print && talk.output != Output::Text {
        return Err(Refusal::usage("--print prints the lines of a known_hosts file: it goes without --output"));
    }
    // Where nobody is logged in to, no secret is asked for: a first look at new hosts needs none.
    let mut session = Session::without_secrets(&arguments.which, console)?;
    let options = fleet_options(&arguments.hosts, None, console);
    let clusters: Vec<_> = session.clusters().collect();
    let controller = session.controller.clone();
    let ways = KeyWays::look_up(&clusters, &controller, &options).map_err(|error| {
        // Which of the clusters does not matter: it is the flag that is wrong.
        match clusters.first() {
            Some(cluster) => session.refuse(cluster, error, console),
            None => Refusal::usage(error.to_string()),
        }
    })?;
    if ways.lead_through_jump_hosts() {
        session.resolve_logins(console)?;
    }
    warn(&ways.warnings, console);
    let mut keys = ways.host_keys(&session.loaded.secrets);
    let (unwritten, stopped) = block_on(console, async |stop| {
        let unwritten = rounds(&mut keys, arguments, &stop, console).await;
        Ok((unwritten, stop.asked()))
    })?;
    let of_keys = exit(&keys, arguments.print);
    let exit = if unwritten.is_some() { of_keys.and(Exit::Failed) } else { of_keys };
    let exit = stopped.map_or(exit, |stopped| exit.and(stopped));
    tell(&keys, unwritten.as_ref(), arguments, talk, console, exit);
    Ok(exit)
}

/// Looks, asks and records, until nothing more can be seen. What could not be written is told at the end.
async fn rounds(keys: &mut HostKeys, arguments: &HostsTrust, stop: &Stop, console: &Console) -> Option<Failure> {
    loop {
        tokio::select! {
            () = keys.look() => {}
            () = stop.wait() => return None,
        }
        if arguments.print || keys.unknown().next().is_none() {
            return None;
        }
        if !arguments.yes && (arguments.hosts.no_input || !Console::can_ask() || !ask(keys, stop, console).await) {
            return None;
        }
        if let Err(error) = keys.record().await {
            return Some(error);
        }
    }
}

/// Shows the unknown keys and asks for all of them at once.
async fn ask(keys: &HostKeys, stop: &Stop, console: &Console) -> bool {
    let unknown = keys.unknown().count();
    let mut files: Vec<_> = keys.unknown().filter_map(|(server, _)| server.file()).collect();
    files.dedup();
    let files: Vec<String> = files.into_iter().map(|file| file.display().to_string()).collect();
    console.error(&format!("{}{COMPARE}", table(keys, is_unknown)));
    let which = match unknown {
        1 => "this key and record it".to_owned(),
        _ => format!("these {} and record them", plural(unknown, "key")),
    };
    let question = format!("Trust {which} in {}?", files.join(", "));
    let answer = spawn_blocking(move || says_yes(&question));
    tokio::select! {
        answer = answer => answer.unwrap_or(false),
        () = stop.wait() => false,
    }
}

fn is_unknown(state: &KeyState) -> bool {
    matches!(state, KeyState::Unknown(_))
}

fn tell(
    keys: &HostKeys,
    unwritten: Option<&Failure>,
    arguments: &HostsTrust,
    talk: &Talk,
    console: &Console,
    exit: Exit,
) {
    let results = || HostKeyResults::new(keys, unwritten, exit);
    let troubles = troubles(keys, unwritten);
    match talk.output {
        Output::Json => console.result(&format!("{:#}", serde_json::json!(results()))),
        Output::Jsonl => {
            for server in keys.servers() {
                json_line(console, &HostKeyLine::HostKey(HostKeyRow::new(server)));
            }
            json_line(console, &HostKeyLine::Result { result: results() });
        }
        Output::Text if arguments.print => {
            console.file(keys.lines().as_bytes());
            if !troubles.is_empty() {
                console.error(troubles.trim_end());
            }
            console.talk(&summary(keys));
        }
        Output::Text => {
            // What was shown with a question is not shown again.
            let asked = !arguments.yes && !arguments.hosts.no_input && Console::can_ask();
            let shown = |state: &KeyState| is_unknown(state) || matches!(state, KeyState::Trusted(_));
            let mut text = troubles;
            if !asked && keys.servers().iter().any(|server| shown(&server.state)) {
                text = table(keys, shown) + &text;
            }
            text.push_str(&summary(keys));
            if !asked && keys.unknown().next().is_some() {
                text.push_str(&format!(
                    ". Nothing of what is unknown was recorded.\n{COMPARE}\n\
                     Then `hactl hosts trust --yes` records them, and `--print` prints the lines."
                ));
            }
            console.result(&text);
        }
    }
}
