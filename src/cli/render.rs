//! A report for people: the plan as a redacted diff per host, what a run came to, and what went wrong.

use std::fmt::Write as _;

use super::console::{BOLD, DIM, RED, YELLOW, styled};
use super::progress::shown;
use crate::model::HostName;
use crate::orchestration::{Failure, HostReport, ItemReport, Outcome, Report, StageReport};

/// What a plan found.
pub(super) fn plan(report: &Report, verbose: bool) -> String {
    let mut text = String::new();
    let mut told = Before::default();
    for host in &report.hosts {
        let notable =
            !matches!(host.outcome, Outcome::InPlace) || host.items.iter().any(|item| !item.warnings.is_empty());
        if notable || verbose {
            host_lines(&mut text, host, verbose, &mut told);
        }
    }
    let differ = count(report, |outcome| matches!(outcome, Outcome::Differs { .. }));
    let line = match (report.changes(), differ) {
        (0, _) => in_place_line(report),
        (changes, differ) => {
            let what = format!("{} on {}", plural(changes, "change"), plural(differ, "host"));
            let outlook = match (trouble(report), report.command) {
                // An apply would stop at these hosts.
                (trouble, _) if !trouble.is_empty() => format!("{trouble}."),
                (_, "rollback") => " to undo the run.".to_owned(),
                _ => "; `hactl apply` would make them.".to_owned(),
            };
            format!("{}  {what}{outlook}", styled(BOLD, &report.cluster))
        }
    };
    let _ = write!(text, "{line}{}", tail(report));
    text
}

/// What an apply, or a rollback, came to.
pub(super) fn run(report: &Report, verbose: bool) -> String {
    let (mut text, mut told) = (String::new(), Before::default());
    for host in &report.hosts {
        let warned = host.items.iter().any(|item| !item.warnings.is_empty());
        if warned || verbose {
            host_lines(&mut text, host, verbose, &mut told);
        } else if !host.failures.is_empty() {
            // What was to be changed is `hactl plan`'s to show; here it would bury what went wrong.
            host_line(&mut text, host, verbose);
            host.failures.iter().for_each(|failure| failure_lines(&mut text, host, failure, &mut told));
        } else if let Outcome::NotReached { because } = &host.outcome {
            let _ = writeln!(text, "{}  {}: {because}", host.host, shown(&host.outcome));
        }
    }
    for stage in &report.stages {
        let hosts: Vec<String> = stage
            .hosts
            .iter()
            .map(|(host, outcome)| format!("{host} {}{}", shown(outcome), note(stage, host)))
            .collect();
        // A crowd is counted, a few are named.
        let hosts = if hosts.len() > 6 { plural(hosts.len(), "host") } else { hosts.join("   ") };
        let seconds = styled(DIM, format_args!("{:.1} s", seconds(stage.milliseconds)));
        let _ = writeln!(text, "{:24}  {hosts}   {seconds}", stage.name);
    }
    if let Some(proof) = &report.proof {
        let seconds = styled(DIM, format_args!("{:.1} s", seconds(proof.milliseconds)));
        match &proof.failure {
            None => {
                let _ = writeln!(text, "{:24}  {}   {seconds}", "Prove it", proof.words);
            }
            Some(failure) => failure_line(&mut text, &report.cluster, failure, &mut told),
        }
    }
    // Also those that something went wrong on afterwards: the changes are there.
    let changed = report.hosts.iter().filter(|host| host.made > 0).count();
    let failed = count(report, |outcome| matches!(outcome, Outcome::Failed(_)));
    // What could not be looked at has not failed: the two are kept apart, here as in the exit code.
    let unknown = match count(report, |outcome| matches!(outcome, Outcome::Unknown(_))) {
        0 => String::new(),
        hosts => format!(", {hosts} unknown"),
    };
    let refuted = report.proof.as_ref().is_some_and(|proof| proof.failure.is_some());
    let well = !refuted && !report.hosts.iter().any(|host| host.outcome.is_failure()) && report.interrupted.is_none();
    let quiet = !refuted && report.hosts.iter().all(|host| host.outcome == Outcome::InPlace);
    let line = if quiet {
        in_place_line(report)
    } else {
        let undo = match (&report.run, report.changes()) {
            (Some(run), 1..) if report.command == "apply" => format!("   undo: hactl rollback {run}"),
            _ => String::new(),
        };
        format!(
            "{}: {} on {}, {failed} failed{unknown}{}{}",
            styled(BOLD, if well { "done" } else { "not done" }),
            plural(report.changes(), "change"),
            plural(changed, "host"),
            not_reached(report),
            styled(DIM, undo)
        )
    };
    let _ = write!(text, "{line}{}", tail(report));
    text
}

/// One line per host, below the cluster's name where there are several.
pub(super) fn status(report: &Report, several: bool) -> String {
    let width = report.hosts.iter().map(|host| host.host.as_str().len()).max().unwrap_or_default();
    let mut text = if several { format!("{}\n", styled(BOLD, &report.cluster)) } else { String::new() };
    for host in &report.hosts {
        let why = match &host.outcome {
            Outcome::Failed(failure) | Outcome::Unknown(failure) => failure.cause.clone(),
            Outcome::NotReached { because } => because.clone(),
            Outcome::InPlace => format!("{} looked at", plural(host.looked_at, "item")),
            _ => host.items.iter().map(|item| item.id.clone()).collect::<Vec<_>>().join(", "),
        };
        let why = styled(DIM, why);
        let node = host.node.as_ref().map(|node| format!("  {}", node.words())).unwrap_or_default();
        let _ = writeln!(text, "{:width$}  {}{node}  {why}", host.host, shown(&host.outcome));
    }
    text.trim_end().to_owned()
}

