//! What a run has changed on a host, as something to be undone.

use super::failure::explain_failure;
use super::{AssessError, Assessment, Change, MEND, Resource, Seen};
use crate::model::{Script, quote};

const FUNCTIONS: &str = include_str!("rollback.sh");

/// Everything that a run has changed on a host, back as it was.
///
/// What was edited since is left alone and named. A rollback is backed up under its own run like any other change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    run: String,
    perhaps: bool,
}

impl Rollback {
    /// The undoing of the run with this id. `HACTL_STATE` must be set for its probe and its mend.
    pub fn new(run: impl Into<String>) -> Self {
        Self { run: run.into(), perhaps: false }
    }

    /// The same on a host that the run may not have come to: no backup there means that nothing is to be undone.
    #[must_use]
    pub fn perhaps(self) -> Self {
        Self { perhaps: true, ..self }
    }

    fn call(&self, function: &str, script: &mut Script) {
        script.line(FUNCTIONS);
        script.line(&format!("{function} \"$HACTL_STATE/backups/\"{}", quote(&self.run)));
    }
}

impl Resource for Rollback {
    fn id(&self) -> String {
        format!("rollback:{}", self.run)
    }

    fn probe(&self, script: &mut Script) {
        script.line(MEND);
        self.call("hactl_show_rollback", script);
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        if seen.status != 0 {
            let error = explain_failure("cannot-look", seen.stderr, seen.status);
            let untouched = self.perhaps && error.code == "backup-missing";
            return if untouched { Ok(Assessment::default()) } else { Err(error) };
        }
        let said = String::from_utf8_lossy(seen.stdout);
        let mut assessment = Assessment::default();
        let mut refused = Vec::new();
        for line in said.lines() {
            match line.split_once(' ') {
                Some(("undo", what)) => assessment.changes.push(Change::new(what)),
                Some(("refuse", what)) => refused.push(what.to_owned()),
                _ => return Err(AssessError::new("cannot-look", "the host answered in an unknown form")),
            }
        }
        if assessment.changes.is_empty() && !refused.is_empty() {
            let cause = format!("run {}: {}", self.run, refused.join("; "));
            let hint = "compare with the backup on the host, and decide by hand";
            return Err(AssessError::new("file-changed-since", cause).hint(hint));
        }
        assessment.warnings = refused;
        if !assessment.changes.is_empty() {
            self.call("hactl_roll_back", &mut assessment.mend);
        }
        Ok(assessment.because("the run's changes are still there"))
    }
}
