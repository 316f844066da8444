//! JDBC URLs: how they are made, and what is wrong with those that a person wrote.

use crate::model::inventory::Database;
use crate::model::profile::Dialect;
use crate::steps::address::is_local;

/// The URL as the driver reads it, without any escaping.
pub(super) fn url(database: &Database, dialect: &Dialect) -> String {
    if let Some(url) = &database.url {
        return url.clone();
    }
    let host = database.host.as_deref().unwrap_or_default();
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let port = database.port.or(dialect.port).map(|port| port.to_string()).unwrap_or_default();
    let name = database.name.as_deref().unwrap_or_default();
    let mut url = dialect.url.fill(&[("host", &host), ("port", &port), ("name", name)]);
    let mut parameters = dialect.parameters.clone();
    parameters.extend(database.parameters.clone());
    let (mut before, mut after) = (dialect.options.first.as_str(), "");
    for (name, value) in parameters {
        url += &format!("{before}{name}={value}");
        (before, after) = (&dialect.options.next, &dialect.options.last);
    }
    url + after
}

/// The one server that the URL names, and its port; `None` when it names several, or none.
pub(super) fn server(database: &Database, dialect: &Dialect) -> Option<(String, u16)> {
    let url = url(database, dialect);
    let (_, rest) = url.split_once("//").or_else(|| url.split_once('@'))?;
    let authority = rest.split(['/', '?', ';', '\\']).next()?;
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    if server.is_empty() || server.contains([',', '(', '=']) {
        return None;
    }
    let host = without_port(server);
    let port = server.rsplit_once(':').filter(|(before, _)| before.trim_matches(['[', ']']) == host);
    let port = port.map_or(Ok(dialect.port?), |(_, port)| port.parse()).ok()?;
    Some((host.to_owned(), port))
}

/// What is wrong with the form of a URL that a person wrote, for a database of this dialect.
pub(super) fn malformed(url: &str, dialect: &Dialect, own_driver: bool) -> Option<(String, &'static str)> {
    let kind = dialect.url.as_str().split_inclusive(':').take(2).collect::<String>();
    if !own_driver && !url.starts_with(&kind) {
        let cause = format!("the URL does not begin with `{kind}`, as its type says");
        return Some((cause, "mend `type` or the URL, or name the driver with `driver_class`"));
    }
    if url.contains("&amp;") {
        return Some((
            "the URL holds `&amp;`".into(),
            "write a plain `&`: hactl escapes it where the product needs that",
        ));
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some(("the URL holds a blank".into(), "take it out, or write it as `%20`"));
    }
    let options = url.contains('&') || url.rsplit('/').next().is_some_and(|name| name.contains('='));
    if dialect.options.first == "?" && !url.contains('?') && !url.contains('(') && options {
        return Some(("the URL has options but no `?`".into(), "write `?` before the first option"));
    }
    None
}

/// The first host of the URL that is every node's own, such as `localhost`.
pub(super) fn local_host(url: &str) -> Option<String> {
    let rest = url.split_once("//").or_else(|| url.split_once('@')).map_or("", |(_, rest)| rest);
    let authority = if rest.starts_with('(') { rest } else { rest.split(['/', '?', ';', '\\']).next().unwrap_or(rest) };
    let named = url.split([';', '?', '&']).skip(1).filter_map(|option| {
        let (key, value) = option.split_once('=')?;
        ["servername", "host"].contains(&key.to_ascii_lowercase().as_str()).then_some(value)
    });
    let hosts = authority.split([',', '(', ')', '=', '@']).chain(named).map(without_port);
    hosts.filter(|host| is_local(host)).map(str::to_owned).next()
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(address),
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or(host),
        None => host,
    }
}

/// A host or database name that would change the meaning of the URL around it.
pub(super) fn breaks_url(text: &str) -> bool {
    text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control() || "?&;=/\\@#\"'<>{}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_server_of_a_url_is_found_with_its_port() {
        let profile = crate::model::profile::Profile::find("wso2is", "7.1.0").unwrap();
        for (kind, url, expected) in [
            ("mysql", "jdbc:mysql://db:3307/x?a=b", Some(("db", 3307))),
            ("mysql", "jdbc:mysql://user:word@db/x", Some(("db", 3306))),
            ("postgresql", "jdbc:postgresql://[fd00::1]:5433/x", Some(("fd00::1", 5433))),
            ("oracle", "jdbc:oracle:thin:@db:1522/x", Some(("db", 1522))),
            ("mssql", "jdbc:sqlserver://db;databaseName=x", Some(("db", 1433))),
            ("mysql", "jdbc:mysql://db1,db2/x", None),
            ("oracle", "jdbc:oracle:thin:@(DESCRIPTION=(HOST=db))", None),
            ("h2", "jdbc:h2:./repository/database/X", None),
        ] {
            let text = format!("{{ type: {kind}, url: \"{url}\", username: u, password: {{ env: P }} }}");
            let database: Database = serde_saphyr::from_str(&text).unwrap();
            let dialect = &profile.databases.types[&database.kind];
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(server(&database, dialect), expected, "{url}");
        }
    }

    #[test]
    fn a_host_of_the_node_itself_is_found_in_every_form_of_url() {
        for url in [
            "jdbc:mysql://localhost:3306/x",
            "jdbc:mysql://db1:3306,127.0.0.1:3306/x",
            "jdbc:postgresql://[::1]:5432/x",
            "jdbc:postgresql://LOCALHOST/x?a=b",
            "jdbc:oracle:thin:@localhost:1521/x",
            "jdbc:oracle:thin:@//127.1.2.3/x",
            "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=localhost)(PORT=1521)))",
            "jdbc:sqlserver://;serverName=localhost;databaseName=x",
            "jdbc:mysql://user:word@0.0.0.0/x",
        ] {
            assert!(local_host(url).is_some(), "{url}");
        }
        for url in ["jdbc:mysql://db/localhost", "jdbc:mysql://10.0.0.1:1/x", "jdbc:h2:tcp://localhost.example.com/x"] {
            assert_eq!(local_host(url), None, "{url}");
        }
    }
}
