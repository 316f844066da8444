//! `hactl hosts facts`: what is on each host.

use super::table::table;
use super::{print, reaches, teller, trouble};
use crate::cli::Refusal;
use crate::cli::arguments::{HostsRun, Talk};
use crate::cli::console::{BOLD, Console, RED, styled};
use crate::cli::session::{Session, block_on};
use crate::model::HostName;
use crate::orchestration::Exit;
use crate::orchestration::hosts::{FactsReport, HostFactsReport, facts as ask};
use crate::steps::facts::{Disk, HostFacts, Java};

pub(super) fn facts(arguments: &HostsRun, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let session = Session::open(&arguments.which, console)?;
    let reaches = reaches(&session, arguments, console)?;
    let told = teller::<HostFactsReport>("host_facts", talk, console);
    let reports = block_on(console, async |stop| {
        let mut reports = Vec::new();
        for reach in &reaches {
            reports.push(ask(reach, told.clone(), &stop).await);
        }
        Ok(reports)
    })?;
    let exit = reports.iter().map(FactsReport::exit).fold(Exit::Success, Exit::and);
    let several = reports.len() > 1;
    Ok(print(talk, console, exit, &reports, |report| text(report, several, talk.verbose)))
}

fn text(report: &FactsReport, several: bool, verbose: bool) -> String {
    let mut parts = Vec::new();
    if several {
        parts.push(styled(BOLD, &report.cluster));
    }
    if verbose {
        let told = report.hosts.iter().filter_map(|told| Some((&told.host, told.facts.as_ref()?)));
        parts.extend(told.map(|(host, facts)| format!("{}\n{}", styled(BOLD, host), table(&lines(facts)))));
    } else {
        let head = ["HOST", "SYSTEM", "CPUS", "MEMORY", "FREE", "JAVA", "INIT", "CLOCK"];
        let told = report.hosts.iter().filter_map(|told| Some(cells(&told.host, told.facts.as_ref()?)));
        let rows: Vec<_> = std::iter::once(head.map(str::to_owned).to_vec()).chain(told).collect();
        if rows.len() > 1 {
            parts.push(table(&rows));
        }
    }
    let mut hops: Vec<&str> = Vec::new();
    for HostFactsReport { host, failure, .. } in &report.hosts {
        let Some(failure) = failure else { continue };
        match failure.hop() {
            Some(hop) if hops.contains(&hop) => {
                parts.push(format!("{host}  {} behind jump host {hop}, as above", styled(RED, "unknown:")));
            }
            hop => {
                hops.extend(hop);
                parts.push(format!("{host}  {}", trouble(failure)));
            }
        }
    }
    parts.join("\n")
}

/// What fits into one line: enough to see which host is not like the others.
fn cells(host: &HostName, facts: &HostFacts) -> Vec<String> {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let system = match (&facts.system_id, &facts.system_version) {
        (Some(id), Some(version)) => Some(format!("{id} {version}")),
        (id, _) => id.clone(),
    };
    let system = [system, facts.architecture.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let free = facts.disks.iter().map(|disk| disk.free_kb).min();
    let java = match &facts.java {
        Some(Java { version: Some(version), .. }) => Some(version.to_string()),
        Some(Java { home: None, .. }) => Some("unset".to_owned()),
        Some(_) => Some("broken".to_owned()),
        None => None,
    };
    vec![
        host.to_string(),
        dash(Some(system).filter(|system| !system.is_empty())),
        dash(facts.processors.map(|count| count.to_string())),
        dash(facts.memory_kb.map(size)),
        dash(free.map(size)),
        dash(java),
        dash(facts.init.clone()),
        dash(facts.clock_ahead.map(|ahead| clock(ahead, facts.clock_uncertainty))),
    ]
}

/// What a host told, a row each.
fn lines(facts: &HostFacts) -> Vec<Vec<String>> {
    rows(facts).into_iter().map(|(key, value)| vec![String::new(), key.to_owned(), value]).collect()
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
        // One disk is told once, with all that is on it.
        let first = facts.disks.iter().find(|other| other.mount == disk.mount);
        if first == Some(disk) {
            let all = facts.disks.iter().filter(|other| other.mount == disk.mount).map(what).collect::<Vec<_>>();
            row("disk", &[Some(format!("{}, with {}", disk_words(disk), all.join(", ")))]);
        }
    }
    if let Some(java) = &facts.java {
        row("java", &[Some(java_words(java))]);
    }
    for jdk in &facts.jdks {
        row("jdk", &[Some(format!("{} in {}", jdk.version.as_deref().unwrap_or("unknown version"), jdk.home))]);
    }
    row(
        "time",
        &[
            facts.zone.clone(),
            facts.clock_ahead.map(|ahead| format!("clock {} by this machine's", clock(ahead, facts.clock_uncertainty))),
        ],
    );
    let apparmor = facts.apparmor.map(|on| format!("AppArmor {}", if on { "enabled" } else { "disabled" }));
    row("guards", &[facts.selinux.map(|mode| format!("SELinux {mode}")), apparmor]);
    row("limits", &[after("open files", &facts.open_files), after("processes", &facts.processes)]);
    row("addresses", &facts.addresses.iter().cloned().map(Some).collect::<Vec<_>>());
    rows
}

fn disk_words(disk: &Disk) -> String {
    format!("{} of {} free on {}", size(disk.free_kb), size(disk.size_kb), disk.mount)
}

/// What is on a disk.
fn what(disk: &Disk) -> &'static str {
    match disk.of {
        "product" => "the product",
        "state" => "hactl's own folder",
        _ => "temporary files",
    }
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
        near if near <= uncertainty.max(0.1) => "right".to_owned(),
        seconds => format!("{seconds:.1} s {}", if ahead > 0.0 { "ahead" } else { "behind" }),
    }
}

/// Kilobytes in the unit that people count in.
fn size(kb: u64) -> String {
    match kb {
        large if large >= 1_000_000 => format!("{}.{} GB", large / 1_000_000, large / 100_000 % 10),
        small => format!("{} MB", small / 1000),
    }
}
