//! Files that go live together, once the program that reads them has judged all of them.
//!
//! They are staged in a copy of the whole configuration, and the program tests that copy. Then they are put in place, and
//! the program reads them anew; where it does not, the old ones are put back. That it has read them is noted on the host,
//! so that a run which dies in between is noticed by the next one.

mod found;
mod service;

pub use service::Service;

use std::sync::Arc;

use self::found::{Found, State};
use super::diff::masked_diff;
use super::{AssessError, Assessment, Change, Resource, Seen};
use crate::model::{Blob, RemotePath, Script, Secret, Sha256};

const FUNCTIONS: &str = include_str!("staged.sh");

/// Files that go live together, and the program that reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFiles {
    service: Service,
    /// The configuration is the last one: what it names is there before it.
    files: Vec<StagedFile>,
    mark: String,
}

/// One of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Where it goes: below the program's folder.
    pub path: RemotePath,
    /// What it holds.
    pub content: StagedContent,
    /// Its mode.
    pub mode: u32,
}

/// What a staged file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StagedContent {
    /// Text that may be shown.
    Text(String),
    /// Text of which nothing may be shown.
    Secret(Arc<Secret>),
    /// A file of the controller.
    Blob(Blob),
}

impl StagedContent {
    fn digest(&self) -> Sha256 {
        match self {
            Self::Text(text) => Sha256::of(text.as_bytes()),
            Self::Secret(secret) => Sha256::of(secret.expose().as_bytes()),
            Self::Blob(blob) => blob.sha256,
        }
    }
}

impl StagedFiles {
    /// The files `named` that the configuration names, and the configuration itself, whose text holds the line `mark`.
    pub fn new(
        service: Service,
        named: Vec<StagedFile>,
        configuration: RemotePath,
        text: String,
        mark: impl Into<String>,
    ) -> Self {
        let mut files = named;
        files.push(StagedFile { path: configuration, content: StagedContent::Text(text), mode: 0o644 });
        Self { service, files, mark: mark.into() }
    }

    /// The files, the configuration last.
    pub fn files(&self) -> &[StagedFile] {
        &self.files
    }

    fn paths(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.path.as_str()).collect()
    }

    fn configuration(&self) -> &str {
        self.files.last().map_or("", |file| file.path.as_str())
    }

    /// What `hactl_fingerprint` makes of the files as they are wanted.
    fn fingerprint(&self) -> String {
        let lines: String =
            self.files.iter().map(|file| format!("{} {}\n", file.content.digest(), file.path)).collect();
        Sha256::of(lines.as_bytes()).to_string()
    }

    /// Refuses to replace what is not hactl's. Only the configuration can say whose it is, and speaks for the others.
    fn is_ours(&self, found: &[Found]) -> Result<(), AssessError> {
        let configured = found.last().is_some_and(Found::may_be_replaced);
        for (file, found) in self.files.iter().zip(found) {
            let foreign = match &found.state {
                State::Absent => false,
                State::File { digest, .. } if *digest == file.content.digest().to_string() => false,
                State::File { .. } => !configured,
                State::Other(what) => {
                    let cause = format!("{} is not a file but {what}", file.path);
                    return Err(AssessError::new("not-a-file", cause).hint("move it out of the way"));
                }
            };
            if foreign {
                let cause = format!("{} is there and is not hactl's", file.path);
                let hint = "move it away if nobody needs it; hactl never overwrites what others have written here";
                return Err(AssessError::new("foreign-file", cause).hint(hint));
            }
        }
        Ok(())
    }

    fn change(file: &StagedFile, found: &Found) -> Option<Change> {
        let path = &file.path;
        match &found.state {
            State::File { digest, mode, text, .. } => {
                let wanted_mode = format!("{:o}", file.mode);
                if *digest != file.content.digest().to_string() {
                    Some(Change { step: None, what: format!("{path}: changed"), diff: diff(file, text.as_deref()) })
                } else {
                    (*mode != wanted_mode).then(|| Change::new(format!("{path}: mode {mode} -> {wanted_mode}")))
                }
            }
            _ => {
                let what = format!("create {path}, mode {:o}", file.mode);
                Some(Change { step: None, what, diff: diff(file, Some("")) })
            }
        }
    }

    /// Shell that puts the files in place and makes the program read them; none of it is left where that fails.
    fn mend(&self, found: &[Found], assessment: &mut Assessment) {
        let (mend, program) = (&mut assessment.mend, self.service.program.as_str());
        mend.line(FUNCTIONS);
        self.service.describe(mend);
        mend.line("hactl_stage");
        let mut moves = Vec::new();
        for (index, (file, found)) in self.files.iter().zip(found).enumerate() {
            let wanted = file.content.digest().to_string();
            let read = found.digest().unwrap_or("absent");
            let mode = format!("{:o}", file.mode);
            if found.mode().is_some_and(|found| found != mode) {
                // A secret must not lie under the old mode even for a moment.
                mend.call("hactl_attributes", &[file.path.as_str(), &mode, "-"]);
            }
            if read == wanted {
                continue;
            }
            let number = index.to_string();
            let words = [number.as_str(), file.path.as_str(), &wanted, &mode];
            match &file.content {
                StagedContent::Text(text) => {
                    mend.call_with_encoded("hactl_stage_file", &[&words[..], &["-"]].concat(), text.as_bytes());
                }
                StagedContent::Secret(secret) => {
                    let content = secret.expose().as_bytes();
                    mend.call_with_encoded("hactl_stage_file", &[&words[..], &["-"]].concat(), content);
                }
                StagedContent::Blob(blob) => {
                    mend.call("hactl_stage_file", &[&words[..], &[&wanted]].concat());
                    assessment.needs.push(blob.clone());
                }
            }
            moves.push([number, file.path.to_string(), read.to_owned(), wanted, mode]);
        }
        mend.call("hactl_stage_test", &[self.configuration()]);
        if !moves.is_empty() {
            let mut afterwards = Script::new();
            afterwards.line(FUNCTIONS);
            self.service.describe(&mut afterwards);
            afterwards.call("hactl_serve_again", &self.paths());
            mend.call_with_encoded("hactl_afterwards", &[], afterwards.text().as_bytes());
        }
        let each = |function: &str| {
            let mut script = Script::new();
            script.line(&format!("{function}() {{"));
            for words in &moves {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                script.call(&format!("hactl_{function}"), &words);
            }
            script.line(":; }");
            script
        };
        mend.append(&each("go_live"));
        mend.append(&each("go_back"));
        mend.line("hactl_log=$hactl_stage/.new/log");
        mend.line("if ! (go_live); then (go_back); rm -rf \"$hactl_stage\"; exit 1; fi");
        mend.line("if ! hactl_serve; then");
        mend.line("hactl_quote \"$hactl_log\"");
        mend.call(
            "(go_back) || hactl_unstage service-failed",
            &[&format!("{program} does not run with the new configuration, and the old files could not be put back")],
        );
        mend.line("if hactl_process; then hactl_serve || :; fi");
        mend.line(&format!(
            "hactl_unstage service-failed \"{program} does not run with the new configuration; the old files are \
             back$hactl_advice\""
        ));
        mend.line("fi");
        mend.call("hactl_loaded", &self.paths());
        mend.line("rm -rf \"$hactl_stage\"");
    }
}

