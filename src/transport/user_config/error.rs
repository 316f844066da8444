//! Why the user's SSH configuration could not be used.

use super::settings::Setting;

/// The user's SSH configuration cannot be used for a name: nothing has connected yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct UserConfigError {
    /// A stable word for this kind of failure; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What happened, in a sentence without a full stop.
    pub cause: String,
    /// What to do next.
    pub hint: String,
}

/// How to go on without the files.
pub(super) const WITHOUT: &str = "--ssh-config none goes without these files";

impl UserConfigError {
    pub(super) fn new(code: &'static str, cause: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), hint: hint.into() }
    }
}

/// A file cannot be read as one.
pub(super) fn syntax(place: &str, what: &str) -> UserConfigError {
    UserConfigError::new("ssh-config-refused", format!("{place}: {what}"), format!("correct the line; {WITHOUT}"))
}

/// A value has no meaning; `why` completes the sentence “`VALUE` …”.
pub(super) fn unreadable_value(setting: &Setting, why: &str) -> UserConfigError {
    let cause = format!("{} `{}` {why}", setting.shown(), setting.text());
    UserConfigError::new("ssh-config-value", cause, format!("correct the value; {WITHOUT}"))
}

/// A keyword holds for the name, and hactl does not do what it asks for.
pub(super) fn unsupported(what: &str, why: &str) -> UserConfigError {
    UserConfigError::new(
        "ssh-config-unsupported",
        format!("{what} cannot be honoured: {why}"),
        format!("take it away for this host, or say what is needed in the inventory; {WITHOUT}"),
    )
}
