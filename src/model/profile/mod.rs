//! What hactl knows of a product version, as data: `playbooks/profiles/*.yaml`.
//!
//! A profile says where files are and which keys carry which fact. It may extend another one, whose values it takes
//! over; a value of `null` takes one away. Steps read profiles, so that no product's name stands in the code.

mod key_path;
mod known;
mod probes;
mod process;
mod read;
mod template;

pub use key_path::{KeyPath, KeyPathError};
pub use probes::{ProbeFacts, SharedWrite};
pub use process::{Cause, LogFacts, ProcessFacts, Readiness};
pub use read::ProfileError;
pub use template::Template;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::inventory::{DatabaseType, KeystoreType, Scheme, UserStoreType};

/// One product version: where files are, which keys carry which fact, ports, JDK.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The profile's own name: its file's name without `.yaml`.
    #[serde(skip)]
    pub name: String,
    /// The product's name, as in the inventory.
    pub product: String,
    /// The version, or its first parts: `7.1` fits `7.1.0` and `7.1.0.12`.
    pub version: String,
    /// The version of the Carbon kernel inside.
    pub kernel: String,
    /// The JDK versions that its start script accepts.
    pub java: JavaRange,
    /// Where files are.
    pub files: Files,
    /// The ports it listens on, before any offset.
    pub ports: Ports,
    /// Which keys carry which fact.
    pub keys: Keys,
    /// Databases.
    pub databases: DatabaseFacts,
    /// Key stores.
    pub keystores: KeystoreFacts,
    /// The primary user store.
    pub user_store: UserStoreFacts,
    /// Membership.
    pub clustering: ClusteringFacts,
    /// What goes with the public name.
    pub endpoint: EndpointFacts,
    /// The product's process.
    pub process: ProcessFacts,
    /// What every node must answer; `ready` tells that it serves.
    #[serde(default)]
    pub probes: IndexMap<String, ProbeFacts>,
    /// What is written through one node and read through another; missing where the product has nothing of the kind.
    pub shared_write: Option<SharedWrite>,
}

/// The JDK versions that a start script accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JavaRange {
    /// The oldest, such as 8 or 11.
    pub from: u16,
    /// The newest.
    pub to: u16,
}

/// Where files are, relative to the product's home unless they begin with a slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// The script that starts it; where it is, there is a product.
    pub start_script: String,
    /// The configuration file.
    pub configuration: String,
    /// The folder that takes JDBC drivers.
    pub drivers: String,
    /// The folder where the product puts the bundle that it makes of a driver.
    pub dropins: String,
    /// The folder of key stores.
    pub keystores: String,
    /// Secondary user stores.
    pub userstores: String,
    /// Tenants' artifacts.
    pub tenants: String,
    /// The host's name table.
    pub hosts: String,
    /// The folder of database scripts.
    pub scripts: String,
    /// The file that the server writes its process id into.
    pub pid: String,
    /// The files that say the product's version and update level.
    pub versions: Vec<String>,
    /// The digests of the files that the start script has rendered.
    pub rendered: String,
}

/// The ports a product listens on, before any offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// HTTPS: console, APIs, services.
    pub https: u16,
    /// HTTP.
    pub http: u16,
    /// The offset that it is shipped with.
    #[serde(default)]
    pub offset: u16,
}

/// Which keys carry which fact. A key that is missing does not exist in this version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The public host name.
    pub hostname: KeyPath,
    /// The node's own address.
    pub node_ip: KeyPath,
    /// What is added to every port.
    pub port_offset: KeyPath,
    /// Caches stay on their node.
    pub force_local_cache: KeyPath,
    /// The balancer's HTTP port.
    pub http_proxy_port: KeyPath,
    /// The balancer's HTTPS port.
    pub https_proxy_port: KeyPath,
    /// The type of the primary user store.
    pub user_store_type: KeyPath,
    /// The datasource of the realm, without `jdbc/`.
    pub realm_data_source: KeyPath,
    /// Whether the registry is mounted from the shared database.
    pub registry_mount: Option<KeyPath>,
    /// Whether every change of a resource makes a new version of it.
    pub registry_versioning: Option<KeyPath>,
    /// The membership scheme; its presence switches clustering on.
    pub membership_scheme: KeyPath,
    /// The cluster's domain.
    pub domain: KeyPath,
    /// The address that peers reach this node at.
    pub local_member_host: KeyPath,
    /// The port that peers reach this node at.
    pub local_member_port: KeyPath,
    /// The well-known members.
    pub members: KeyPath,
    /// The table of the clustering agent's parameters.
    pub clustering_properties: KeyPath,
    /// The table that becomes `hazelcast.properties`.
    pub hazelcast: KeyPath,
}

