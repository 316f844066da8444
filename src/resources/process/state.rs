//! What a look told of a node's process.

use schemars::JsonSchema;
use serde::Serialize;

use crate::resources::AssessError;

/// What a look told of a node's process: how far it is, and what it says of its peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NodeState {
    /// How far it is.
    pub life: Life,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// For how many seconds the process has been there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime: Option<u64>,
    /// Did the process begin to form a cluster?
    pub clustering: bool,
    /// The process as a member of its cluster, once it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_member: Option<Member>,
    /// The members that it saw joining since its own start, without those that left again. A node is not told of those
    /// that were there before it: they see it joining instead.
    pub members: Vec<Member>,
    /// The id of itself that it was elected coordinator with, since its own start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elected: Option<String>,
    /// The TCP ports that it takes connections at.
    pub listens: Vec<u16>,
    /// The fingerprint of the configuration that it was started with; `None` when hactl did not start it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_with: Option<String>,
    /// The fingerprint of the configuration as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
}

/// How far a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// There is no process, and nothing says that one has failed.
    Absent,
    /// The process is there and does not serve yet.
    Starting {
        /// For how many seconds.
        seconds: u64,
        /// What it has not said or done yet.
        waits_for: String,
    },
    /// It has said that it started, the ports are its own, and it answers with what it should.
    Ready {
        /// What the product says: how many seconds its start has taken.
        started_in: Option<u64>,
    },
    /// It has ended, or lives on without ever getting ready.
    Failed(Failure),
}

/// Why a start has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// A stable word for this kind of failure; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What is wrong: a sentence without a full stop.
    pub cause: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The last lines of the product's log.
    pub tail: Vec<String>,
}

impl Failure {
    /// The failure as an error, with the log's last lines below its cause.
    pub fn error(&self) -> AssessError {
        let mut cause = self.cause.clone();
        if !self.tail.is_empty() {
            cause.push_str("; the log ends with");
        }
        for line in &self.tail {
            cause.push_str("\n  | ");
            cause.push_str(line);
        }
        AssessError { code: self.code, cause, hint: self.hint.clone() }
    }
}

/// A member of a cluster, as a node's log names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Member {
    /// Where its peers reach it: `192.168.2.1:4000`.
    pub address: String,
    /// Its id, which is another one after every start.
    pub id: String,
}

impl NodeState {
    /// How far it is, in a few words: `serves, up 5 min`.
    pub fn words(&self) -> String {
        let up = match self.uptime {
            None => String::new(),
            Some(seconds) if seconds < 120 => format!(", up {seconds} s"),
            Some(seconds) if seconds < 7200 => format!(", up {} min", seconds / 60),
            Some(seconds) if seconds < 172_800 => format!(", up {} h", seconds / 3600),
            Some(seconds) => format!(", up {} days", seconds / 86400),
        };
        match &self.life {
            Life::Absent => "does not run".to_owned(),
            Life::Starting { waits_for, .. } => format!("starts{up}, waits for {waits_for}"),
            Life::Ready { .. } => format!("serves{up}"),
            Life::Failed(failure) => format!("has failed{up}: {}", failure.cause),
        }
    }

    /// Does it serve?
    pub fn is_ready(&self) -> bool {
        matches!(self.life, Life::Ready { .. })
    }

    /// Is there a process, whatever it does?
    pub fn is_running(&self) -> bool {
        self.pid.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_told_in_a_few_words() {
        let node = |life, uptime: Option<u64>| NodeState {
            life,
            pid: uptime.map(|_| 812),
            uptime,
            clustering: true,
            local_member: None,
            members: Vec::new(),
            elected: None,
            listens: Vec::new(),
            started_with: None,
            wanted: None,
        };
        assert_eq!(node(Life::Absent, None).words(), "does not run");
        assert_eq!(node(Life::Ready { started_in: None }, Some(119)).words(), "serves, up 119 s");
        assert_eq!(node(Life::Ready { started_in: None }, Some(300)).words(), "serves, up 5 min");
        assert_eq!(node(Life::Ready { started_in: None }, Some(200_000)).words(), "serves, up 2 days");
        let starting = Life::Starting { seconds: 7, waits_for: "port 9443 to be its own".to_owned() };
        assert_eq!(node(starting, Some(7)).words(), "starts, up 7 s, waits for port 9443 to be its own");
    }
}
