//! `hactl hosts facts`: what is on each host.

use super::table::table;
use super::{print, reaches, teller, trouble};
use crate::cli::Refusal;
use crate::cli::arguments::{HostsRun, Talk};
use crate::cli::console::{BOLD, Console, styled};
use crate::cli::session::{Session, block_on};
use crate::orchestration::Exit;
use crate::orchestration::hosts::{FactsReport, HostFactsReport, facts as ask};
use crate::steps::facts::{Disk, HostFacts, Java};

pub(super) fn facts(arguments: &HostsRun, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let session = Session::open(&arguments.which, console)?;
    let reaches = reaches(&session, arguments, console)?;
    let told = teller::<HostFactsReport>(talk, console);
    let reports = block_on(console, async |stop| {
        let mut reports = Vec::new();
        for reach in &reaches {
            reports.push(ask(reach, told.clone(), &stop).await);
        }
        Ok(reports)
    })?;
    let exit = reports.iter().map(FactsReport::exit).fold(Exit::Success, Exit::and);
    let several = reports.len() > 1;
    Ok(print(talk, console, exit, &reports, |report| text(report, several)))
}

fn text(report: &FactsReport, several: bool) -> String {
    let mut parts = Vec::new();
    if several {
        parts.push(styled(BOLD, &report.cluster));
    }
    for HostFactsReport { host, facts, failure } in &report.hosts {
        if let Some(failure) = failure {
            parts.push(format!("{host}  {}", trouble(failure)));
        }
        if let Some(facts) = facts {
            let rows: Vec<Vec<String>> =
                rows(facts).into_iter().map(|(key, value)| vec![String::new(), key.to_owned(), value]).collect();
            parts.push(format!("{}\n{}", styled(BOLD, host), table(&rows)));
        }
    }
    parts.join("\n")
}

/// What a host told, a line each; what it did not tell has none.
fn rows(facts: &HostFacts) -> Vec<(&'static str, String)> {
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    let mut row = |key, parts: &[Option<String>]| {
        let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
        if !parts.is_empty() {
            rows.push((key, parts.join(", ")));
        }
    };
    let after = |before: &str, text: &Option<String>| text.as_ref().map(|text| format!("{before} {text}"));
    let kernel = after("kernel", &facts.kernel);
    row("system", &[facts.system.clone(), kernel, facts.architecture.clone(), facts.libc.clone()]);
    row("runs", &[after("init", &facts.init), after("sh is", &facts.shell), after("as", &facts.user)]);
    let processors = facts.processors.map(|count| format!("{count} processors"));
    row("machine", &[processors, facts.memory_kb.map(|kb| format!("{} of memory", size(kb)))]);
    for disk in &facts.disks {
        row("disk", &[Some(disk_words(disk))]);
    }
    if let Some(java) = &facts.java {
        row("java", &[Some(java_words(java))]);
    }
    for jdk in &facts.jdks {
        row("jdk", &[Some(format!("{} in {}", jdk.version.as_deref().unwrap_or("unknown version"), jdk.home))]);
    }
    row("time", &[facts.zone.clone(), facts.clock_ahead.map(|ahead| clock(ahead, facts.clock_uncertainty))]);
    let apparmor = facts.apparmor.map(|on| format!("AppArmor {}", if on { "enabled" } else { "disabled" }));
    row("guards", &[facts.selinux.map(|mode| format!("SELinux {mode}")), apparmor]);
    row("limits", &[after("open files", &facts.open_files), after("processes", &facts.processes)]);
    row("addresses", &facts.addresses.iter().cloned().map(Some).collect::<Vec<_>>());
    rows
}

fn disk_words(disk: &Disk) -> String {
    let of = match disk.of {
        "product" => "the product",
        "state" => "hactl's own folder",
        _ => "temporary files",
    };
    format!("{} of {} free on {} for {of}", size(disk.free_kb), size(disk.size_kb), disk.mount)
}

fn java_words(java: &Java) -> String {
    match (&java.home, java.version) {
        (None, _) => "JAVA_HOME is unset, and the inventory names none".to_owned(),
        (Some(home), Some(version)) => format!("JDK {version} in {home} starts the product"),
        (Some(home), None) => format!("none that runs in {home}, which is to start the product"),
    }
}

fn clock(ahead: f64, uncertainty: Option<f64>) -> String {
    let uncertainty = uncertainty.unwrap_or_default();
    match ahead.abs() {
        near if near <= uncertainty.max(0.1) => "clock as this machine's".to_owned(),
        seconds => format!("clock {seconds:.1} s {} this machine's", if ahead > 0.0 { "ahead of" } else { "behind" }),
    }
}

/// Kilobytes in the unit that people count in.
fn size(kb: u64) -> String {
    match kb {
        large if large >= 1_000_000 => format!("{}.{} GB", large / 1_000_000, large / 100_000 % 10),
        small => format!("{} MB", small / 1000),
    }
}
