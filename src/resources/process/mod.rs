//! The product's process: it runs, with the configuration that is on the host.

mod judge;
mod pattern;
mod read;
mod state;

pub use state::{Failure, Life, Member, NodeState};

use self::judge::{Judged, judge};
use self::read::Told;
use super::failure::explain_failure;
use super::{AssessError, Assessment, Change, Resource, Seen};
use crate::model::profile::{LogFacts, Ports, ProcessFacts};
use crate::model::{RemotePath, Script, quote};

const SHARED: &str = include_str!("shared.sh");
const LOOK: &str = include_str!("look.sh");
const MEND: &str = include_str!("mend.sh");

/// The product's process at one home.
///
/// A restart is a state: the process was started with the configuration that is on the host now. What it was started with
/// is told by a fingerprint in its environment, and where hactl did not start it, by its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    home: RemotePath,
    facts: ProcessFacts,
    ports: Ports,
    offset: Option<u16>,
    start_script: String,
    pid_file: RemotePath,
    configuration: RemotePath,
    java_home: Option<RemotePath>,
    run_as: Option<String>,
    unit: Option<Unit>,
    salt: String,
    start_timeout: u32,
    stop_timeout: u32,
}

/// A unit of systemd that the process belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name, with `.service`.
    pub name: String,
    /// Its file.
    pub file: RemotePath,
}

/// Where the product is, relative to its home unless it begins with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Its home.
    pub home: RemotePath,
    /// The script that starts it, relative to its home.
    pub start_script: String,
    /// The file that it writes its process id into.
    pub pid_file: RemotePath,
    /// Its configuration file.
    pub configuration: RemotePath,
}

impl Process {
    /// The process of the product at these places.
    pub fn new(places: Places, facts: ProcessFacts, ports: Ports) -> Self {
        let Places { home, start_script, pid_file, configuration } = places;
        let (start_timeout, stop_timeout) = (facts.start_timeout, facts.stop_timeout);
        Self {
            home,
            facts,
            ports,
            offset: None,
            start_script,
            pid_file,
            configuration,
            java_home: None,
            run_as: None,
            unit: None,
            salt: String::new(),
            start_timeout,
            stop_timeout,
        }
    }

    /// What its ports are shifted by; `None`: what the configuration on the host says.
    #[must_use]
    pub fn offset(mut self, offset: Option<u16>) -> Self {
        self.offset = offset;
        self
    }

    /// The JDK; `None`: that of the session.
    #[must_use]
    pub fn java_home(mut self, java_home: Option<RemotePath>) -> Self {
        self.java_home = java_home;
        self
    }

    /// The user; `None`: the owner of its home.
    #[must_use]
    pub fn run_as(mut self, run_as: Option<String>) -> Self {
        self.run_as = run_as;
        self
    }

    /// It belongs to a unit of systemd instead of being started by its script.
    #[must_use]
    pub fn unit(mut self, unit: Option<Unit>) -> Self {
        self.unit = unit;
        self
    }

