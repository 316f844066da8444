//! How a product is started and stopped, and what its log says.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The product's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// The class that its Java process runs.
    pub main: String,
    /// The words behind the start script that start it.
    pub start: Vec<String>,
    /// The words behind the start script that stop it.
    pub stop: Vec<String>,
    /// Within how many seconds it is ready after a start, unless the inventory says otherwise.
    pub start_timeout: u32,
    /// Within how many seconds it ends after a stop, unless the inventory says otherwise.
    pub stop_timeout: u32,
    /// What it reads when it starts and never again, and never writes while it runs: files relative to its home, of which
    /// `*` stands for any part of a name; one that ends with a slash is a whole folder.
    pub reads: Vec<String>,
    /// What its log says.
    pub log: LogFacts,
    /// What makes a start fail, by what the log says of it: the first one that fits is the one that is told.
    pub causes: Vec<Cause>,
}

/// What a product's log says. Texts, not patterns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFacts {
    /// The log.
    pub file: String,
    /// Further logs, by a short name; `*` stands for any part of a name, of which the newest file is meant.
    #[serde(default)]
    pub others: IndexMap<String, String>,
    /// The days before; `*` stands for any part of a name.
    pub rotated: String,
    /// The first words of a start.
    pub begins: Vec<String>,
    /// It has started; a number of seconds follows. No proof that it serves.
    pub started: String,
    /// It was asked to stop.
    pub stops: Vec<String>,
    /// It will never serve, whether the process ends or not.
    pub failed: Vec<String>,
    /// What a line of a failure's cause begins with.
    pub caused: String,
    /// It begins to form a cluster.
    pub clustering: String,
    /// The node as a member: its id in brackets and `Host:ADDRESS, … Port: PORT` follow.
    pub local_member: String,
    /// A peer has joined: its id in brackets and `/ADDRESS:PORT` follow.
    pub member_joined: String,
    /// A peer has left; likewise.
    pub member_left: String,
    /// The node is the coordinator: its id in brackets follows.
    pub elected: String,
}

/// A cause of a failed start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What the log says.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}
