//! `datasources`: every node reads and writes the same databases.

mod check;
mod jdbc_url;

pub(super) use check::check;

use std::sync::Arc;

use super::finding::refuse;
use super::node::{ByPath as _, Node};
use super::{HostContext, Step, StepError, Wants, spelled};
use crate::model::inventory::{Cluster, Database, Databases};
use crate::model::profile::{DatabaseFacts, Dialect, KeyPath, Profile, Slot};
use crate::model::{Secret, StepName};
use crate::resources::edit::{TomlKeys, Value};

/// Every node reads and writes the same databases.
pub(super) struct Datasources;

impl Step for Datasources {
    fn name(&self) -> StepName {
        StepName("datasources")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster, node.profile))?;
        let mut keys = TomlKeys::new();
        for source in sources(&on.cluster.databases, &node.profile.databases) {
            keys = source.keys(keys, on, &node.profile.databases)?;
        }
        if on.cluster.databases.user_db.is_some() {
            let data_source = Value::Text(node.profile.databases.user_db.data_source.clone());
            keys = keys.put(&node.profile.keys.realm_data_source, data_source);
        }
        node.configure(wants, keys)
    }
}

/// All databases of the inventory.
pub(super) fn all(databases: &Databases) -> impl Iterator<Item = &Database> {
    let fixed = [&databases.identity_db, &databases.shared_db, &databases.user_db];
    fixed.into_iter().flatten().chain(databases.extra.values())
}

/// The servers of all databases, each once: name or address, and port.
pub(super) fn servers(cluster: &Cluster, profile: &Profile) -> Vec<(String, u16)> {
    let mut servers = Vec::new();
    for database in all(&cluster.databases) {
        let Some(dialect) = profile.databases.types.get(&database.kind) else { continue };
        servers.extend(jdbc_url::server(database, dialect).filter(|server| !servers.contains(server)));
    }
    servers
}

/// A database of the inventory, and where the product keeps it.
pub(super) struct Source<'a> {
    /// Its key in the inventory.
    at: String,
    pub(super) database: &'a Database,
    table: KeyPath,
    /// The slot of the profile, unless it is one of the further datasources.
    pub(super) slot: Option<&'a Slot>,
    /// The datasource's own name, where the table says it.
    id: Option<String>,
}

/// The databases of the inventory that the product has a place for.
pub(super) fn sources<'a>(databases: &'a Databases, facts: &'a DatabaseFacts) -> Vec<Source<'a>> {
    let fixed = [
        ("identity_db", &databases.identity_db, facts.identity_db.as_ref()),
        ("shared_db", &databases.shared_db, Some(&facts.shared_db)),
        ("user_db", &databases.user_db, Some(&facts.user_db)),
    ];
    let fixed = fixed.into_iter().filter_map(|(name, database, slot)| {
        let (database, slot) = (database.as_ref()?, slot?);
        let at = format!("databases.{name}");
        Some(Source { at, database, table: slot.table.clone(), slot: Some(slot), id: None })
    });
    let extra = databases.extra.iter().map(|(id, database)| {
        let slot = facts.named.get(id);
        let name = database.jndi.as_deref().and_then(|jndi| jndi.strip_prefix("jdbc/")).unwrap_or(id);
        Source {
            at: format!("databases.extra.{id}"),
            database,
            table: slot.map_or_else(|| facts.extra.join(id), |slot| slot.table.clone()),
            slot,
            id: slot.is_none().then(|| name.to_owned()),
        }
    });
    fixed.chain(extra).collect()
}

