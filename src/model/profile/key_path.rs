//! The place of a key in a configuration file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The place of a key in a configuration file, such as `transport.https.properties.proxyPort`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPath(Vec<String>);

/// The text is not a path of bare keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path of keys: letters, digits, `_` and `-`, joined by dots")]
pub struct KeyPathError(String);

impl KeyPath {
    /// The path with one more key below it. The key may hold any text, dots too.
    #[must_use]
    pub fn join(&self, key: &str) -> Self {
        Self(self.0.iter().cloned().chain([key.to_owned()]).collect())
    }

    /// Its keys, the outermost first.
    pub fn keys(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl TryFrom<String> for KeyPath {
    type Error = KeyPathError;

    fn try_from(text: String) -> Result<Self, KeyPathError> {
        let bare =
            |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if text.split('.').all(bare) {
            Ok(Self(text.split('.').map(str::to_owned).collect()))
        } else {
            Err(KeyPathError(text))
        }
    }
}

impl From<KeyPath> for String {
    fn from(path: KeyPath) -> Self {
        path.0.join(".")
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
