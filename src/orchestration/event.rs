//! What happens during a run, as it happens. The cli renders it; the journal keeps it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Outcome, RunId};
use crate::model::HostName;
use crate::steps::gates::Gate;

/// Something that happened. Never holds a secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Its name; `None` for one that only looks.
        run: Option<RunId>,
        /// The command, such as `apply`.
        command: &'static str,
        /// The cluster's name.
        cluster: String,
        /// Its hosts that take part.
        hosts: Vec<HostName>,
    },
    /// A host entered a phase.
    Host {
        /// Which host.
        host: HostName,
        /// Which phase.
        phase: Phase,
    },
    /// A stage began.
    StageStarted {
        /// Its name.
        stage: String,
    },
    /// A host is done with a stage, or with its part of the run.
    HostDone {
        /// Which host.
        host: HostName,
        /// The stage; `None` for the whole run.
        stage: Option<String>,
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
        /// What opened its gates, such as `started in 13 s, 2 members`.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
    /// A host's gate has still to open.
    Waiting {
        /// Which host.
        host: HostName,
        /// Which gate: `ready` or `joined`.
        gate: Gate,
        /// What is still to come.
        why: String,
    },
    /// A stage is over on all hosts.
    StageDone {
        /// Its name.
        stage: String,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
    /// Something that is worth knowing and no failure.
    Warning {
        /// Which host, if one.
        host: Option<HostName>,
        /// What.
        text: String,
    },
}

/// What a host is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looking at what is there.
    Look,
    /// Judging the rules about hosts.
    Preflight,
    /// Taking the lock.
    Lock,
    /// Uploading files.
    Upload,
    /// Mending.
    Mend,
    /// Waiting until it is ready.
    Wait,
    /// Looking again.
    LookAgain,
}

/// Where events go. Cheap to clone; a call must not block for long.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(&Event) + Send + Sync>);

impl Events {
    /// Calls `sink` with every event.
    pub fn new(sink: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Both see every event.
    #[must_use]
    pub fn and(self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self::new(move |event| {
            (self.0)(event);
            sink(event);
        })
    }

    /// Something happened.
    pub fn send(&self, event: Event) {
        (self.0)(&event);
    }
}
