//! What can be said about an inventory without looking at a host.

use super::StepError;
use crate::model::inventory::Severity;

/// Something that is wrong, or not good, about an inventory: no host was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What, where and what to do.
    pub error: StepError,
}

impl Finding {
    /// What can't work.
    pub(super) fn error(code: &'static str, at: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, at.into(), cause.into())
    }

    /// What works, but not well.
    pub(super) fn warning(code: &'static str, at: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, at.into(), cause.into())
    }

    fn new(severity: Severity, code: &'static str, at: String, cause: String) -> Self {
        let error = StepError { code, at, cause, hint: None };
        Self { severity, error }
    }

    /// Adds what to do next.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }
}

/// The first finding that can't work ends a step.
pub(super) fn refuse(findings: Vec<Finding>) -> Result<(), StepError> {
    match findings.into_iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(finding.error),
        None => Ok(()),
    }
}