impl Resource for StagedFiles {
    fn id(&self) -> String {
        format!("{}:{}", self.service.program, self.configuration())
    }

    fn place(&self) -> Option<&RemotePath> {
        self.files.last().map(|file| &file.path)
    }

    fn probe(&self, script: &mut Script) {
        script.line(FUNCTIONS);
        self.service.describe(script);
        script.line("hactl_files() {");
        for file in &self.files {
            let shown = if matches!(file.content, StagedContent::Text(_)) { "shown" } else { "secret" };
            script.call("hactl_look_staged", &[file.path.as_str(), &self.mark, shown]);
        }
        script.line("}");
        script.line("hactl_look_service");
        script.line("hactl_files");
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        let look = found::Look::read(seen, self.files.len())?;
        self.service.is_there(&look)?;
        self.is_ours(&look.files)?;
        let mut assessment = Assessment::default();
        for path in &look.leftovers {
            assessment.changes.push(Change::new(format!("remove {path}, which a run that died has left")));
            assessment.mend.call("hactl_remove_leftover", &[path]);
        }
        let before = assessment.changes.len();
        assessment
            .changes
            .extend(self.files.iter().zip(&look.files).filter_map(|(file, found)| Self::change(file, found)));
        let program = &self.service.program;
        let files_differ = assessment.changes.len() > before;
        assessment.because = if files_differ {
            "the files are not as wanted".to_owned()
        } else if look.process.is_none() {
            assessment.changes.push(Change::new(format!("start {program}")));
            format!("{program} does not run")
        } else if !look.has_loaded(&self.fingerprint()) {
            assessment.changes.push(Change::new(format!("reload {program}")));
            format!("nothing says that {program} has read these files")
        } else if before > 0 {
            "a run that died has left something".to_owned()
        } else {
            format!("{program} runs with these files")
        };
        if assessment.changes.len() > before {
            self.mend(&look.files, &mut assessment);
        }
        Ok(assessment)
    }
}

/// A unified diff, where the file may be shown.
fn diff(file: &StagedFile, old: Option<&str>) -> Option<String> {
    let (StagedContent::Text(new), Some(old)) = (&file.content, old) else { return None };
    Some(masked_diff(file.path.as_str(), old, new.as_str()))
}
