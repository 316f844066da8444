//! Why a question has no answer.

use std::time::Duration;

use crate::transport::TransportError;

/// In what way a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// No connection was made.
    Connect,
    /// The other side is not who it should be, or speaks no TLS.
    Tls,
    /// The connection ended before the answer did.
    Closed,
    /// What came is no HTTP.
    Garbage,
    /// The deadline has passed.
    Late,
    /// The question itself can't be sent.
    Question,
}

/// No whole answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct HttpError {
    /// In what way.
    pub kind: HttpErrorKind,
    /// A stable word; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What happened, in a sentence without a full stop.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl HttpError {
    pub(super) fn new(kind: HttpErrorKind, code: &'static str, cause: impl Into<String>) -> Self {
        Self { kind, code, cause: cause.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, told of the whole time that was allowed instead of what was left of it.
    pub(super) fn of(self, deadline: Duration) -> Self {
        match self.kind {
            HttpErrorKind::Late => late("the end of the answer", deadline),
            _ => self,
        }
    }
}

impl From<TransportError> for HttpError {
    fn from(error: TransportError) -> Self {
        Self { kind: HttpErrorKind::Connect, code: error.code, cause: error.cause, hint: error.hint }
    }
}

/// The deadline has passed while we waited for `what`.
pub(super) fn late(what: &str, deadline: Duration) -> HttpError {
    let cause = format!("no answer within {:.1} s: waited for {what}", deadline.as_secs_f32());
    HttpError::new(HttpErrorKind::Late, "http-late", cause).hint(
        "look into the product's log: what does it wait for? The database and the name service are the usual ones",
    )
}
