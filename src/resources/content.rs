//! What a file should hold.

use std::sync::Arc;

use crate::model::Secret;

/// The whole content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text that may be shown.
    Text(String),
    /// Text of which nothing may be shown.
    Secret(Arc<Secret>),
}

impl Content {
    /// The content's bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Secret(secret) => secret.expose().as_bytes(),
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Arc<Secret>> for Content {
    fn from(secret: Arc<Secret>) -> Self {
        Self::Secret(secret)
    }
}