/// Databases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// The table of identity data; missing where the product has none.
    pub identity_db: Option<Slot>,
    /// The table of registry and user management.
    pub shared_db: Slot,
    /// The table of users in a database of their own.
    pub user_db: Slot,
    /// Further tables that are not `[datasource.ID]`, by the name that they have under `databases.extra`.
    #[serde(default)]
    pub named: IndexMap<String, Slot>,
    /// The table above `[datasource.ID]`.
    pub extra: KeyPath,
    /// Keys below a table.
    pub columns: Columns,
    /// Keys below a table that say in parts what `url` says, and go away.
    #[serde(default)]
    pub leftovers: Vec<String>,
    /// Pool options that every datasource gets unless the inventory says otherwise.
    #[serde(default)]
    pub pool: IndexMap<String, serde_json::Value>,
    /// Datasources under `[datasource.ID]` that ship on each node's own H2, and what they hold.
    #[serde(default)]
    pub shipped_per_node: IndexMap<String, String>,
    /// The folders of scripts that fill further datasources, by the name that they have under `databases.extra`.
    #[serde(default)]
    pub extra_scripts: IndexMap<String, Vec<String>>,
    /// How the file names of a driver begin in all its versions, where that is less than the name without the version.
    #[serde(default)]
    pub driver_families: Vec<String>,
    /// What is to be known of each kind of database.
    pub types: BTreeMap<DatabaseType, Dialect>,
}

/// One datasource's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The table.
    pub table: KeyPath,
    /// The datasource's name behind `jdbc/`.
    pub data_source: String,
    /// Other spellings of pool options that the product takes for the same thing.
    #[serde(default)]
    pub pool_spellings: IndexMap<String, String>,
    /// The folders below `files.scripts` whose scripts make its tables; the first must have one, the others may.
    #[serde(default)]
    pub scripts: Vec<String>,
    /// The product has no default for `jmx_enable` here.
    #[serde(default)]
    pub bare: bool,
}

/// Keys below a datasource's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// The kind of database.
    pub kind: String,
    /// The JDBC URL.
    pub url: String,
    /// The driver class.
    pub driver: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// The table of pool options.
    pub pool: String,
    /// The pool option with the query that proves a connection.
    pub validation_query: String,
    /// Whether the pool is seen through JMX.
    pub jmx: String,
    /// The datasource's own name.
    pub id: String,
}

/// What is to be known of a kind of database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The product's word for it.
    pub spelling: String,
    /// The driver's class.
    pub driver: String,
    /// An older driver that has another class.
    pub older_driver: Option<OlderDriver>,
    /// How the file names of its drivers begin.
    #[serde(default)]
    pub jars: Vec<String>,
    /// The usual port.
    pub port: Option<u16>,
    /// The URL, of `{host}`, `{port}` and `{name}`.
    pub url: Template,
    /// What stands before the first option of a URL, and before every other one.
    pub options: Separators,
    /// Options that the URL gets unless the inventory says otherwise.
    #[serde(default)]
    pub parameters: IndexMap<String, String>,
    /// The query that proves a connection.
    pub validation_query: String,
    /// The database is in the node's own files, so that nodes can't share it.
    #[serde(default)]
    pub per_node: bool,
    /// The product's scripts for it; missing where the product brings the database along.
    pub schema: Option<SchemaFacts>,
}

/// A product's scripts for a kind of database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaFacts {
    /// The names that they may have, without `.sql`, the best first.
    pub names: Vec<String>,
    /// How statements are told apart.
    pub separator: Separator,
    /// The statement that makes a database for them, of `{name}`.
    pub create: Template,
}

