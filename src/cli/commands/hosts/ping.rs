//! `hactl hosts ping`: a line per host where all is well, the ladder where a rung is broken.

use std::fmt::Write as _;

use super::{print, reaches, teller};
use crate::cli::Refusal;
use crate::cli::arguments::{HostsRun, Talk};
use crate::cli::console::{BOLD, Console, DIM, GREEN, RED, YELLOW, styled};
use crate::cli::session::{Session, block_on};
use crate::orchestration::Exit;
use crate::orchestration::hosts::{BrokenRung, HostPing, JumpHostPing, PingReport, Reached, RungReport, ping as climb};

pub(super) fn ping(arguments: &HostsRun, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let session = Session::open(&arguments.which, console)?;
    let reaches = reaches(&session, arguments, console)?;
    let told = teller::<HostPing>("host_pinged", talk, console);
    let reports = block_on(console, async |stop| {
        let mut reports = Vec::new();
        for reach in &reaches {
            reports.push(climb(reach, told.clone(), &stop).await);
        }
        Ok(reports)
    })?;
    let exit = reports.iter().map(PingReport::exit).fold(Exit::Success, Exit::and);
    Ok(print(talk, console, exit, &reports, |report| text(report, talk.verbose)))
}

/// The width of the longest name of a rung.
const RUNG_WIDTH: usize = 14;

fn text(report: &PingReport, verbose: bool) -> String {
    let names = report.jump_hosts.iter().map(|hop| hop.name.as_str());
    let names = names.chain(report.hosts.iter().map(|host| host.host.as_str()));
    let width = names.map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for hop in &report.jump_hosts {
        jump_host(&mut text, hop, width, verbose);
    }
    let mut told: Vec<(&str, &str)> = Vec::new();
    for host in &report.hosts {
        self::host(&mut text, host, report, width, verbose, &mut told);
    }
    let reached = report.hosts.iter().filter(|host| host.outcome == Reached::Reached).count();
    let _ = write!(
        text,
        "{}  {}   {}",
        styled(BOLD, &report.cluster),
        summary(reached, report.hosts.len()),
        styled(DIM, format_args!("{:.1} s", std::time::Duration::from_millis(report.milliseconds).as_secs_f64()))
    );
    text
}

fn summary(reached: usize, all: usize) -> String {
    let hosts = |number: usize| if number == 1 { "1 host".to_owned() } else { format!("{number} hosts") };
    match all - reached {
        0 => format!("{} reached", hosts(all)),
        unknown => format!("{reached} of {} reached, {unknown} unknown", hosts(all)),
    }
}

fn jump_host(text: &mut String, hop: &JumpHostPing, width: usize, verbose: bool) {
    let behind = hop.behind.as_ref().map(|before| format!(", behind {before}")).unwrap_or_default();
    let plain = format!("jump host{behind}");
    let what = styled(DIM, &plain);
    let name = format!("{:width$}", hop.name);
    match (hop.outcome, &hop.broken) {
        (Reached::Reached, _) => {
            let total = hop.rungs.iter().map(|rung| rung.milliseconds).sum();
            let _ = writeln!(text, "{name}  {}", well(total, &hop.rungs, &plain));
        }
        (_, Some(broken)) => {
            let _ = writeln!(text, "{name}  {}  {what}", styled(RED, words(broken)));
        }
        (_, None) => {
            let _ = writeln!(text, "{name}  {}  {what}", styled(YELLOW, "not tried"));
        }
    }
    if verbose || hop.broken.is_some() {
        ladder(text, &hop.rungs, hop.broken.as_ref());
    }
}

fn host<'r>(
    text: &mut String,
    host: &'r HostPing,
    report: &PingReport,
    width: usize,
    verbose: bool,
    told: &mut Vec<(&'r str, &'r str)>,
) {
    let name = format!("{:width$}", host.host.as_str());
    let through = match host.jump.as_slice() {
        [] => String::new(),
        hops => format!("through {}", hops.join(", ")),
    };
    let Some(broken) = &host.broken else {
        let own = host.rungs.iter().map(|rung| rung.milliseconds).sum();
        let _ = writeln!(text, "{name}  {}", well(own, &host.rungs, &through));
        if verbose {
            ladder(text, &host.rungs, None);
        }
        for warning in &host.warnings {
            let _ = writeln!(text, "  {} {} [{}]", styled(YELLOW, "warning:"), warning.cause, warning.code);
            if let Some(hint) = &warning.hint {
                let _ = writeln!(text, "    hint: {hint}");
            }
        }
        return;
    };
    if let Some(hop) = broken.jump_host.as_deref() {
        // What the jump host's own ladder tells, or another host's has told, is not told again.
        let shown = report.jump_hosts.iter().any(|known| known.name == hop && known.broken.is_some());
        let again = told.contains(&(hop, broken.failure.code));
        if shown || again {
            let unknown = format!("unknown: behind jump host {hop}");
            let _ = writeln!(text, "{name}  {}", styled(RED, unknown));
            return;
        }
        told.push((hop, broken.failure.code));
    }
    let through = if through.is_empty() { through } else { format!("  {}", styled(DIM, through)) };
    let at = broken.jump_host.as_ref().map(|hop| format!(" at jump host {hop}")).unwrap_or_default();
    let _ = writeln!(text, "{name}  {}{through}", styled(RED, format_args!("{}{at}", words(broken))));
    ladder(text, &host.rungs, Some(broken));
}

fn words(broken: &BrokenRung) -> String {
    broken.rung.map_or_else(|| "unknown".to_owned(), |rung| format!("unknown: {rung}"))
}

/// The total and the slowest rung: what a glance is for.
fn well(total: f64, rungs: &[RungReport], more: &str) -> String {
    let slowest = rungs.iter().max_by(|one, other| one.milliseconds.total_cmp(&other.milliseconds));
    let slowest = slowest.map(|rung| format!("slowest: {} {}", rung.rung, time(rung.milliseconds))).unwrap_or_default();
    let rest = format!("{slowest:33}  {more}");
    format!("{}  {:>8}  {}", styled(GREEN, "reached"), time(total), styled(DIM, rest.trim_end()))
}

/// Rung by rung from below, and what is to be done about the broken one.
fn ladder(text: &mut String, rungs: &[RungReport], broken: Option<&BrokenRung>) {
    for RungReport { rung, milliseconds, note } in rungs {
        let line = format!("{:RUNG_WIDTH$}  {:>8}  {note}", rung.to_string(), time(*milliseconds));
        let _ = writeln!(text, "    {}", line.trim_end());
    }
    let Some(BrokenRung { rung, milliseconds, failure, .. }) = broken else { return };
    let rung = rung.map(|rung| rung.to_string()).unwrap_or_default();
    let cause = failure.cause.trim_end().replace('\n', "\n      ");
    let code = styled(DIM, format_args!("[{}]", failure.code));
    let rung = styled(RED, format_args!("{rung:RUNG_WIDTH$}"));
    let _ = writeln!(text, "    {rung}  {:>8}  {cause} {code}", time(*milliseconds));
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "      hint: {}", hint.trim_end().replace('\n', "\n      "));
    }
}

/// Seconds where milliseconds would have too many digits.
fn time(milliseconds: f64) -> String {
    match milliseconds {
        long if long >= 10_000.0 => format!("{:.1} s", long / 1000.0),
        short if short < 9.95 => format!("{short:.1} ms"),
        other => format!("{other:.0} ms"),
    }
}