impl Source<'_> {
    /// Its name in the inventory.
    pub(super) fn name(&self) -> &str {
        self.at.rsplit('.').next().unwrap_or(&self.at)
    }

    /// The URL as the driver reads it.
    pub(super) fn url(&self, facts: &DatabaseFacts) -> String {
        facts.types.get(&self.database.kind).map(|dialect| jdbc_url::url(self.database, dialect)).unwrap_or_default()
    }

    /// The driver's class.
    pub(super) fn driver_class(&self, cluster: &Cluster, facts: &DatabaseFacts) -> String {
        facts.types.get(&self.database.kind).map(|dialect| self.driver(cluster, dialect)).unwrap_or_default()
    }

    /// The user's password.
    pub(super) fn password(&self, on: &HostContext<'_>) -> Result<Arc<Secret>, StepError> {
        on.secrets.get(&self.database.password).ok_or_else(|| StepError {
            code: "secret-unresolved",
            at: format!("{}.password", self.at),
            cause: "the password was not resolved".into(),
            hint: None,
        })
    }

    fn keys(&self, keys: TomlKeys, on: &HostContext<'_>, facts: &DatabaseFacts) -> Result<TomlKeys, StepError> {
        let Some(dialect) = facts.types.get(&self.database.kind) else {
            return Ok(keys); // `check` refuses it.
        };
        let columns = &facts.columns;
        let key = |name: &str| self.table.join(name);
        let carried =
            |value: Result<Value, spelled::Uncarried>, name: &str| value.map_err(|why| self.uncarried(name, why));
        let password = self.password(on)?;
        // The product infers from a kind only in tables of its own.
        let keys = match &self.id {
            Some(id) => keys.put(&key(&columns.id), Value::Text(id.clone())),
            None => keys.put(&key(&columns.kind), Value::Text(dialect.spelling.clone())),
        };
        let (url, driver) = (jdbc_url::url(self.database, dialect), self.driver(on.cluster, dialect));
        let mut keys = keys
            .put(&key(&columns.url), carried(spelled::xml(&url), "url")?)
            .put(&key(&columns.driver), carried(spelled::xml(&driver), "driver_class")?)
            .put(&key(&columns.username), carried(spelled::xml(&self.database.username), "username")?)
            .put(&key(&columns.password), carried(spelled::secret(&password), "password")?);
        if self.slot.is_none_or(|slot| slot.bare) {
            keys = keys.put(&key(&columns.jmx), Value::Boolean(false));
        }
        for leftover in &facts.leftovers {
            keys = keys.take(&key(leftover));
        }
        self.pool(keys, facts, dialect)
    }

    fn pool(&self, mut keys: TomlKeys, facts: &DatabaseFacts, dialect: &Dialect) -> Result<TomlKeys, StepError> {
        let pool = self.table.join(&facts.columns.pool);
        let spellings = self.slot.map(|slot| &slot.pool_spellings);
        let query = serde_json::Value::String(dialect.validation_query.clone());
        let mut options = facts.pool.clone();
        options.insert(facts.columns.validation_query.clone(), query);
        for (name, value) in &self.database.pool {
            let known = spellings.and_then(|all| all.iter().find(|(_, other)| *other == name));
            options.insert(known.map_or(name, |(name, _)| name).clone(), value.clone());
        }
        for (name, value) in &options {
            if let Some(other) = spellings.and_then(|all| all.get(name)) {
                keys = keys.take(&pool.join(other));
            }
            let value = match value {
                serde_json::Value::Bool(yes) => Value::Boolean(*yes),
                serde_json::Value::Number(number) => {
                    number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Integer)
                }
                other => {
                    let text = other.as_str().unwrap_or_default();
                    spelled::xml(text).map_err(|why| self.uncarried(&format!("pool.{name}"), why))?
                }
            };
            keys = keys.put(&pool.join(name), value);
        }
        Ok(keys)
    }

    /// The driver's class: the inventory's, or that of the driver file that the nodes get, or the usual one.
    fn driver(&self, cluster: &Cluster, dialect: &Dialect) -> String {
        if let Some(class) = &self.database.driver_class {
            return class.clone();
        }
        let files = cluster.databases.driver.iter().flat_map(|drivers| drivers.as_slice());
        let mut names = files.filter_map(|driver| driver.file.file_name()?.to_str());
        let older = dialect.older_driver.as_ref().filter(|older| names.any(|name| name.starts_with(&older.file)));
        older.map_or(&dialect.driver, |older| &older.driver).clone()
    }

    fn uncarried(&self, name: &str, why: spelled::Uncarried) -> StepError {
        StepError {
            code: "value-not-carried",
            at: format!("{}.{name}", self.at),
            cause: format!("`{name}` can't be handed to the product: {why}"),
            hint: Some("choose a value without it".into()),
        }
    }
}