    /// A text that goes into the fingerprint: with another one, the process is to be started again.
    #[must_use]
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = salt.into();
        self
    }

    /// Within how many seconds it is ready, and within how many it ends.
    #[must_use]
    pub fn timeouts(mut self, start: u32, stop: u32) -> Self {
        (self.start_timeout, self.stop_timeout) = (start, stop);
        self
    }

    /// What it was started with that is in no file.
    fn words(&self) -> String {
        let java = self.java_home.as_ref().map_or("-", RemotePath::as_str);
        let by = self.unit.as_ref().map_or("script", |unit| &unit.name);
        format!("java {java}\nuser {}\nby {by}\nsalt {}", self.run_as.as_deref().unwrap_or("-"), self.salt)
    }

    /// The files that it reads when it starts, as patterns.
    fn patterns(&self) -> Vec<String> {
        let mut all = self.facts.reads.clone();
        // Where a package manager puts a newer JDK in the place of the one that runs.
        all.extend(self.java_home.as_ref().map(|java| format!("{java}/release")));
        all.extend(self.unit.as_ref().map(|unit| unit.file.to_string()));
        all
    }

    fn path_of(&self, relative: &str) -> String {
        if relative.starts_with('/') { relative.to_owned() } else { format!("{}/{relative}", self.home) }
    }

    fn unit_name(&self) -> &str {
        self.unit.as_ref().map_or("-", |unit| &unit.name)
    }

    fn java(&self) -> &str {
        self.java_home.as_ref().map_or("-", RemotePath::as_str)
    }

    fn user(&self) -> &str {
        self.run_as.as_deref().unwrap_or("-")
    }

    /// What the change is, from how the process was found; `None` when nothing is to be done.
    fn change(&self, told: &Told, life: &Life) -> Option<String> {
        let short = |print: &str| format!("{}…", print.get(..4).unwrap_or(print));
        if told.processes.is_empty() {
            return Some(match &told.pid_file {
                Some(read::PidFile { whose, pid, name }) if matches!(whose.as_str(), "foreign" | "zombie") => {
                    let what = if whose == "zombie" { "has ended" } else { "is another program" };
                    let file = self.pid_file.file_name();
                    format!("start, with {file} out of the way, which names process {pid} ({name}), and that {what}")
                }
                _ => "start".to_owned(),
            });
        }
        if let [_, _, ..] = told.processes.as_slice() {
            let pids: Vec<String> = told.processes.iter().map(|process| process.pid.to_string()).collect();
            return Some(format!("restart: {} processes run from one home: {}", pids.len(), pids.join(", ")));
        }
        if let Life::Failed(failure) = life {
            return Some(format!("restart: {}", failure.cause));
        }
        match (&told.fingerprint, &told.wanted, &told.changed, told.since) {
            (Some(started), wanted, ..) if started != wanted => {
                Some(format!("restart: started with {}, wants {}", short(started), short(wanted)))
            }
            (None, _, Some((time, file)), Some(since)) if *time > since => {
                Some(format!("restart: started {} before {file} was changed", duration(time.saturating_sub(since))))
            }
            _ => None,
        }
    }

    fn stop(&self, told: &Told, mend: &mut Script) {
        for process in &told.processes {
            let (pid, started) = (process.pid.to_string(), process.started.to_string());
            let timeout = self.stop_timeout.to_string();
            let mut words = vec![pid.as_str(), &started, &timeout, self.home.as_str(), &self.start_script, self.java()];
            words.extend([self.user(), self.pid_file.as_str(), self.unit_name()]);
            words.extend(self.facts.stop.iter().map(String::as_str));
            mend.call("hactl_stop_process", &words);
        }
    }

    fn start(&self, mend: &mut Script) {
        mend.line(&format!("HACTL_READS={}", quote(&self.patterns().join("\n"))));
        let words_of_start = self.words();
        let mut words = vec![self.home.as_str(), &self.start_script, self.java(), self.user(), self.pid_file.as_str()];
        words.extend([self.unit_name(), &self.facts.main, &words_of_start]);
        words.extend(self.facts.start.iter().map(String::as_str));
        mend.call("hactl_start_process", &words);
    }
}

impl Resource for Process {
    fn id(&self) -> String {
        format!("process:{}", self.home)
    }

    fn place(&self) -> Option<&RemotePath> {
        Some(&self.home)
    }

    fn reads(&self, place: &RemotePath) -> bool {
        self.patterns().iter().any(|pattern| pattern::fits(&self.path_of(pattern), place.as_str()))
    }

