//! `databases:`: the JDBC driver and the datasources.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OneOrMany, SecretSource};

/// The databases that the nodes share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Databases {
    /// The JDBC driver, or several, that every node gets.
    pub driver: Option<OneOrMany<Driver>>,
    /// Identity data: `[database.identity_db]`. The bare kernel has none.
    pub identity_db: Option<Database>,
    /// Registry and user management: `[database.shared_db]`.
    pub shared_db: Option<Database>,
    /// Users in a database of their own: `[database.user]`, and the realm is pointed at it.
    pub user_db: Option<Database>,
    /// Any further datasource, by its id: `[datasource.ID]`.
    pub extra: IndexMap<String, Database>,
    /// Make the tables that are missing, by the scripts that the product brings. The databases themselves and their users
    /// must be there; nothing is ever dropped or altered. Default: false.
    pub create_schema: bool,
}

/// A JDBC driver file on the controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// The jar, relative to the inventory.
    #[schemars(extend("format" = "local-file"))]
    pub file: PathBuf,
    /// Its SHA-256, 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
}

/// One database. Either `host` and `name`, or a whole `url`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The kind of database; says the driver class, the URL and the validation query.
    #[serde(rename = "type")]
    pub kind: DatabaseType,
    /// The database server as the nodes reach it. `localhost` is an error with more than one node.
    pub host: Option<String>,
    /// Its port. Default: the usual one of its kind.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The database's name; for Oracle the service.
    pub name: Option<String>,
    /// A whole JDBC URL instead of `host`, `port` and `name`; `&` is written plainly, hactl escapes it where the product wants that.
    pub url: Option<String>,
    /// The user to log in as.
    pub username: String,
    /// The password.
    pub password: SecretSource,
    /// Options of the URL, such as `useSSL: "false"`; added to those that the kind needs.
    #[serde(default)]
    pub parameters: IndexMap<String, String>,
    /// The driver class, where the usual one of the kind does not fit.
    pub driver_class: Option<String>,
    /// Options of the connection pool, by the product's own names, such as `maxActive: 80`.
    #[serde(default)]
    pub pool: IndexMap<String, serde_json::Value>,
    /// The JNDI name; only for `extra`. Default: `jdbc/ID`.
    pub jndi: Option<String>,
}

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseType {
    /// MySQL 5.7 or 8.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// PostgreSQL.
    Postgresql,
    /// Microsoft SQL Server.
    Mssql,
    /// Oracle.
    Oracle,
    /// IBM Db2.
    Db2,
    /// The product's embedded database; an error with more than one node.
    H2,
}

impl DatabaseType {
    /// Its word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Postgresql => "postgresql",
            Self::Mssql => "mssql",
            Self::Oracle => "oracle",
            Self::Db2 => "db2",
            Self::H2 => "h2",
        }
    }
}
