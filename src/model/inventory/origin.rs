//! Where the values of a cluster come from, for `hactl validate --explain`.

use super::Span;
use crate::model::HostName;

/// One value that holds, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The host that it holds for; `None` for the whole cluster.
    pub host: Option<HostName>,
    /// The key, such as `ssh.user`.
    pub key: String,
    /// The value as text; a secret's source, never the secret.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It stands in the file; `overrides` tells how many other places also set it.
    Written {
        /// Where.
        at: Span,
        /// The other places that set it and lost.
        overrides: Vec<Span>,
    },
    /// It stands nowhere; hactl or the product has it built in.
    Default,
    /// It follows from this.
    Derived(String),
    /// It stands outside of the inventory: there, in words.
    Elsewhere(String),
}