    fn probe(&self, script: &mut Script) {
        script.line(SHARED);
        script.line(LOOK);
        let (home, facts) = (self.home.as_str(), &self.facts);
        script.call("hactl_look_home", &[home]);
        script.call("hactl_look_processes", &[home, &facts.main]);
        script.call("hactl_look_pid_file", &[self.pid_file.as_str()]);
        let (words, patterns) = (self.words(), self.patterns());
        let mut wanted = vec![home, words.as_str(), "changed"];
        wanted.extend(patterns.iter().map(String::as_str));
        script.call("hactl_look_wanted", &wanted);
        let offset = self.offset.map_or("-".to_owned(), |offset| offset.to_string());
        let shipped = self.ports.offset.to_string();
        script.call("hactl_look_offset", &[&offset, self.configuration.as_str(), &shipped]);
        script.call("hactl_look_ports", &[&self.ports.https.to_string(), &self.ports.http.to_string()]);
        script.line(&format!("hactl_texts={}", quote(&texts(&facts.log))));
        script.call("hactl_look_log", &[&self.path_of(&facts.log.file), &self.path_of(&facts.log.rotated)]);
        let ready = &facts.readiness;
        let headers: Vec<String> = ready.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let (https, http) = (self.ports.https.to_string(), self.ports.http.to_string());
        let mut words = vec![ready.method.as_str(), &ready.path, &https, &http, &ready.contains];
        words.extend(headers.iter().map(String::as_str));
        script.call("hactl_look_answer", &words);
        if let Some(unit) = &self.unit {
            script.call("hactl_look_unit", &[&unit.name]);
        }
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        if seen.status != 0 {
            return Err(explain_failure("cannot-look", seen.stderr, seen.status));
        }
        let told = Told::read(&String::from_utf8_lossy(seen.stdout))?;
        if !told.home {
            let cause = format!("there is no product at {}", self.home);
            let hint = "unpack it there, or name its pack under `product.pack`";
            return Err(AssessError::new("product-missing", cause).hint(hint));
        }
        let Judged { node, mut warnings } = judge(self, &told);
        let mut assessment = Assessment::default();
        let change = self.change(&told, &node.life);
        if let Some(unit) = &self.unit
            && !told.enabled
        {
            assessment.changes.push(Change::new(format!("enable {}", unit.name)));
        }
        if change.is_some() || !assessment.changes.is_empty() {
            assessment.mend.line(SHARED);
            assessment.mend.line(MEND);
        }
        if let Some(unit) = self.unit.as_ref().filter(|_| change.is_some() || !told.enabled) {
            assessment.mend.call("hactl_enable_unit", &[&unit.name]);
        }
        if let Some(change) = change {
            assessment.changes.push(Change::new(change));
            self.stop(&told, &mut assessment.mend);
            self.start(&mut assessment.mend);
        }
        assessment.because = because(&node);
        assessment.warnings.append(&mut warnings);
        assessment.node = Some(node);
        Ok(assessment)
    }
}

/// The texts that are looked for in a log, each behind its kind, a line each.
fn texts(log: &LogFacts) -> String {
    let many = |kind: &'static str, texts: &[String]| texts.iter().map(move |text| format!("{kind} {text}")).collect();
    let mut all: Vec<String> = many("begins", &log.begins);
    all.extend(many("stops", &log.stops));
    for (kind, text) in [
        ("started", &log.started),
        ("clustering", &log.clustering),
        ("local", &log.local_member),
        ("joined", &log.member_joined),
        ("left", &log.member_left),
        ("elected", &log.elected),
    ] {
        all.push(format!("{kind} {text}"));
    }
    all.extend(many("failed", &log.failed));
    all.push(format!("caused {}", log.caused));
    all.join("\n")
}

/// How the process was found, in one line.
fn because(node: &NodeState) -> String {
    let pid = node.pid.map(|pid| format!("process {pid} ")).unwrap_or_default();
    match &node.life {
        Life::Absent => "it does not run".to_owned(),
        Life::Starting { seconds, waits_for } => {
            format!("{pid}is {} old and waits for {waits_for}", duration(*seconds))
        }
        Life::Ready { .. } => format!("{pid}serves, {} old", duration(node.uptime.unwrap_or_default())),
        Life::Failed(failure) if node.pid.is_none() => format!("the last start has failed: {}", failure.cause),
        Life::Failed(failure) => format!("{pid}has failed: {}", failure.cause),
    }
}

/// Seconds, as a person says them.
fn duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}
