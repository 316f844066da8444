//! `deployment.toml` as the product reads it: strict about TOML and XML, silent about keys that it does not know.

use toml_edit::{Document, Item, TableLike};

/// What a node takes from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configuration {
    pub(super) hostname: String,
    pub(super) offset: u16,
    pub(super) database: Database,
    pub(super) cluster: Option<Cluster>,
    pub(super) keystore: Keystore,
    pub(super) admin: (String, String),
}

/// Where the shared data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) url: String,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) driver: String,
}

/// The store of the key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keystore {
    pub(super) file: String,
    pub(super) password: String,
    pub(super) alias: String,
}

/// How the nodes find one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) scheme: String,
    pub(super) domain: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) members: Vec<String>,
}

/// Why a configuration is not read: the last line of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) String);

impl Configuration {
    /// Reads the file's text.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let document = Document::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let message = error.message().trim().replace('\n', ", ");
            Unreadable(format!("{message} (line {line}, column {column})"))
        })?;
        let root = document.as_table();
        let text = |path: &str| find(root, path).map(spelled);
        let or = |path: &str, otherwise: &str| text(path).unwrap_or_else(|| otherwise.to_owned());
        let number = |path: &str, otherwise: u16| text(path).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
        let kind = or("database.shared_db.type", "h2");
        let driver = if kind == "h2" { "org.h2.Driver" } else { super::super::pack::DRIVER_CLASS };
        let members = find(root, "clustering.members").and_then(Item::as_array);
        let members = members.map(|all| all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect());
        let cluster = text("clustering.membership_scheme").map(|scheme| Cluster {
            scheme,
            domain: or("clustering.domain", "wso2.carbon.domain"),
            host: or("clustering.local_member_host", "127.0.0.1"),
            port: number("clustering.local_member_port", 4000),
            members: members.unwrap_or_default(),
        });
        Ok(Self {
            hostname: or("server.hostname", "localhost"),
            offset: number("server.offset", 0),
            database: Database {
                url: or("database.shared_db.url", "jdbc:h2:./repository/database/WSO2SHARED_DB"),
                username: or("database.shared_db.username", "wso2carbon"),
                password: or("database.shared_db.password", "wso2carbon"),
                driver: or("database.shared_db.driver", driver),
            },
            cluster,
            keystore: Keystore {
                file: or("keystore.primary.file_name", "wso2carbon.jks"),
                password: or("keystore.primary.password", "wso2carbon"),
                alias: or("keystore.primary.alias", "wso2carbon"),
            },
            admin: (or("super_admin.username", "admin"), or("super_admin.password", "admin")),
        })
    }

    /// Turns the texts that went into XML unescaped back into what they mean.
    ///
    /// # Errors
    /// What the XML parser says when one of them was no XML.
    pub(super) fn unescape(mut self) -> Result<Self, String> {
        let database = &mut self.database;
        for text in [&mut database.url, &mut database.username, &mut database.password, &mut self.keystore.password] {
            *text = unescaped(text)?;
        }
        Ok(self)
    }
}

fn find<'d>(root: &'d dyn TableLike, path: &str) -> Option<&'d Item> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let item = root.get(first)?;
    if rest.is_empty() { Some(item) } else { find(item.as_table_like()?, rest) }
}

fn spelled(item: &Item) -> String {
    item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned)
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let entity = from.strip_prefix('&').and_then(|entity| entity.split_once(';'));
        let meant = entity.and_then(|(name, after)| {
            let meant = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
            };
            Some((meant, after))
        });
        let Some((meant, after)) = meant else {
            // The parser stops at the first character that no entity and no name of one can have.
            let odd = from.chars().skip(1).find(|c| !c.is_alphanumeric()).unwrap_or(' ');
            return Err(format!(
                "com.ctc.wstx.exc.WstxUnexpectedCharException: Unexpected character '{odd}' (code {}) (expected a ';' or a name character)",
                u32::from(odd)
            ));
        };
        out.push(meant);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

impl Database {
    /// Where the server is and which database is meant; `None` for a database in the node's own files.
    pub(super) fn server(&self) -> Option<(String, u16, String)> {
        let rest = self.url.split_once("://")?.1;
        let (authority, path) = rest.split_once('/')?;
        let (host, port) = authority.split_once(':').unwrap_or((authority, "3306"));
        let name = path.split(['?', ';']).next().unwrap_or_default();
        Some((host.to_owned(), port.parse().ok()?, name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../pack/deployment.toml");

    #[test]
    fn as_shipped_a_node_is_by_itself_and_an_unknown_key_is_ignored() {
        let shipped = Configuration::read(SHIPPED).unwrap();
        assert_eq!(shipped.cluster, None);
        assert_eq!(shipped.database.server(), None);
        let more = Configuration::read(&format!("{SHIPPED}\n[clusterring]\nmembership_scheme = \"wka\"\n")).unwrap();
        assert_eq!(more, shipped);
    }

    #[test]
    fn bad_toml_ends_with_the_place_where_it_is_bad() {
        let Unreadable(line) = Configuration::read("[server]\nhostname = \"a\"\n[server.x\noffset = 1\n").unwrap_err();
        assert!(line.contains("(line 3, column 10)"), "{line}");
    }

    #[test]
    fn texts_are_xml() {
        assert_eq!(unescaped("a&amp;b&#33;&lt;").unwrap(), "a&b!<");
        let refused = unescaped("jdbc:mysql://db/x?a=1&b=2").unwrap_err();
        assert!(refused.contains("WstxUnexpectedCharException: Unexpected character '=' (code 61)"), "{refused}");
        assert!(unescaped("a<b").is_err());
    }

    #[test]
    fn a_server_is_found_in_the_url() {
        let url = "jdbc:mysql://127.79.1.10:23001/SHARED_DB?useSSL=false".to_owned();
        let database = Database { url, username: String::new(), password: String::new(), driver: String::new() };
        assert_eq!(database.server(), Some(("127.79.1.10".into(), 23_001, "SHARED_DB".into())));
    }
}
