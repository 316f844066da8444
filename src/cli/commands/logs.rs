//! `hactl logs`: the products' logs of all nodes.

use std::time::Duration;

use crate::cli::Refusal;
use crate::cli::arguments::{Logs, Talk};
use crate::cli::calls::{Merge, Telling, make};
use crate::cli::console::Console;
use crate::cli::session::{Session, fleet_options, warn};
use crate::orchestration::Exit;
use crate::orchestration::exec::{CallOptions, Calls, LogError, LogFiles, Places, most_bytes, places};

/// Who follows a log says himself when it is enough.
const FOLLOWED: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How many lines are looked through for those since a time, unless somebody says otherwise.
const LINES_SINCE: u32 = 100_000;
const LINES: u32 = 50;

pub(super) fn logs(arguments: &Logs, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let since = arguments.since.as_deref().map(milliseconds).transpose()?;
    let session = Session::open(&arguments.which, console)?;
    let options = fleet_options(&arguments.hosts, None, console);
    let lines = arguments.lines.unwrap_or(if since.is_some() { LINES_SINCE } else { LINES });
    let logs = LogFiles { files: arguments.files.clone(), lines, follow: arguments.follow };
    let mut all = Vec::new();
    for cluster in session.clusters() {
        let Places { places, warnings } =
            places(&cluster, &session.loaded.secrets, &session.controller, &options, !arguments.no_become)
                .map_err(|error| session.refuse(&cluster, error, console))?;
        warn(&warnings, console);
        all.push((cluster, places));
    }
    let nodes = all.iter().flat_map(|(_, places)| places).filter(|place| place.host.product.is_some()).count();
    let most_bytes = most_bytes(nodes * arguments.files.len().max(1));
    let mut calls = Calls::default();
    for (cluster, places) in &all {
        logs.add(places, most_bytes, &mut calls).map_err(|error| match error {
            LogError::Profile(error) => session.refuse(cluster, error, console),
            unknown => Refusal::usage(format!("--file: {unknown}")),
        })?;
    }
    if calls.is_empty() {
        return Err(Refusal::usage("none of these hosts has a product, and so a log"));
    }
    let call_options = CallOptions {
        // All that is followed is followed at once.
        concurrency: if arguments.follow { calls.len() } else { options.concurrency },
        deadline: if arguments.follow { FOLLOWED } else { options.timeout },
        redactor: session.redactor.clone(),
    };
    let telling = Telling {
        talk,
        console,
        prefix: !arguments.no_prefix,
        endless: arguments.follow,
        merge: (!arguments.follow).then_some(Merge { most_bytes, since }),
    };
    make(calls, call_options, &telling)
}

fn milliseconds(time: &str) -> Result<i64, Refusal> {
    let refuse = || Refusal::usage(format!("--since {time}: is no time such as `10m`, `2h 30m` or `1d`"));
    let span: jiff::SignedDuration = match time.trim().strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => jiff::SignedDuration::from_hours(days.checked_mul(24).ok_or_else(refuse)?),
        _ => time.parse().map_err(|_| refuse())?,
    };
    i64::try_from(span.as_millis()).ok().filter(|milliseconds| *milliseconds > 0).ok_or_else(refuse)
}
