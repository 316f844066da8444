//! Rules about hosts and groups.

use std::collections::BTreeMap;

use super::Rules;
use crate::model::HostName;
use crate::model::inventory::position::below;
use crate::model::inventory::{HostEntry, Scheme, address, range, suggest};

/// The port of SSH when nobody says otherwise; two hosts behind one address are told apart by it.
const SSH_PORT: u16 = 22;

/// What earlier entries took: a name or an address, and the entry that took it.
#[derive(Default)]
struct Taken {
    names: BTreeMap<String, String>,
    addresses: BTreeMap<(String, u16), String>,
}

impl Rules<'_> {
    pub(super) fn hosts(&mut self) {
        let document = self.document;
        if document.hosts.is_empty() && !self.is_spoilt("hosts") {
            let hint = "name at least one: `is-1: { address: 192.168.2.1 }`";
            self.wrong("empty-hosts", "hosts", "`hosts` names no host".to_owned(), hint);
        }
        let mut taken = Taken::default();
        for (written, entry) in &document.hosts {
            self.host(written, entry, &mut taken);
        }
    }

    fn host(&mut self, written: &str, entry: &HostEntry, taken: &mut Taken) {
        let place = below("hosts", written);
        self.groups_of(entry, &place);
        let names = match range::names(written) {
            Ok(names) => names,
            Err((message, hint)) => return self.wrong_name("bad-range", &place, message, hint),
        };
        if let Some(error) = names.iter().find_map(|name| name.parse::<HostName>().err()) {
            let hint = "name it as in `is-1`; its address goes to `address`";
            self.wrong_name("bad-host-name", &place, error.to_string(), hint);
        }
        for name in &names {
            if let Some(first) = taken.names.get(name) {
                let line = self.checked.positions.get(&below("hosts", first)).map_or(0, |position| position.key.line);
                let message = format!("the host `{name}` is named twice; `{first}` in line {line} names it too");
                self.wrong_name("duplicate-host", &place, message, "give each host its own name");
                break;
            }
        }
        taken.names.extend(names.iter().map(|name| (name.clone(), written.to_owned())));

        let given = self.spread(&place, "address", entry.address.as_deref(), written, names.len());
        let Some(addresses) = given.unwrap_or(Some(names)) else {
            return;
        };
        self.addresses(written, entry, &addresses, taken);
        let members = self.spread(&place, "member_address", entry.member_address.as_deref(), written, addresses.len());
        if !entry.is_balancer() {
            self.members(&place, &addresses, members);
        }
    }

    /// A name is the key itself, so that is where to point.
    pub(super) fn wrong_name(&mut self, code: &'static str, place: &str, message: String, hint: &str) {
        self.wrong(code, place, message, hint);
        let key = self.checked.positions.get(place).map(|position| position.key);
        if let Some(problem) = self.problems.last_mut() {
            problem.span = key.or(problem.span);
        }
    }

    /// The addresses of one key: `None` when it is not written, `Some(None)` when it is wrong.
    fn spread(
        &mut self,
        place: &str,
        key: &str,
        text: Option<&str>,
        written: &str,
        count: usize,
    ) -> Option<Option<Vec<String>>> {
        let path = below(place, key);
        let text = text.or_else(|| self.is_spoilt(&path).then_some(""))?;
        if text.is_empty() && self.is_spoilt(&path) {
            return Some(None);
        }
        let addresses = match range::addresses(text) {
            Ok(addresses) => addresses,
            Err((message, hint)) => {
                self.wrong("bad-range", &path, message, hint);
                return Some(None);
            }
        };
        if addresses.len() != count {
            let number = |count: usize, what: &str| match count {
                1 => format!("one {what}"),
                _ => format!("{count} {what}"),
            };
            let hosts = number(count, if count == 1 { "host" } else { "hosts" });
            let found = number(addresses.len(), if addresses.len() == 1 { "address" } else { "addresses" });
            let message = format!("`{written}` names {hosts}, and `{text}` {found}");
            self.wrong("range-mismatch", &path, message, "both must stand for the same number");
            return Some(None);
        }
        // What its peers can't use is for the step to say, which knows how they find one another.
        let no_host = |one: &String| address::no_host(one).filter(|_| key == "address");
        let fault = |one: &String| address::fault(one).or_else(|| no_host(one));
        if let Some((bad, (reason, hint))) = addresses.iter().find_map(|one| Some((one, fault(one)?))) {
            self.wrong("bad-address", &path, format!("`{bad}` {reason}"), hint);
        }
        Some(Some(addresses))
    }

    fn addresses(&mut self, written: &str, entry: &HostEntry, addresses: &[String], taken: &mut Taken) {
        let place = below("hosts", written);
        let path = below(&place, "address");
        if entry.address.is_none()
            && let Some(bad) =
                addresses.iter().find(|one| one.parse::<HostName>().is_ok() && address::fault(one).is_some())
        {
            let message = format!("`{bad}` is no address, and the host has no other");
            self.wrong_name("bad-address", &place, message, "add `address:` with an IP address or a DNS name");
        }
        if entry.ssh.config_host.is_some() && entry.ssh.port.is_none() {
            // The port may stand in the ssh_config, and only it can tell two of them apart.
            return;
        }
        let port = self.port_of(entry);
        for one in addresses {
            let key = (address::canonical(one), port);
            if let Some(first) = taken.addresses.get(&key) {
                let line =
                    self.checked.positions.nearest(&format!("hosts.{first}.address")).map_or(0, |span| span.line);
                let message = format!("`{one}` is also the address of `{first}` in line {line}");
                let hint = "give each host its own address; behind one address, each host has its own `ssh.port`";
                self.wrong("duplicate-address", &path, message, hint);
                break;
            }
        }
        for one in addresses {
            taken.addresses.entry((address::canonical(one), port)).or_insert_with(|| written.to_owned());
        }
    }

    fn port_of(&self, entry: &HostEntry) -> u16 {
        let groups = entry.groups.iter().rev().filter_map(|name| self.document.groups.get(name));
        entry
            .ssh
            .port
            .or_else(|| groups.filter_map(|group| group.ssh.port).next())
            .or(self.document.ssh.port)
            .unwrap_or(SSH_PORT)
    }

    /// Members are reached by IP address: the product binds to what it is told, and a name may mean another address there.
    fn members(&mut self, place: &str, addresses: &[String], members: Option<Option<Vec<String>>>) {
        let path = below(place, "member_address");
        match members {
            Some(None) => {}
            Some(Some(members)) => {
                let named = |one: &&String| !address::is_ip(one) && address::fault(one).is_none();
                if let Some(bad) = members.iter().find(named) {
                    let hint = "write the IP address that the other nodes reach it at";
                    self.wrong("bad-member-address", &path, format!("`{bad}` is not an IP address"), hint);
                }
            }
            None => {
                let wka = self.document.clustering.as_ref().is_some_and(|clustering| clustering.scheme == Scheme::Wka);
                let named = |one: &&String| !address::is_ip(one) && address::fault(one).is_none();
                if let Some(name) = addresses.iter().find(named).filter(|_| wka) {
                    let message = format!("`scheme: wka` needs IP addresses, and this host has only the name `{name}`");
                    self.wrong_name("bad-member-address", place, message, "add `member_address:` with its IP address");
                }
            }
        }
    }

    fn groups_of(&mut self, entry: &HostEntry, place: &str) {
        let known: Vec<&str> = self.document.groups.keys().map(String::as_str).collect();
        for (index, group) in entry.groups.iter().enumerate() {
            if known.contains(&group.as_str()) {
                continue;
            }
            let hint = match suggest::nearest(group, known.iter().copied()) {
                Some((near, _)) => format!("did you mean `{near}`?"),
                None => format!("add `{group}:` under `groups`, or take it away here"),
            };
            let path = format!("{place}.groups[{index}]");
            self.wrong("unknown-group", &path, format!("there is no group `{group}`"), hint);
        }
    }

    pub(super) fn groups(&mut self) {
        let document = self.document;
        let spoilt = document.hosts.keys().any(|host| self.is_spoilt(&format!("hosts.{host}.groups")));
        for group in document.groups.keys() {
            if !spoilt && !document.hosts.values().any(|host| host.groups.contains(group)) {
                let hint = format!("add `groups: [{group}]` to a host, or take the group away");
                self.wrong_name(
                    "empty-group",
                    &below("groups", group),
                    format!("no host is in the group `{group}`"),
                    &hint,
                );
            }
        }
    }
}
