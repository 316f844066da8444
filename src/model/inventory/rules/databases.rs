//! Rules about databases.

use super::Rules;
use crate::model::inventory::Database;
use crate::model::inventory::hidden::has_credentials;

impl Rules<'_> {
    pub(super) fn databases(&mut self) {
        let Some(databases) = &self.document.databases else {
            return;
        };
        let own = [
            ("identity_db", &databases.identity_db),
            ("shared_db", &databases.shared_db),
            ("user_db", &databases.user_db),
        ];
        for (name, database) in own {
            if let Some(database) = database {
                let path = format!("databases.{name}");
                self.database(&path, database);
                if database.jndi.is_some() {
                    let message = format!("`{path}` has a fixed JNDI name");
                    let hint = "take `jndi` away; only databases under `extra` have one of their own";
                    self.wrong("bad-database", &format!("{path}.jndi"), message, hint);
                }
            }
        }
        for (name, database) in &databases.extra {
            self.database(&format!("databases.extra.{name}"), database);
        }
    }

    fn database(&mut self, path: &str, database: &Database) {
        const HINT: &str = "write either `host` and `name`, or a whole `url`";
        let parts =
            [("host", database.host.is_some()), ("port", database.port.is_some()), ("name", database.name.is_some())];
        match &database.url {
            Some(url) => {
                for (key, _) in parts.iter().filter(|(_, given)| *given) {
                    let message = format!("`{path}` has both `url` and `{key}`");
                    self.wrong("bad-database", &format!("{path}.{key}"), message, HINT);
                }
                let at = format!("{path}.url");
                if has_credentials(url) {
                    let message = format!("the URL of `{path}` holds a password");
                    self.wrong(
                        "plain-text-secret",
                        &at,
                        message,
                        "take it out of the URL; `username` and `password` say who logs in",
                    );
                } else if !url.starts_with("jdbc:") {
                    self.wrong(
                        "bad-database",
                        &at,
                        format!("the URL of `{path}` is no JDBC URL"),
                        "it begins with `jdbc:`",
                    );
                }
            }
            None => {
                for (key, given) in [parts[0], parts[2]] {
                    if !given && ![key, "url"].iter().any(|key| self.is_spoilt(&format!("{path}.{key}"))) {
                        self.wrong("bad-database", path, format!("`{path}` has neither `url` nor `{key}`"), HINT);
                    }
                }
            }
        }
    }
}
