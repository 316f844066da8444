//! placeholder until the branch `start` is merged
use std::time::Duration;

use crate::model::inventory::{Cluster, Host};
use crate::model::profile::Profile;
use crate::model::{HostName, Script};
use crate::resources::{AssessError, NodeState};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// a
    Ready,
    /// b
    Joined,
    /// c
    OthersReady,
}

impl Gate {
    /// all
    pub const ALL: [Self; 3] = [Self::Ready, Self::Joined, Self::OthersReady];
    /// code
    pub fn code(self) -> &'static str {
        match self {
            Self::Ready => "not-ready",
            Self::Joined => "not-joined",
            Self::OthersReady => "others-not-ready",
        }
    }

    /// name
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Joined => "joined",
            Self::OthersReady => "others-ready",
        }
    }
}

/// a
pub struct GateNode<'a> {
    /// a
    pub host: &'a Host,
    /// a
    pub profile: &'a Profile,
    /// a
    pub state: Option<&'a NodeState>,
}

/// a
pub enum Verdict {
    /// a
    Passed(String),
    /// a
    Waiting(String),
    /// a
    Failed(AssessError),
}

/// a
pub fn judge(_: Gate, _: &Cluster, _: &[GateNode<'_>], _: &HostName) -> Verdict {
    Verdict::Passed(String::new())
}

/// a
pub fn deadline(_: Gate, _: &Cluster, _: &Host, _: &Profile) -> Duration {
    Duration::from_secs(1)
}

/// a
pub fn blocked_ports_script(_: &Host, _: &[&Host], _: &mut Script) {}

/// a
pub fn explain_not_joined(_: &[(HostName, String)]) -> AssessError {
    AssessError::new("not-joined", "")
}
