//! Why a host did not answer: on which rung of the ladder, and what to do.

use std::fmt;
use std::io;

use nix::errno::Errno;

use schemars::JsonSchema;
use serde::Serialize;

/// How far a connection got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The name was looked up.
    Dns,
    /// A TCP connection was made.
    Tcp,
    /// Keys were exchanged.
    KeyExchange,
    /// The host's key was compared with the known ones.
    HostKey,
    /// The user proved who he is.
    Authentication,
    /// A channel was opened and the command accepted.
    Channel,
    /// sudo, doas or su let us become another user.
    Become,
    /// The login shell, or the one behind sudo, has run our script.
    Shell,
    /// The programs and folders that hactl's scripts need are there.
    Tools,
    /// The command was running.
    Command,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "name lookup",
            Self::Tcp => "tcp",
            Self::KeyExchange => "key exchange",
            Self::HostKey => "host key",
            Self::Authentication => "authentication",
            Self::Channel => "channel",
            Self::Become => "become",
            Self::Shell => "shell",
            Self::Tools => "tools",
            Self::Command => "command",
        })
    }
}

/// No complete answer came from a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{rung}: {cause}", .hop.as_ref().map(|hop| format!("jump host {hop}: ")).unwrap_or_default())]
pub struct TransportError {
    /// The rung that broke.
    pub rung: Rung,
    /// A stable word for this kind of failure; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What happened, in a sentence without a full stop.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The jump host at which it happened, where it was not the host itself.
    pub hop: Option<String>,
    /// May the same request be sent again? True only where nothing of it can have run.
    pub retry: bool,
}

impl TransportError {
    /// An error that another try would not mend.
    pub fn new(rung: Rung, code: &'static str, cause: impl Into<String>) -> Self {
        Self { rung, code, cause: cause.into(), hint: None, hop: None, retry: false }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says that nothing has run, so that the same request may be sent again.
    #[must_use]
    pub fn retriable(mut self) -> Self {
        self.retry = true;
        self
    }
}

/// The error where a file or connection could not be opened because this process has too many open already.
pub(super) fn out_of_files(rung: Rung, error: &io::Error) -> Option<TransportError> {
    let full = [Errno::EMFILE, Errno::ENFILE].iter().any(|errno| error.raw_os_error() == Some(*errno as i32));
    full.then(|| {
        TransportError::new(rung, "too-many-open-files", "hactl itself may open no more files and connections here").hint(
            "raise the limit (`ulimit -n 4096`, or LimitNOFILE= of the unit that runs hactl), or take fewer hosts with --limit",
        )
    })
}
