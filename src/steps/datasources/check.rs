//! What is wrong with the databases of an inventory.

use super::{Source, jdbc_url, sources};
use crate::model::inventory::{Cluster, Databases};
use crate::model::profile::{DatabaseFacts, Dialect, Profile};
use crate::steps::Finding;
use crate::steps::node::{has_peers, on_one_machine};

/// Everything that is wrong with the databases, by rule.
pub(in crate::steps) fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let (databases, facts) = (&cluster.databases, &profile.databases);
    let mut findings = Vec::new();
    if databases.identity_db.is_some() && facts.identity_db.is_none() {
        let cause = format!("{} {} has no identity database", profile.product, profile.version);
        findings.push(Finding::error("identity-db-unknown", "databases.identity_db", cause).hint("take it out"));
    }
    for source in sources(databases, facts) {
        findings.extend(source.check(cluster, profile));
    }
    if has_peers(cluster) {
        findings.extend(unshared(databases, facts));
    }
    findings
}

/// Datasources that stay as shipped, on each node's own H2, though several nodes run.
fn unshared(databases: &Databases, facts: &DatabaseFacts) -> Vec<Finding> {
    let missing = |name: &str, what: &str| {
        let cause = format!("{name} is not given: as shipped, each node keeps its own {what}");
        let hint = format!("add `{name}`, unless the nodes' files already name a shared database");
        Finding::warning("D03", "databases", cause).hint(hint)
    };
    let mut findings = Vec::new();
    if databases.shared_db.is_none() {
        findings.push(missing("shared_db", "users and registry"));
    }
    if databases.identity_db.is_none() && facts.identity_db.is_some() {
        findings.push(missing("identity_db", "applications and tokens"));
    }
    for (id, what) in facts.shipped_per_node.iter().filter(|(id, _)| !databases.extra.contains_key(*id)) {
        findings.push(missing(&format!("extra.{id}"), what));
    }
    findings
}

impl Source<'_> {
    fn check(&self, cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (at, database) = (&self.at, self.database);
        let Some(dialect) = profile.databases.types.get(&database.kind) else {
            let known = profile.databases.types.keys().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
            let cause = format!(
                "{} {} does not know the type `{}`; it knows {known}",
                profile.product,
                profile.version,
                database.kind.word()
            );
            let finding = Finding::error("database-type-unknown", format!("{at}.type"), cause);
            return vec![finding.hint("MariaDB also speaks MySQL's protocol: `type: mysql` with MySQL's driver")];
        };
        self.check_place(dialect, &mut findings);
        if has_peers(cluster) && findings.is_empty() {
            self.check_shared(cluster, dialect, &mut findings);
        }
        for (name, value) in &database.pool {
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name || value.is_array() || value.is_object() || value.is_null() {
                let cause = format!("`{name}` is not an option of the pool with one value");
                let hint = "use the product's own names, such as `maxActive: 80`";
                findings.push(Finding::error("pool-option", format!("{at}.pool.{name}"), cause).hint(hint));
            }
            if name == "testOnBorrow" && (value == false || value == "false") {
                let cause = "connections are handed out untested: after a failover of the database requests fail";
                findings.push(Finding::warning("D10", format!("{at}.pool.{name}"), cause).hint("set it to true"));
            }
        }
        if let Some(jndi) = &database.jndi {
            let fits = self.id.is_some() && jndi.strip_prefix("jdbc/").is_some_and(|id| !id.is_empty());
            if !fits {
                let cause = format!("the product gives this datasource its own JNDI name, not `{jndi}`");
                let hint = "only `databases.extra.ID` takes a name, and it begins with `jdbc/`";
                findings.push(Finding::error("jndi-name", format!("{at}.jndi"), cause).hint(hint));
            }
        }
        findings
    }

    /// Is it well said where the database is?
    fn check_place(&self, dialect: &Dialect, findings: &mut Vec<Finding>) {
        let (at, database) = (&self.at, self.database);
        if let Some(url) = &database.url {
            if let Some((cause, hint)) = jdbc_url::malformed(url, dialect, database.driver_class.is_some()) {
                findings.push(Finding::error("D06", format!("{at}.url"), cause).hint(hint));
            }
            if !database.parameters.is_empty() {
                let cause = "options stand both in `url` and in `parameters`";
                let hint = "write them into the URL, or give `host` and `name` instead of the URL";
                findings.push(Finding::error("D06", format!("{at}.parameters"), cause).hint(hint));
            }
            return;
        }
        for (key, value) in [("host", &database.host), ("name", &database.name)] {
            if let Some(text) = value.as_ref().filter(|text| jdbc_url::breaks_url(text)) {
                let cause = format!("`{text}` can't stand in a JDBC URL");
                findings.push(Finding::error("D06", format!("{at}.{key}"), cause).hint("give a whole `url` instead"));
            }
        }
        let separators = [dialect.options.first.as_str(), &dialect.options.next];
        for (name, value) in &database.parameters {
            let ends =
                |text: &str| text.contains(char::is_whitespace) || separators.iter().any(|mark| text.contains(mark));
            if name.is_empty() || name.contains('=') || ends(name) || ends(value) {
                let cause = format!("the option `{name}` would be read as several");
                let hint = "percent-encode what separates options, if the driver decodes it";
                findings.push(Finding::error("D06", format!("{at}.parameters.{name}"), cause).hint(hint));
            }
        }
    }

    /// Can several nodes share it?
    fn check_shared(&self, cluster: &Cluster, dialect: &Dialect, findings: &mut Vec<Finding>) {
        let (at, url) = (&self.at, jdbc_url::url(self.database, dialect));
        let served = url.starts_with("jdbc:h2:tcp:") || url.starts_with("jdbc:h2:ssl:");
        if (dialect.per_node || url.starts_with("jdbc:h2:")) && !served {
            let cause = "an H2 database is in each node's own files: the nodes would not share their data";
            let hint = "use a database server that all nodes reach";
            findings.push(Finding::error("D03", format!("{at}.type"), cause).hint(hint));
        } else if let Some(host) = jdbc_url::local_host(&url).filter(|_| !on_one_machine(cluster)) {
            let key = if self.database.url.is_some() { "url" } else { "host" };
            let cause = format!("`{host}` is another machine on each node: the nodes would not share their data");
            let hint = "name the database server as all nodes reach it";
            findings.push(Finding::error("D04", format!("{at}.{key}"), cause).hint(hint));
        }
    }
}
