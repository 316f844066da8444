//! `hactl hosts list`: who the hosts are. Connects to nothing, and asks for no secret.

use super::table::table;
use super::{print, reaches};
use crate::cli::Refusal;
use crate::cli::arguments::{HostsRun, Output, Talk};
use crate::cli::console::Console;
use crate::cli::session::Session;
use crate::model::inventory::{BecomeMethod, TransportKind};
use crate::orchestration::Exit;
use crate::orchestration::hosts::{HostRow, HostsReport, list as look};

pub(super) fn list(arguments: &HostsRun, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let session = Session::without_secrets(&arguments.which, console)?;
    let reports: Vec<HostsReport> = reaches(&session, arguments, console)?.iter().map(look).collect();
    if talk.quiet && talk.output == Output::Text {
        reports.iter().flat_map(|report| &report.hosts).for_each(|row| console.result(row.host.as_str()));
        return Ok(Exit::Success);
    }
    if talk.output == Output::Text {
        console.result(&text(&reports));
        return Ok(Exit::Success);
    }
    Ok(print(talk, console, Exit::Success, &reports, |_| String::new()))
}

/// One line per host, of all clusters in one table: it is easier to search.
fn text(reports: &[HostsReport]) -> String {
    let head = ["CLUSTER", "HOST", "REACHED AT", "THROUGH", "BECOMES", "PRODUCT", "ROLES AND GROUPS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for report in reports {
        rows.extend(report.hosts.iter().map(|row| cells(&report.cluster, row)));
    }
    table(&rows)
}

fn cells(cluster: &str, row: &HostRow) -> Vec<String> {
    let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let at = match row.transport {
        TransportKind::Local => "this machine".to_owned(),
        // An IPv6 address has colons of its own.
        _ if row.address.contains(':') => format!("{}@[{}]:{}", row.user, row.address, row.port),
        _ => format!("{}@{}:{}", row.user, row.address, row.port),
    };
    let becomes = match (row.become_, &row.become_user) {
        (Some(method), Some(user)) if method != BecomeMethod::None => format!("{user} by {}", word(&method)),
        _ => String::new(),
    };
    let roles = row.roles.iter().map(word).chain(row.groups.iter().cloned()).collect::<Vec<_>>().join(", ");
    vec![
        cluster.to_owned(),
        row.host.to_string(),
        at,
        dash(row.jump.join(", ")),
        dash(becomes),
        dash(row.product.clone().unwrap_or_default()),
        dash(roles),
    ]
}

/// What the inventory calls it.
fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
}
