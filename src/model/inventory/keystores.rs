//! `keystores:`: the keys and certificates that all nodes share.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;

/// The key stores that every node gets, and the key that the nodes encrypt stored secrets with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keystores {
    /// Signs tokens and opens what is encrypted in the databases: `[keystore.primary]`. Choose it before the first start.
    pub primary: Option<Keystore>,
    /// The certificate that browsers and clients see: `[keystore.tls]`. The product falls back to the primary one.
    pub tls: Option<Keystore>,
    /// For what the product encrypts for itself: `[keystore.internal]`. The product falls back to the primary one.
    pub internal: Option<Keystore>,
    /// The certificates that the nodes trust: `[truststore]`.
    pub truststore: Option<Truststore>,
    /// The symmetric key of `[encryption]`, which must be the same on all nodes. Choose it before the first start.
    pub encryption_key: Option<SecretSource>,
}

/// A key store file on the controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keystore {
    /// The file, relative to the inventory; it keeps its name on the nodes.
    #[schemars(extend("format" = "local-file"))]
    pub file: PathBuf,
    /// The kind of store.
    #[serde(rename = "type")]
    pub kind: KeystoreType,
    /// The store's password.
    pub password: SecretSource,
    /// The name of the key in the store.
    pub alias: String,
    /// The key's own password. Default: the store's password.
    pub key_password: Option<SecretSource>,
}

/// A trust store file on the controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Truststore {
    /// The file, relative to the inventory; it keeps its name on the nodes.
    #[schemars(extend("format" = "local-file"))]
    pub file: PathBuf,
    /// The kind of store.
    #[serde(rename = "type")]
    pub kind: KeystoreType,
    /// The store's password.
    pub password: SecretSource,
}

/// A kind of key store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeystoreType {
    /// Java's own old format, `.jks`.
    #[serde(rename = "JKS")]
    Jks,
    /// The standard format, `.p12`.
    #[serde(rename = "PKCS12")]
    Pkcs12,
}

impl KeystoreType {
    /// Its word in the inventory and in the product's configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Jks => "JKS",
            Self::Pkcs12 => "PKCS12",
        }
    }
}

impl Keystores {
    /// Every store that holds keys, with its key in the inventory.
    pub fn stores(&self) -> impl Iterator<Item = (&'static str, &Keystore)> {
        let all = [("primary", &self.primary), ("tls", &self.tls), ("internal", &self.internal)];
        all.into_iter().filter_map(|(name, store)| Some((name, store.as_ref()?)))
    }
}