/// How the statements of a script are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// `;`, or what `DELIMITER` says: MySQL, PostgreSQL.
    Semicolon,
    /// `/` at the end of a line: Oracle, Db2.
    Slash,
    /// `;` outside of blocks, and `GO` on a line of its own: SQL Server.
    Go,
}

/// An older driver that has another class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderDriver {
    /// How its file's name begins.
    pub file: String,
    /// Its class.
    pub driver: String,
}

/// What separates the options of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Separators {
    /// Before the first.
    pub first: String,
    /// Before every other.
    pub next: String,
    /// After the last.
    #[serde(default)]
    pub last: String,
}

/// Key stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeystoreFacts {
    /// The kind of the stores that it ships with.
    pub shipped: KeystoreType,
    /// The table of the key that signs tokens and opens stored secrets.
    pub primary: KeyPath,
    /// The table of the key that clients see.
    pub tls: KeyPath,
    /// The table of the key that the product encrypts with for itself.
    pub internal: KeyPath,
    /// The table of the certificates that it trusts.
    pub truststore: KeyPath,
    /// The symmetric key.
    pub encryption_key: KeyPath,
    /// Keys below a table.
    pub columns: KeystoreColumns,
    /// Files that only a product that was started leaves, relative to its home.
    pub started: Vec<String>,
}

/// Keys below a key store's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeystoreColumns {
    /// The file's name.
    pub file: String,
    /// The kind of store.
    pub kind: String,
    /// The store's password.
    pub password: String,
    /// The key's name in the store.
    pub alias: String,
    /// The key's password.
    pub key_password: String,
}

/// The primary user store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStoreFacts {
    /// The product's words for the types it knows.
    pub types: BTreeMap<UserStoreType, String>,
    /// The type that fits new installations.
    pub recommended: UserStoreType,
    /// The shipped store is a directory inside each node, so that nodes can't share it.
    pub shipped_per_node: bool,
    /// Keys that only a directory needs; they go away with it.
    pub directory_keys: Vec<KeyPath>,
}

/// Membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusteringFacts {
    /// Why this version can't form a cluster as it is shipped; missing when it can.
    pub agent_missing: Option<String>,
    /// The schemes it knows.
    pub schemes: BTreeMap<Scheme, SchemeFacts>,
    /// What `hazelcast.properties` gets unless the inventory says otherwise.
    pub hazelcast: IndexMap<String, String>,
    /// After how many seconds without a heartbeat a peer is gone.
    pub heartbeat: Seconds,
    /// How many seconds pass between two heartbeats.
    pub heartbeat_interval: Seconds,
}

/// A property that counts seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seconds {
    /// Its name.
    pub property: String,
    /// What holds where nobody sets it.
    pub default: u32,
}

/// A membership scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemeFacts {
    /// The usual membership port.
    pub port: u16,
    /// The ports it may use: first and last.
    pub ports: Option<(u16, u16)>,
    /// The product's names of the scheme's options, by the inventory's.
    #[serde(default)]
    pub properties: IndexMap<String, String>,
    /// How many seconds the first node waits for others before it goes on.
    #[serde(default)]
    pub first_wait: u32,
    /// What this version lacks for it: a file that has to be brought along.
    pub needs: Option<String>,
    /// Properties that always go with it.
    #[serde(default)]
    pub fixed: IndexMap<String, String>,
}

/// What goes with the public name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFacts {
    /// URLs that the product calls itself by. They keep the node's own port, since its `/etc/hosts` skips the balancer.
    #[serde(default)]
    pub internal_urls: Vec<InternalUrl>,
    /// Paths that nobody outside may ask: a balancer closes them, and all that is below.
    #[serde(default)]
    pub closed: Vec<String>,
    /// The path of the management console.
    pub console: String,
}

/// A URL that the product calls itself by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternalUrl {
    /// Its key.
    pub key: KeyPath,
    /// The URL, of `{hostname}` and `{https}`.
    pub url: Template,
}
