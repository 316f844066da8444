//! Where a secret comes from. The inventory names a source, never a value.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;
use crate::model::Secret;

/// Where a secret comes from; exactly one of the four. A plain value is an error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// The name of an environment variable of hactl.
    Env(String),
    /// A local file, relative to the inventory; one final newline is not part of the secret.
    File(PathBuf),
    /// A local command that prints the secret, as words (`[pass, show, db]`) or as one line for `/bin/sh`.
    Command(OneOrMany<String>),
    /// A string encrypted by `ansible-vault encrypt_string` (`$ANSIBLE_VAULT;1.1;AES256` …).
    Vault(String),
}

/// The secrets of one run, resolved once before anything connects.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<SecretSource, Arc<Secret>>);

impl Secrets {
    /// No secret at all.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds the value of a source.
    pub fn insert(&mut self, source: SecretSource, value: Secret) {
        self.0.insert(source, Arc::new(value));
    }

    /// The value of a source, or `None` when it was never resolved.
    pub fn get(&self, source: &SecretSource) -> Option<Arc<Secret>> {
        self.0.get(source).cloned()
    }

    /// Every value, for the redactor that stands before all output.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.values().map(AsRef::as_ref)
    }
}
