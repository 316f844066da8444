//! A preflight for people: what the rules say, host by host.

use std::fmt::Write as _;

use super::console::{BOLD, DIM, RED, YELLOW, styled};
use super::progress::shown;
use crate::model::inventory::Severity;
use crate::orchestration::{FindingReport, Outcome, Report};

/// What a preflight found.
pub(super) fn preflight(report: &Report) -> String {
    let (mut text, mut hints) = (String::new(), Vec::new());
    if !report.findings.is_empty() {
        let _ = writeln!(text, "{}", styled(BOLD, "inventory"));
        report.findings.iter().for_each(|finding| finding_lines(&mut text, finding));
    }
    for host in &report.hosts {
        let _ = writeln!(text, "{}  {}", styled(BOLD, &host.host), shown(&host.outcome));
        host.findings.iter().for_each(|finding| finding_lines(&mut text, finding));
        for failure in &host.failures {
            let _ = writeln!(text, "  {} {} [{}]", styled(RED, "error:"), failure.cause, failure.code);
            // What is to be done about forty hosts is said once.
            if let Some(hint) = failure.hint.as_ref().filter(|hint| !hints.contains(hint)) {
                let _ = writeln!(text, "    hint: {hint}");
                hints.push(hint);
            }
        }
    }
    let all = || report.hosts.iter().flat_map(|host| &host.findings).chain(&report.findings);
    let count = |severity| all().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let unknown = report.hosts.iter().filter(|host| matches!(host.outcome, Outcome::Unknown(_))).count();
    let unknown = if unknown > 0 { format!(", {} unknown", plural(unknown, "host")) } else { String::new() };
    let verdict = match (errors, warnings) {
        (0, 0) => format!("{} checked, nothing found", plural(report.hosts.len(), "host")),
        _ => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    };
    let stop = if errors > 0 { "; `hactl apply` would stop before any change" } else { "" };
    let explain = all().next().map(|one| format!("   hactl explain {}", one.rule)).unwrap_or_default();
    let _ = write!(text, "{}  {verdict}{unknown}{stop}{}", styled(BOLD, &report.cluster), styled(DIM, explain));
    text
}

fn finding_lines(text: &mut String, finding: &FindingReport) {
    let (style, word) = match finding.severity {
        Severity::Error => (RED, "error"),
        Severity::Warning => (YELLOW, "warning"),
    };
    let place = finding.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
    let word = styled(style, format_args!("{word} {}:", finding.rule));
    let _ = writeln!(text, "  {word} {place}{}", finding.cause);
    if let Some(hint) = &finding.hint {
        let _ = writeln!(text, "    hint: {hint}");
    }
}

fn plural(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
