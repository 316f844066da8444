//! What is wrong with an inventory, and where.

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing can be done with this inventory.
    Error,
    /// Worth saying; the run goes on.
    Warning,
}

/// One thing that is wrong. Its texts never hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable word; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is; `None` when it concerns the file as a whole.
    pub span: Option<Span>,
    /// The path of keys, such as `databases.shared_db.host`.
    pub path: Box<str>,
    /// What is wrong: a sentence without a full stop.
    pub message: String,
    /// What to do next.
    pub hint: Option<Box<str>>,
}

impl Problem {
    /// An error at a place.
    pub fn new(code: &'static str, span: Option<Span>, path: impl Into<Box<str>>, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, span, path: path.into(), message: message.into(), hint: None }
    }

    /// The same with a next move.
    #[must_use]
    pub fn hint(self, hint: impl Into<Box<str>>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}
