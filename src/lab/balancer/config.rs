//! What nginx's configuration means, as far as the lab's nginx knows it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex_lite::Regex;

use super::known::check;
use super::read::{Directive, Files, read};
use super::upstream::{Member, Upstream};
use super::variables::{Map, unknown};

/// A whole configuration.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) pid: PathBuf,
    pub(super) error_log: PathBuf,
    pub(super) maps: BTreeMap<String, Map>,
    pub(super) upstreams: BTreeMap<String, Upstream>,
    pub(super) sites: Vec<Site>,
}

/// A `server` block.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) listens: Vec<(SocketAddr, bool)>,
    pub(super) names: Vec<String>,
    /// The certificate and its key, as PEM.
    pub(super) tls: Option<(String, String)>,
    pub(super) answer: Option<(u16, String)>,
    pub(super) locations: Vec<Location>,
}

/// A `location` block.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) path: Place,
    pub(super) answer: Option<(u16, String)>,
    pub(super) proxy: Option<Proxy>,
}

/// Which paths a location is for.
#[derive(Debug)]
pub(super) enum Place {
    Below(String),
    Exactly(String),
    Like(Regex),
}

/// How requests are passed on.
#[derive(Debug, Default)]
pub(super) struct Proxy {
    pub(super) pass: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) hidden: Vec<String>,
    pub(super) added: Vec<(String, String)>,
    pub(super) connect: Duration,
    pub(super) wait: Duration,
    pub(super) next: bool,
    pub(super) tries: usize,
    pub(super) tls_name: String,
    /// The certificates that a node's own is checked with, as PEM.
    pub(super) trusted: Option<String>,
}

impl Config {
    /// Reads and judges a configuration, and all that it includes.
    ///
    /// # Errors
    /// In nginx's words.
    pub(super) fn load(path: &Path, files: &mut Files) -> Result<Self, String> {
        let all = read(path, files)?;
        check(&all, 'm')?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let value = |name: &str| all.iter().find(|one| one.name == name).and_then(|one| one.words.first());
        let or = |name: &str, otherwise: &str| folder.join(value(name).map_or(otherwise, String::as_str));
        if !all.iter().any(|one| one.name == "events") {
            return Err("no \"events\" section in configuration".to_owned());
        }
        let http: Vec<&Directive> = all.iter().filter(|one| one.name == "http").flat_map(inside).collect();
        let mut config = Self {
            pid: or("pid", "nginx.pid"),
            error_log: or("error_log", "error.log"),
            maps: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            sites: Vec::new(),
        };
        for one in http.iter().filter(|one| one.name == "map") {
            let (name, map) = map(one)?;
            config.maps.insert(name, map);
        }
        for one in http.iter().filter(|one| one.name == "upstream") {
            let upstream = upstream(one)?;
            if config.upstreams.insert(one.words.concat(), upstream).is_some() {
                return Err(format!("duplicate upstream \"{}\" {}", one.words.concat(), one.at));
            }
        }
        for one in http.iter().filter(|one| one.name == "server") {
            let site = config.site(one, &folder)?;
            config.sites.push(site);
        }
        let texts = config.maps.values().flat_map(|map| map.exact.values().chain([&map.source, &map.default]));
        if let Some(name) = texts.into_iter().find_map(|text| unknown(text, &config.maps)) {
            return Err(format!("unknown \"{name}\" variable"));
        }
        Ok(config)
    }

    fn site(&self, one: &Directive, folder: &Path) -> Result<Site, String> {
        let mut site = Site { listens: Vec::new(), names: Vec::new(), tls: None, answer: None, locations: Vec::new() };
        let (mut certificate, mut key) = (None, None);
        for part in inside(one) {
            let first = part.words.first().map(String::as_str).unwrap_or_default();
            match part.name.as_str() {
                "listen" => site.listens.push((socket(first, &part.at)?, part.words.iter().any(|word| word == "ssl"))),
                "server_name" => site.names.extend(part.words.iter().map(|name| name.to_ascii_lowercase())),
                "ssl_certificate" => certificate = Some(file(folder, first, "certificate")?),
                "ssl_certificate_key" => key = Some(file(folder, first, "certificate key")?),
                "return" => site.answer = Some(self.answer(part)?),
                "location" => site.locations.push(self.location(part, folder)?),
                _ => {}
            }
        }
        if site.listens.iter().any(|(_, ssl)| *ssl) {
            let (Some(certificate), Some(key)) = (certificate, key) else {
                return Err(format!(
                    "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive {}",
                    one.at
                ));
            };
            crate::lab::tls::acceptor(&certificate, &key)
                .map_err(|error| format!("cannot load certificate: {}", error.cause))?;
            site.tls = Some((certificate, key));
        }
        Ok(site)
    }

