//! Names in `/etc/hosts`.

use std::net::IpAddr;

use zeroize::Zeroizing;

use super::lines::{Line, append, lines, splice};
use super::{Edit, EditError, Edited};

/// Names that should map to exactly one address of its family (IPv4 or IPv6) in `/etc/hosts`.
///
/// A name that a line maps elsewhere is taken away from that line; its other names and its comment stay. A loopback
/// line never loses `localhost`, and addresses that can't be read (`fe80::1%lo0`) are left alone.
#[derive(Debug, Clone)]
pub struct HostsEntry {
    address: IpAddr,
    names: Vec<String>,
}

impl HostsEntry {
    /// These names should map to this address.
    pub fn new(address: IpAddr, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut unique: Vec<String> = Vec::new();
        for name in names.into_iter().map(Into::into) {
            if !unique.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                unique.push(name);
            }
        }
        Self { address, names: unique }
    }

    fn check(&self) -> Result<(), EditError> {
        let is_unfit = |name: &&String| name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '#');
        let error =
            |cause: String, hint: &str| Err(EditError { code: "unfit-value", cause, hint: Some(hint.to_owned()) });
        if let Some(name) = self.names.iter().find(is_unfit) {
            return error(format!("{name:?} is not a host name"), "names have no blanks and no `#`");
        }
        if !self.address.is_loopback() && self.names.iter().any(|name| is_localhost(name)) {
            return error(
                format!("localhost should not map to {}", self.address),
                "localhost belongs to the loopback address",
            );
        }
        Ok(())
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    }

    /// The names that this line must not map any more.
    fn strays<'t>(&self, entry: &Entry<'t>) -> Vec<&'t str> {
        let is_other = entry.address != self.address && entry.address.is_ipv4() == self.address.is_ipv4();
        let is_stray = |name: &&str| {
            let protected = entry.address.is_loopback() && is_localhost(name);
            is_other && self.is_wanted(name) && !protected
        };
        entry.names.iter().copied().filter(is_stray).collect()
    }
}

/// What a line maps.
struct Entry<'t> {
    address: IpAddr,
    names: Vec<&'t str>,
}

impl<'t> Entry<'t> {
    fn read(line: &Line<'t>) -> Option<Self> {
        let mut words = without_comment(line.content).split_whitespace();
        let address = words.next()?.parse().ok()?;
        Some(Self { address, names: words.collect() })
    }
}

fn without_comment(content: &str) -> &str {
    content.split('#').next().unwrap_or_default()
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

/// The line without these names; only its comment when no name is left; nothing when there is no comment either.
fn without_names(line: &Line<'_>, entry: &Entry<'_>, strays: &[&str]) -> String {
    let (mapping, comment) = line.content.split_at(without_comment(line.content).len());
    if entry.names.iter().all(|name| strays.contains(name)) {
        return comment.to_owned();
    }
    let mut kept = String::new();
    let mut rest = mapping;
    for (index, word) in mapping.split_whitespace().enumerate() {
        let Some((blanks, after)) = rest.split_once(word) else {
            break;
        };
        // The first word is the address.
        if index == 0 || !strays.contains(&word) {
            kept.push_str(blanks);
            kept.push_str(word);
        }
        rest = after;
    }
    kept + rest + comment
}

impl Edit for HostsEntry {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        self.check()?;
        let all = lines(text);
        let mut edited = Zeroizing::new(text.to_owned());
        let mut taken: Vec<(&str, IpAddr)> = Vec::new();
        let mut held: Vec<&str> = Vec::new();
        for line in all.iter().rev() {
            let Some(entry) = Entry::read(line) else { continue };
            let strays = self.strays(&entry);
            if entry.address == self.address {
                held.extend(&entry.names);
            }
            if strays.is_empty() {
                continue;
            }
            let left = without_names(line, &entry, &strays);
            let range = if left.is_empty() { line.range() } else { line.content_range() };
            edited = splice(&edited, range, &left);
            taken.splice(0..0, strays.into_iter().map(|name| (name, entry.address)));
        }
        let is_missing = |name: &&String| !held.iter().any(|held| held.eq_ignore_ascii_case(name));
        let missing: Vec<&str> = self.names.iter().filter(is_missing).map(String::as_str).collect();
        if !missing.is_empty() {
            let tab = |line: &Line<'_>| Entry::read(line).is_some() && line.content.contains('\t');
            let blank = if all.iter().any(tab) { "\t" } else { " " };
            edited = append(&edited, &[&format!("{}{blank}{}", self.address, missing.join(" "))]);
        }
        let mut changes: Vec<String> = Vec::new();
        for name in &missing {
            changes.push(format!("{name}: (new) {}", self.address));
        }
        for (name, from) in taken {
            changes.push(format!("{name}: taken away from {from}"));
        }
        Ok(Edited { text: edited, changes })
    }
}
