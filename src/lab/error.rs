//! What goes wrong with a lab.

use std::fmt;
use std::path::Path;

/// Why the lab did not do it, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabError {
    /// What happened: a sentence without a full stop.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl LabError {
    /// An error without a hint.
    pub fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), hint: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file of the lab that can't be used.
    pub(super) fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for LabError {}
