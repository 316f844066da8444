//! What a run did, kept on the controller: one folder per run, one line of JSON per event.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::{Event, Report, RunId};
use crate::model::Redactor;

/// Why the journal of a run can't be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct JournalError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub cause: String,
}

/// What a run was asked to do: enough to do it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub run: String,
    /// When it began: UTC, as RFC 3339 writes it.
    pub at: String,
    /// The command, such as `apply`.
    pub command: String,
    /// The cluster's name.
    pub cluster: String,
    /// The inventory file, absolute.
    pub inventory: PathBuf,
    /// The playbook file, where it was not the built-in one; absolute.
    pub playbook: Option<PathBuf>,
    /// `--limit`, `--step` and `--skip-step` as they were given.
    pub limit: Vec<String>,
    /// See `limit`.
    pub steps: Vec<String>,
    /// See `limit`.
    pub skip_steps: Vec<String>,
    /// Whether and how it ended; `None` when it never came to its end.
    #[serde(skip_deserializing, default)]
    pub end: Option<RunEnd>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Its exit code.
    pub exit: u8,
    /// How many changes it made.
    pub changes: usize,
    /// Each host and its outcome, such as `changed`.
    pub hosts: Vec<(String, String)>,
}

impl RunRecord {
    /// The hosts that were not brought to what is wanted: what `--resume` takes up again. `None`: nothing is known, so all.
    pub fn unfinished(&self) -> Option<Vec<String>> {
        let end = self.end.as_ref()?;
        let done = |outcome: &str| matches!(outcome, "in_place" | "changed");
        Some(end.hosts.iter().filter(|(_, outcome)| !done(outcome)).map(|(host, _)| host.clone()).collect())
    }

    /// The hosts on which it may have changed something: what a rollback looks at. `None`: nothing is known, so all.
    pub fn touched(&self) -> Option<Vec<String>> {
        let end = self.end.as_ref()?;
        // What failed or was not reached may have been through an earlier stage.
        Some(end.hosts.iter().filter(|(_, outcome)| outcome != "in_place").map(|(host, _)| host.clone()).collect())
    }

    /// The hosts on which it is known to have changed something.
    pub fn changed(&self) -> Vec<String> {
        let hosts = self.end.iter().flat_map(|end| &end.hosts);
        hosts.filter(|(_, outcome)| outcome == "changed").map(|(host, _)| host.clone()).collect()
    }
}

/// The journal of a run, open for writing.
#[derive(Clone)]
pub struct Journal {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    redactor: Arc<Redactor>,
}

impl Journal {
    /// Makes the run's folder below `runs`, and begins its journal with `record`.
    ///
    /// # Errors
    /// When the folder or the file can't be made.
    pub fn begin(runs: &Path, record: &RunRecord, redactor: Arc<Redactor>) -> Result<Self, JournalError> {
        let folder = runs.join(&record.run);
        let path = folder.join("journal.jsonl");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| JournalError { path, cause: error.to_string() }
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path).map_err(failed(&path))?;
        let journal = Self { path: path.clone(), file: Arc::new(Mutex::new(file)), redactor };
        let line = serde_json::json!({ "begun": record });
        journal.line(&line).map_err(failed(&path))?;
        Ok(journal)
    }

    /// Keeps an event.
    pub fn event(&self, event: &Event) {
        let at = jiff::Timestamp::now().to_string();
        if let Ok(serde_json::Value::Object(mut line)) = serde_json::to_value(event) {
            line.insert("at".to_owned(), at.into());
            // A journal that can't be written any more must not stop a run that mends hosts: the end says so.
            let _ = self.line(&line.into());
        }
    }

    /// Keeps a line of another kind.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn note(&self, line: &serde_json::Value) -> Result<(), JournalError> {
        self.line(line).map_err(|error| JournalError { path: self.path.clone(), cause: error.to_string() })
    }

    /// Ends the journal with what the run came to.
    ///
    /// # Errors
    /// When it can't be written: then `hactl runs` will say that the run never ended.
    pub fn end(&self, report: &Report) -> Result<(), JournalError> {
        let name = |outcome: &super::Outcome| {
            let value = serde_json::to_value(outcome).unwrap_or_default();
            value.get("outcome").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
        };
        let hosts = report.hosts.iter().map(|host| (host.host.to_string(), name(&host.outcome))).collect();
        let end = RunEnd { exit: report.exit().code(), changes: report.changes(), hosts };
        let line = serde_json::json!({ "ended": end, "report": report });
        let failed = |error: std::io::Error| JournalError { path: self.path.clone(), cause: error.to_string() };
        self.line(&line).map_err(failed)
    }

    fn line(&self, line: &serde_json::Value) -> std::io::Result<()> {
        let mut text = self.redactor.clean(line.to_string());
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(text.as_bytes())
    }
}

/// Every run below `runs`, the newest first. A folder without a readable journal is left out.
///
/// # Errors
/// When the folder is there and can't be read.
pub fn list_runs(runs: &Path) -> Result<Vec<RunRecord>, JournalError> {
    let failed = |error: std::io::Error| JournalError { path: runs.to_owned(), cause: error.to_string() };
    let folders = match std::fs::read_dir(runs) {
        Ok(folders) => folders,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut records: Vec<RunRecord> =
        folders.flatten().filter_map(|folder| read_journal(&folder.path().join("journal.jsonl")).ok()).collect();
    records.sort_by(|a, b| b.run.cmp(&a.run));
    Ok(records)
}

/// One run.
///
/// # Errors
/// When there is no such run, or its journal can't be read.
pub fn read_run(runs: &Path, run: &RunId) -> Result<RunRecord, JournalError> {
    read_journal(&runs.join(run.as_str()).join("journal.jsonl"))
}

fn read_journal(path: &Path) -> Result<RunRecord, JournalError> {
    #[derive(Deserialize)]
    struct Line {
        begun: Option<RunRecord>,
        ended: Option<RunEnd>,
    }
    let failed = |cause: String| JournalError { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed("there is no such run on this machine".to_owned()),
        _ => failed(error.to_string()),
    })?;
    let mut record: Option<RunRecord> = None;
    for line in text.lines() {
        // The last line of a run that was killed may be cut off.
        let Ok(Line { begun, ended }) = serde_json::from_str(line) else {
            continue;
        };
        record = begun.or(record);
        if let (Some(record), Some(end)) = (&mut record, ended) {
            record.end = Some(end);
        }
    }
    record.ok_or_else(|| failed("does not say which run it is of".to_owned()))
}