/// What opened a host's gates.
fn note(stage: &StageReport, host: &HostName) -> String {
    let note = stage.notes.iter().find(|(name, _)| name == host);
    note.map(|(_, words)| format!(", {words}")).unwrap_or_default()
}

fn in_place_line(report: &Report) -> String {
    let name = styled(BOLD, &report.cluster);
    let hosts = count(report, |outcome| *outcome == Outcome::InPlace);
    if hosts == report.hosts.len() {
        format!("{name}  {} in place; nothing to do.", plural(hosts, "host"))
    } else {
        format!("{name}  {} in place{}.", plural(hosts, "host"), trouble(report))
    }
}

/// How many hosts went wrong, each way of it that there was.
fn trouble(report: &Report) -> String {
    let failed = count(report, |outcome| matches!(outcome, Outcome::Failed(_)));
    let unknown = count(report, |outcome| matches!(outcome, Outcome::Unknown(_)));
    let each = [(failed, "failed"), (unknown, "unknown")];
    let told: String =
        each.iter().filter(|(hosts, _)| *hosts > 0).map(|(hosts, how)| format!(", {hosts} {how}")).collect();
    told + &not_reached(report)
}

fn not_reached(report: &Report) -> String {
    match count(report, |outcome| matches!(outcome, Outcome::NotReached { .. })) {
        0 => String::new(),
        hosts => format!(", {hosts} not reached"),
    }
}

fn tail(report: &Report) -> String {
    format!("   {}", styled(DIM, format_args!("{:.1} s", seconds(report.milliseconds))))
}

fn host_lines<'r>(text: &mut String, host: &'r HostReport, verbose: bool, told: &mut Before<'r>) {
    host_line(text, host, verbose);
    for failure in &host.failures {
        failure_lines(text, host, failure, told);
    }
    for item in &host.items {
        item_lines(text, item);
    }
}

fn host_line(text: &mut String, host: &HostReport, verbose: bool) {
    let _ = write!(text, "{}  {}", styled(BOLD, &host.host), shown(&host.outcome));
    if verbose {
        let spent = format!(
            "{} looked at, {}, {:.1} s",
            plural(host.looked_at, "item"),
            plural(host.execs as usize, "exec"),
            seconds(host.milliseconds)
        );
        let _ = write!(text, "  {}", styled(DIM, spent));
    }
    text.push('\n');
}

fn item_lines(text: &mut String, item: &ItemReport) {
    let steps: Vec<&str> = item.steps.iter().map(|step| step.0).collect();
    let because = if item.because.is_empty() { String::new() } else { format!(": {}", item.because) };
    let _ = writeln!(text, "  {}  {}{because}", item.id, styled(DIM, format_args!("[{}]", steps.join(", "))));
    for change in &item.changes {
        let _ = writeln!(text, "    {}", styled(YELLOW, &change.what));
        for line in change.diff.iter().flat_map(|diff| diff.lines()) {
            let _ = writeln!(text, "      {line}");
        }
    }
    for warning in &item.warnings {
        let _ = writeln!(text, "    {} {warning}", styled(YELLOW, "warning:"));
    }
}

/// What has been told before, and is not told again for each of forty hosts.
#[derive(Default)]
pub(super) struct Before<'r> {
    hops: Vec<&'r str>,
    hints: Vec<&'r str>,
}

impl<'r> Before<'r> {
    /// What went wrong at a jump host is told once, for the first of the hosts behind it; the others only name it.
    pub(super) fn again(&mut self, text: &mut String, whose: &str, failure: &'r Failure) -> bool {
        let Some(hop) = failure.hop() else { return false };
        if self.hops.contains(&hop) {
            let _ = writeln!(text, "{} {whose}: behind jump host {hop}, as above", styled(RED, "error:"));
            return true;
        }
        self.hops.push(hop);
        false
    }
}

/// What went wrong: host, step, item, cause, next move.
fn failure_lines<'r>(text: &mut String, host: &HostReport, failure: &'r Failure, told: &mut Before<'r>) {
    if !told.again(text, host.host.as_str(), failure) {
        failure_line(text, host.host.as_str(), failure, told);
    }
}

/// What went wrong, of a host or of the whole cluster. A hint that was given before is not repeated.
pub(super) fn failure_line<'r>(text: &mut String, whose: &str, failure: &'r Failure, told: &mut Before<'r>) {
    let step = failure.step.map(|step| format!("{step}: ")).unwrap_or_default();
    // A cause that names the place itself needs it said only once.
    let place = |item: &str| item.split_once(':').map_or(item, |(_, place)| place).to_owned();
    let item = failure.item.as_ref().filter(|item| !failure.cause.contains(&place(item)));
    let item = item.map(|item| format!("{item}: ")).unwrap_or_default();
    let code = styled(DIM, format_args!("[{}]", failure.code));
    let _ = writeln!(text, "{} {}: {step}{item}{} {code}", styled(RED, "error:"), whose, indented(&failure.cause));
    if !failure.not_reached.is_empty() {
        let _ = writeln!(text, "  not reached after it: {}", failure.not_reached.join(", "));
    }
    if let Some(hint) = failure.hint.as_deref().filter(|hint| !told.hints.contains(hint)) {
        let _ = writeln!(text, "  hint: {}", indented(hint));
        told.hints.push(hint);
    }
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

fn count(report: &Report, which: impl Fn(&Outcome) -> bool) -> usize {
    report.hosts.iter().filter(|host| which(&host.outcome)).count()
}

pub(super) fn plural(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}
