//! `user_store:` and `registry:`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The primary user store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserStore {
    /// The product's type of store. Default: the database store that the product's version recommends.
    #[serde(rename = "type")]
    pub kind: UserStoreType,
}

/// A type of user store that nodes can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStoreType {
    /// Users in the shared database, keyed by name (IS 5.9 and older data).
    Database,
    /// Users in the shared database, keyed by id (IS 5.10 and later).
    DatabaseUniqueId,
    /// Leave what is there, such as an LDAP directory that the nodes share.
    Keep,
}

/// The registry's place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Registry {
    /// Mount `/_system/config` and `/_system/governance` from the shared database. Default: true where the product has a registry.
    pub mount: Option<bool>,
}

impl UserStoreType {
    /// Its word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::DatabaseUniqueId => "database_unique_id",
            Self::Keep => "keep",
        }
    }
}
