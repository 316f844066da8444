//! How it went on one host, kept apart down to the exit code.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::StepName;
use crate::steps::preflight::PREFLIGHT;
use crate::transport::TransportError;

/// How it went on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Everything is as wanted.
    InPlace,
    /// Something would change; only when nothing was to be changed.
    Differs {
        /// How many changes.
        changes: usize,
    },
    /// Something was changed, and is as wanted now.
    Changed {
        /// How many changes.
        changes: usize,
    },
    /// No rule has anything against it; only when nothing but the rules was looked at.
    Passed {
        /// How many warnings.
        warnings: usize,
    },
    /// Something was tried and failed.
    Failed(Failure),
    /// It could not be looked at: neither in place nor different.
    Unknown(Failure),
    /// Nothing was tried, because of something that happened elsewhere.
    NotReached {
        /// What happened.
        because: String,
    },
}

/// What went wrong on a host: step, item, cause, next move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// The step that wanted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// The resource, or `jump-host:NAME` for what happened before the host was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Box<str>>,
    /// A stable word; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What happened.
    pub cause: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The items that were not tried after this one.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schemars(default)]
    pub not_reached: Box<[String]>,
}

/// What begins the item of a failure that happened at a jump host.
const JUMP_HOST: &str = "jump-host:";

impl Failure {
    /// The jump host at which it happened, where it was not the host itself.
    pub fn hop(&self) -> Option<&str> {
        self.item.as_deref().and_then(|item| item.strip_prefix(JUMP_HOST))
    }

    /// A failure of no item in particular.
    pub fn new(code: &'static str, cause: impl Into<String>) -> Self {
        Self { step: None, item: None, code, cause: cause.into(), hint: None, not_reached: Box::default() }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<&TransportError> for Failure {
    fn from(error: &TransportError) -> Self {
        Self {
            hint: error.hint.clone(),
            item: error.hop.as_ref().map(|hop| format!("{JUMP_HOST}{hop}").into()),
            ..Self::new(error.code, error.to_string())
        }
    }
}

/// The exit code of the program. Part of the interface: never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// All in place, passed, or nothing to do.
    Success = 0,
    /// Something was tried and failed, or an internal error.
    Failed = 1,
    /// Changes pending.
    Differs = 2,
    /// A host could not be looked at.
    Incomplete = 3,
    /// Preflight found an error; nothing was changed.
    Preflight = 5,
    /// The lock is held by somebody else.
    Locked = 9,
    /// Wrong usage.
    Usage = 64,
    /// Bad inventory or playbook.
    Inventory = 65,
    /// Interrupted by Ctrl-C, cleaned up.
    Interrupted = 130,
    /// Asked to end by SIGTERM, cleaned up.
    Terminated = 143,
}

impl Exit {
    /// The code as a number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The one that a script should see when both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        // Interrupted says more than any of them; then the order of the interface's table.
        let weight = |exit: Self| match exit {
            Self::Interrupted | Self::Terminated => 0,
            Self::Locked => 1,
            Self::Usage => 2,
            Self::Inventory => 3,
            Self::Failed => 4,
            Self::Preflight => 5,
            Self::Incomplete => 6,
            Self::Differs => 7,
            Self::Success => 8,
        };
        if weight(other) < weight(self) { other } else { self }
    }
}

impl Outcome {
    /// The exit code that this outcome alone asks for.
    pub fn exit(&self) -> Exit {
        match self {
            Self::InPlace | Self::Changed { .. } | Self::Passed { .. } => Exit::Success,
            Self::Differs { .. } => Exit::Differs,
            Self::Failed(failure) if failure.code == "locked" => Exit::Locked,
            Self::Failed(failure) if failure.step == Some(PREFLIGHT) => Exit::Preflight,
            Self::Failed(_) => Exit::Failed,
            Self::Unknown(_) | Self::NotReached { .. } => Exit::Incomplete,
        }
    }

    /// Does it count against `--max-failures`?
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Unknown(_))
    }

    /// The words for it that begin a line of output.
    pub fn words(&self) -> String {
        match self {
            Self::InPlace => "in place".to_owned(),
            Self::Differs { changes } => format!("differs ({changes})"),
            Self::Changed { changes } => format!("changed ({changes})"),
            Self::Passed { warnings: 0 } => "passed".to_owned(),
            Self::Passed { warnings: 1 } => "passed, 1 warning".to_owned(),
            Self::Passed { warnings } => format!("passed, {warnings} warnings"),
            Self::Failed(_) => "failed".to_owned(),
            Self::Unknown(_) => "unknown".to_owned(),
            Self::NotReached { .. } => "not reached".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_codes_is_the_one_of_the_interface() {
        assert_eq!(Exit::Success.and(Exit::Differs), Exit::Differs);
        assert_eq!(Exit::Incomplete.and(Exit::Differs), Exit::Incomplete);
        assert_eq!(Exit::Incomplete.and(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Incomplete.and(Exit::Preflight), Exit::Preflight);
        assert_eq!(Exit::Preflight.and(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Interrupted.and(Exit::Failed), Exit::Interrupted);
        assert_eq!(Exit::Terminated.code(), 143);
    }
}