    fn location(&self, one: &Directive, folder: &Path) -> Result<Location, String> {
        let path = match one.words.as_slice() {
            [path] => Place::Below(path.clone()),
            [kind, path] if kind == "=" => Place::Exactly(path.clone()),
            [kind, pattern] if kind == "~" => {
                let wrong = |error| format!("pcre2_compile() failed: {error} in \"{pattern}\" {}", one.at);
                Place::Like(Regex::new(pattern).map_err(wrong)?)
            }
            _ => return Err(format!("invalid location modifier {}", one.at)),
        };
        let mut location = Location { path, answer: None, proxy: None };
        let seconds = Duration::from_secs;
        let mut proxy = Proxy { connect: seconds(60), wait: seconds(60), next: true, ..Proxy::default() };
        let (mut verify, mut trusted) = (false, None);
        for part in inside(one) {
            let first = part.words.first().map(String::as_str).unwrap_or_default();
            let pair = || (first.to_owned(), part.words.get(1).cloned().unwrap_or_default());
            if let Some(name) = part.words.iter().find_map(|word| unknown(word, &self.maps)) {
                return Err(format!("unknown \"{name}\" variable {}", part.at));
            }
            match part.name.as_str() {
                "return" => location.answer = Some(self.answer(part)?),
                "proxy_pass" => proxy.pass = self.target(first, &part.at)?,
                "proxy_set_header" => proxy.headers.push(pair()),
                "proxy_hide_header" => proxy.hidden.push(first.to_owned()),
                "add_header" => proxy.added.push(pair()),
                "proxy_connect_timeout" => proxy.connect = time(first, part)?,
                "proxy_read_timeout" => proxy.wait = time(first, part)?,
                "proxy_next_upstream" => proxy.next = first != "off",
                "proxy_next_upstream_tries" => proxy.tries = first.parse().map_err(|_| invalid(part))?,
                "proxy_ssl_name" => first.clone_into(&mut proxy.tls_name),
                "proxy_ssl_verify" => verify = first == "on",
                "proxy_ssl_trusted_certificate" => trusted = Some(file(folder, first, "certificate")?),
                _ => {}
            }
        }
        proxy.trusted = if verify { Some(trusted.unwrap_or_default()) } else { None };
        if !proxy.pass.is_empty() {
            location.proxy = Some(proxy);
        }
        Ok(location)
    }

    fn target(&self, text: &str, at: &str) -> Result<String, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let Some(name) = rest else { return Err(format!("invalid URL prefix {at}")) };
        if !name.contains('$') && !self.upstreams.contains_key(name) {
            return Err(format!("host not found in upstream \"{name}\" {at}"));
        }
        Ok(text.to_owned())
    }

    fn answer(&self, one: &Directive) -> Result<(u16, String), String> {
        let first = one.words.first().map(String::as_str).unwrap_or_default();
        let code = first.parse().map_err(|_| format!("invalid return code \"{first}\" {}", one.at))?;
        let text = one.words.get(1).cloned().unwrap_or_default();
        match unknown(&text, &self.maps) {
            Some(name) => Err(format!("unknown \"{name}\" variable {}", one.at)),
            None => Ok((code, text)),
        }
    }
}

fn inside(one: &Directive) -> impl Iterator<Item = &Directive> {
    one.block.iter().flatten()
}

fn invalid(one: &Directive) -> String {
    format!("invalid value \"{}\" in \"{}\" directive {}", one.words.join(" "), one.name, one.at)
}

fn file(folder: &Path, path: &str, what: &str) -> Result<String, String> {
    let path = folder.join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("cannot load {what} \"{}\": {error}", path.display()))
}

fn time(text: &str, one: &Directive) -> Result<Duration, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| invalid(one));
    match text.strip_suffix("ms") {
        Some(milliseconds) => number(milliseconds).map(Duration::from_millis),
        None => number(text.strip_suffix('s').unwrap_or(text)).map(Duration::from_secs),
    }
}

fn socket(text: &str, at: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("invalid port in \"{text}\" of the \"listen\" directive {at}");
    if let Ok(port) = text.parse::<u16>() {
        // Everywhere is more than a lab should show.
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().map_err(|_| wrong())
}

fn map(one: &Directive) -> Result<(String, Map), String> {
    let [source, name] = one.words.as_slice() else { return Err(invalid(one)) };
    let name = name.strip_prefix('$').ok_or_else(|| format!("invalid variable name \"{name}\" {}", one.at))?;
    let mut map = Map { source: source.clone(), exact: BTreeMap::new(), patterns: Vec::new(), default: String::new() };
    for line in inside(one) {
        let [value] = line.words.as_slice() else {
            return Err(format!("invalid number of the map parameters {}", line.at));
        };
        if line.name == "default" {
            map.default.clone_from(value);
        } else if let Some(pattern) = line.name.strip_prefix('~') {
            let wrong = |error| format!("pcre2_compile() failed: {error} in \"{pattern}\" {}", line.at);
            map.patterns.push((Regex::new(pattern).map_err(wrong)?, value.clone()));
        } else if map.exact.insert(line.name.clone(), value.clone()).is_some() {
            return Err(format!("conflicting parameter \"{}\" {}", line.name, line.at));
        }
    }
    Ok((name.to_owned(), map))
}

fn upstream(one: &Directive) -> Result<Upstream, String> {
    let mut upstream = Upstream::default();
    for line in inside(one) {
        match line.name.as_str() {
            "ip_hash" => upstream.ip_hash = true,
            "server" => {
                let (at, more) = line.words.split_first().ok_or_else(|| invalid(line))?;
                let (host, port) = at.rsplit_once(':').unwrap_or((at, "80"));
                let host: IpAddr = host
                    .trim_matches(['[', ']'])
                    .parse()
                    .map_err(|_| format!("host not found in upstream \"{at}\" {}", line.at))?;
                let port = port.parse().map_err(|_| format!("invalid port in upstream \"{at}\" {}", line.at))?;
                let mut member = Member::new(SocketAddr::from((host, port)));
                for word in more {
                    match word.split_once('=') {
                        None if word == "down" => member.down = true,
                        None if word == "backup" => member.backup = true,
                        Some(("max_fails", number)) => member.max_fails = number.parse().map_err(|_| invalid(line))?,
                        Some(("fail_timeout", text)) => member.fail_timeout = time(text, line)?,
                        _ => return Err(format!("invalid parameter \"{word}\" {}", line.at)),
                    }
                }
                upstream.members.push(member);
            }
            _ => {}
        }
    }
    if upstream.members.is_empty() {
        return Err(format!("no servers are inside upstream {}", one.at));
    }
    Ok(upstream)
}
