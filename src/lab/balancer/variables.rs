//! Variables of nginx: those of a request, and those that a map makes.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::lab::http::Message;

/// A map from one text to another.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) source: String,
    pub(super) exact: BTreeMap<String, String>,
    pub(super) patterns: Vec<(Regex, String)>,
    pub(super) default: String,
}

/// What a text with variables is filled from.
pub(super) struct Values<'a> {
    pub(super) maps: &'a BTreeMap<String, Map>,
    pub(super) request: &'a Message,
    pub(super) client: String,
    pub(super) scheme: &'static str,
    pub(super) server_name: &'a str,
    pub(super) upstream: String,
}

const PLAIN: [&str; 10] = [
    "host",
    "http_host",
    "https",
    "proxy_add_x_forwarded_for",
    "remote_addr",
    "request_uri",
    "scheme",
    "server_name",
    "upstream_addr",
    "uri",
];

/// Every variable of a text that nobody knows.
pub(super) fn unknown<'t>(text: &'t str, maps: &BTreeMap<String, Map>) -> Option<&'t str> {
    parts(text).into_iter().find_map(|part| match part {
        Part::Variable(name) => {
            let known = PLAIN.contains(&name) || name.starts_with("http_") || name.starts_with("cookie_");
            (!known && !maps.contains_key(name)).then_some(name)
        }
        Part::Text(_) => None,
    })
}

enum Part<'t> {
    Text(&'t str),
    Variable(&'t str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        all.push(Part::Text(before));
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (name, behind) =
            braced.unwrap_or_else(|| after.split_at(after.find(|c| !is_word(c)).unwrap_or(after.len())));
        // A dollar sign by itself ends a regular expression.
        all.push(if name.is_empty() { Part::Text("$") } else { Part::Variable(name) });
        rest = behind;
    }
    all.push(Part::Text(rest));
    all
}

impl Values<'_> {
    /// The text with its variables filled in.
    pub(super) fn fill(&self, text: &str) -> String {
        parts(text)
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Variable(name) => self.value(name),
            })
            .collect()
    }

    fn value(&self, name: &str) -> String {
        let header = |name: &str| self.request.header(name).unwrap_or_default().to_owned();
        if let Some(map) = self.maps.get(name) {
            return self.mapped(map);
        }
        match name {
            "remote_addr" => self.client.clone(),
            "request_uri" | "uri" => self.request.word(1).to_owned(),
            "scheme" => self.scheme.to_owned(),
            "https" => if self.scheme == "https" { "on" } else { "" }.to_owned(),
            "server_name" => self.server_name.to_owned(),
            "upstream_addr" => self.upstream.clone(),
            "host" => {
                let host = header("Host");
                let host = host
                    .rsplit_once(':')
                    .filter(|(_, port)| port.parse::<u16>().is_ok())
                    .map_or(host.as_str(), |(host, _)| host)
                    .to_ascii_lowercase();
                if host.is_empty() { self.server_name.to_owned() } else { host }
            }
            "proxy_add_x_forwarded_for" => match self.request.header("X-Forwarded-For") {
                Some(before) => format!("{before}, {}", self.client),
                None => self.client.clone(),
            },
            _ => match name.split_once('_') {
                Some(("http", name)) => header(&name.replace('_', "-")),
                Some(("cookie", name)) => self.request.cookie(name).unwrap_or_default().to_owned(),
                _ => String::new(),
            },
        }
    }

    fn mapped(&self, map: &Map) -> String {
        let source = self.fill(&map.source);
        let pattern = || map.patterns.iter().find(|(pattern, _)| pattern.is_match(&source)).map(|(_, value)| value);
        // An exact value wins over every pattern.
        self.fill(map.exact.get(&source).or_else(pattern).unwrap_or(&map.default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_prefer_what_is_exact_and_take_other_variables() {
        let map = |source: &str, exact: &[(&str, &str)], patterns: &[(&str, &str)]| Map {
            source: source.to_owned(),
            exact: exact.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            patterns: patterns.iter().map(|(key, value)| (Regex::new(key).unwrap(), (*value).to_owned())).collect(),
            default: String::new(),
        };
        let maps = BTreeMap::from([
            ("node".to_owned(), map("$upstream_addr", &[], &[("(^|[ ,])127\\.79\\.1\\.2:[0-9]+$", "is-2")])),
            ("set".to_owned(), map("$node:$cookie_c", &[("is-2:b", "")], &[("^is-2:", "c=b; Path=/")])),
        ]);
        let request = |cookie: &str| Message {
            start: "GET /a?b HTTP/1.1".to_owned(),
            headers: vec![("Host".to_owned(), "X.example:8443".to_owned()), ("Cookie".to_owned(), cookie.to_owned())],
            body: Vec::new(),
        };
        let fill = |cookie: &str, text: &str| {
            let request = request(cookie);
            let upstream = "127.79.1.1:9443, 127.79.1.2:9443".to_owned();
            let values = Values {
                maps: &maps,
                request: &request,
                client: "10.0.0.1".to_owned(),
                scheme: "https",
                server_name: "s",
                upstream,
            };
            values.fill(text)
        };
        assert_eq!(fill("x=1; c=a", "$set|$node"), "c=b; Path=/|is-2");
        assert_eq!(fill("c=b", "$set"), "");
        assert_eq!(fill("", "${scheme}://$host$request_uri $http_host $"), "https://x.example/a?b X.example:8443 $");
        assert_eq!(unknown("$set $cookie_x $nothing", &maps), Some("nothing"));
    }
}
