//! A command that makes something so, and another one that tells whether it is.

use super::failure::explain_failure;
use super::{AssessError, Assessment, Change, Resource, Seen};
use crate::model::Script;

/// A command for a state that no other resource describes, such as a service that must run.
///
/// Both commands are text for `sh -c`. A program that the command leaves running keeps no file of hactl's open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    run: String,
    unless: Option<String>,
}

impl Command {
    /// The command that makes it so. Without [`Self::unless`] it runs every time.
    pub fn new(run: impl Into<String>) -> Self {
        Self { run: run.into(), unless: None }
    }

    /// A command that changes nothing and ends with status 0 when nothing is to be done.
    #[must_use]
    pub fn unless(mut self, check: impl Into<String>) -> Self {
        self.unless = Some(check.into());
        self
    }
}

impl Resource for Command {
    fn id(&self) -> String {
        format!("command:{}", self.run)
    }

    fn probe(&self, script: &mut Script) {
        match &self.unless {
            Some(check) => script.call("hactl_check", &[check]),
            None => script.line("echo 'checked -'"),
        }
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        if seen.status != 0 {
            return Err(explain_failure("cannot-look", seen.stderr, seen.status));
        }
        let said = String::from_utf8_lossy(seen.stdout);
        let check = self.unless.as_deref().unwrap_or_default();
        let because = match said.trim().strip_prefix("checked ") {
            Some("0") => return Ok(Assessment::in_place(format!("`{check}` says so"))),
            Some("-") => "it has no check".to_owned(),
            // A check that cannot run says nothing about the state.
            Some(status @ ("126" | "127")) => {
                let status = status.parse().unwrap_or_default();
                let mut error = explain_failure("check-cannot-run", seen.stderr, status);
                error.cause = format!("the check `{check}` cannot run: {}", error.cause);
                return Err(error);
            }
            Some(status) => format!("`{check}` ended with status {status}"),
            None => return Err(AssessError::new("cannot-look", "the host answered in an unknown form")),
        };
        let mut mend = Script::new();
        mend.call("hactl_run", &[&self.run]);
        Ok(Assessment {
            because,
            changes: vec![Change::new(format!("run `{}`", self.run))],
            mend,
            ..Assessment::default()
        })
    }
}
