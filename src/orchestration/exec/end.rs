//! How a call ended.

use crate::orchestration::{Exit, Failure};
use crate::transport::{Ending, Rung, TransportError};

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The command ended, with this status or by this signal.
    Ended(Ending),
    /// It was ended, because somebody asked to stop or nobody listened any more.
    Interrupted,
    /// It was not begun, for the same reason.
    NotBegun,
    /// It was told to end, and did not say that it has.
    Left,
    /// It did not end in time, and was ended.
    Late(Failure),
    /// The host was not reached, or lost: it is not known what the command did.
    Unknown(Failure),
}

impl End {
    /// How a command ended that was begun; `over`: it was told to.
    pub(super) fn of(ending: Ending, over: bool) -> Self {
        match over && !ending.is_success() {
            true => Self::Interrupted,
            false => Self::Ended(ending),
        }
    }

    pub(super) fn refused(error: &TransportError, over: bool) -> Self {
        match error.code {
            _ if over && error.rung < Rung::Command => Self::NotBegun,
            _ if over => Self::Left,
            "deadline" => Self::Late(Failure::from(error)),
            _ => Self::Unknown(Failure::from(error)),
        }
    }

    pub(super) fn broken() -> Self {
        Self::Unknown(Failure::new("internal", "the work for this host broke off").hint("report this with the command"))
    }

    /// Did it do what it was asked to?
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Ended(ending) if ending.is_success())
    }

    /// The exit code that this end alone asks for.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Ended(ending) if ending.is_success() => Exit::Success,
            Self::Ended(_) | Self::Late(_) | Self::Interrupted => Exit::Failed,
            Self::NotBegun | Self::Left | Self::Unknown(_) => Exit::Incomplete,
        }
    }

    /// A word for it, as programs read it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ended(ending) if ending.is_success() => "ok",
            Self::Ended(_) | Self::Late(_) => "failed",
            Self::Interrupted => "interrupted",
            Self::NotBegun => "not_begun",
            Self::Left => "left",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Why it did not do what it was asked to, where the reason is not the command's own.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Late(failure) | Self::Unknown(failure) => Some(failure),
            _ => None,
        }
    }
}
