//! Edits of text that keep every byte outside the edit: parse for positions, splice, parse again to prove it.

mod hosts_entry;
mod line;
mod lines;
mod managed_block;
mod plain;
mod properties;
pub(super) mod shown;
mod toml_keys;
mod xml_nodes;

use std::sync::Arc;

pub use self::hosts_entry::HostsEntry;
pub use self::line::Line;
pub use self::managed_block::ManagedBlock;
pub use self::properties::Properties;
pub use self::toml_keys::TomlKeys;
pub use self::xml_nodes::XmlNodes;
use crate::model::Secret;

/// A wish about the text of a file.
pub trait Edit: Send + Sync {
    /// Makes the text as wanted. A text that already is comes back with no changes, byte for byte the same.
    ///
    /// # Errors
    /// When the text can't be read as what it should be, when the wish does not fit it, or when the result does not
    /// hold exactly what was wanted.
    fn apply(&self, text: &str) -> Result<Edited, EditError>;
}

/// A text as wanted, and what was changed for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole text. May hold secrets.
    pub text: zeroize::Zeroizing<String>,
    /// A line per change, without secrets: `server.hostname: "localhost" -> "sso.example.com"`.
    pub changes: Vec<String>,
}

/// Why a text can't be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct EditError {
    /// A stable word for this kind of failure.
    pub code: &'static str,
    /// What is wrong, with line and column: never a secret.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// A value that a key or node should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A text that is never shown.
    Secret(Arc<Secret>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A list.
    List(Vec<Self>),
}
