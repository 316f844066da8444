//! Is this the host's key? Answered from the text of `known_hosts` files.
//!
//! The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Pure: the files are read elsewhere, and only
//! `record` writes them.

mod line;
mod names;
mod record;
mod refusal;

use std::fmt;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

use line::{Line, Marker};
pub(super) use names::matches;
use names::matches_any;
pub use record::{RecordError, Recorded, known_hosts_line, record};
pub(super) use refusal::refusal;

/// What the files say about one host.
#[derive(Debug)]
pub(super) struct KnownHosts {
    /// The name that its keys are recorded under.
    name: String,
    /// The name without the port, for keys and authorities that are recorded without one.
    bare: Option<String>,
    entries: Vec<Entry>,
    /// Fingerprints. If there are any, the recorded keys are not asked.
    pins: Vec<String>,
}

/// One line about the host.
#[derive(Debug)]
struct Entry {
    marker: Option<Marker>,
    key: KeyData,
    /// Does it name the host without its port? Then it can vouch for a key, but not speak against one: another server
    /// on the same host may have another.
    bare: bool,
    place: Place,
}

/// A line of a file, and the key on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) fingerprint: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.file.display(), self.line, self.fingerprint)
    }
}

/// What is to be thought of a key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is recorded, or vouched for by a recorded authority.
    Known,
    /// Nothing is recorded about such a key; `others` are the host's keys of other kinds that we ask for.
    Unknown { others: Vec<Place> },
    /// The host's keys are pinned, and it is none of them.
    NotPinned,
    /// Another key of its kind is recorded.
    Changed { recorded: Place },
    /// It is recorded as never to be trusted again.
    Revoked { recorded: Place },
    /// A recorded authority signed its certificate, but the certificate does not hold.
    BadCertificate { authority: Place, flaw: Flaw },
}

/// Why a host's certificate does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) reason: String,
    /// What to do about it.
    pub(super) hint: String,
}

impl Flaw {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into() }
    }
}

impl KnownHosts {
    /// Begins with nothing known about `host`; `alias` is the name that its key is recorded under, if another.
    pub(super) fn new(host: &str, port: u16, alias: Option<&str>) -> Self {
        let host = alias.unwrap_or(host).to_lowercase();
        // As in OpenSSH: the port is part of the name unless it is the usual one, and never part of an alias.
        let (name, bare) = match (alias, port) {
            (Some(_), _) | (None, 22) => (host, None),
            (None, port) => (format!("[{host}]:{port}"), Some(host)),
        };
        Self { name, bare, entries: Vec::new(), pins: Vec::new() }
    }

    /// Begins with nothing known about a host that is recorded under `name`, its port included.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_lowercase(), bare: None, entries: Vec::new(), pins: Vec::new() }
    }

    /// The same, but only keys with these fingerprints will do, if there are any.
    #[must_use]
    pub(super) fn pinned(self, pins: &[String]) -> Self {
        Self { pins: pins.to_vec(), ..self }
    }

    /// The fingerprints that alone will do.
    pub(super) fn pins(&self) -> &[String] {
        &self.pins
    }

    /// The host's name as it is written in a known_hosts file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes in what a file says about the host. Lines about others, comments and what cannot be read are passed over.
    pub(super) fn add(&mut self, file: &Path, text: &str) {
        for (number, text) in (1..).zip(text.lines()) {
            let Some(line) = Line::read(text) else { continue };
            let full = line.names_host(&self.name);
            let bare = !full && self.bare.as_ref().is_some_and(|bare| line.names_host(bare));
            if !full && !bare {
                continue;
            }
            let Some(key) = line.key() else { continue };
            let place = Place { file: file.to_owned(), line: number, fingerprint: fingerprint(&key) };
            self.entries.push(Entry { marker: line.marker, key, bare, place });
        }
    }

    /// Kinds of keys in the order in which the host should be asked for them: first those that are recorded. A server
    /// has several keys and shows the first kind that is asked for.
    pub(super) fn prefer(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        // A fingerprint does not tell the kind of its key, but the line of a pinned key does.
        let counts = |entry: &&Entry| self.pins.is_empty() || self.pins.contains(&entry.place.fingerprint);
        let recorded =
            |kind: &&Algorithm| self.plain().filter(counts).any(|entry| same_kind(&entry.key.algorithm(), kind));
        let mut order: Vec<Algorithm> = all.iter().filter(recorded).cloned().collect();
        order.extend(all.iter().filter(|kind| !recorded(kind)).cloned());
        order
    }

    /// Is there an authority that may vouch for the host? Nobody vouches for a pinned one.
    pub(super) fn has_authority(&self) -> bool {
        self.pins.is_empty() && self.authorities().next().is_some()
    }

    /// Is a key recorded that the host itself must show, whoever vouches for it?
    pub(super) fn has_key(&self) -> bool {
        self.plain().next().is_some()
    }

    /// Judges a plain key.
    pub(super) fn check_key(&self, key: &KeyData) -> Verdict {
        if let Some(recorded) = self.revoked(key) {
            return Verdict::Revoked { recorded };
        }
        if !self.pins.is_empty() {
            let pinned = self.pins.contains(&fingerprint(key));
            return if pinned { Verdict::Known } else { Verdict::NotPinned };
        }
        if self.plain().any(|entry| entry.key == *key) {
            return Verdict::Known;
        }
        let own = || self.plain().filter(|entry| !entry.bare);
        match own().find(|entry| same_kind(&entry.key.algorithm(), &key.algorithm())) {
            Some(entry) => Verdict::Changed { recorded: entry.place.clone() },
            None => {
                let others = own().filter(|entry| is_asked_for(&entry.key.algorithm()));
                Verdict::Unknown { others: others.map(|entry| entry.place.clone()).collect() }
            }
        }
    }

    /// Judges a key of which only kind and fingerprint are known, and those of the authority behind its certificate.
    pub(super) fn check_print(&self, kind: &Algorithm, print: &str, authority: Option<&str>) -> Verdict {
        let is = |entry: &Entry, print: &str| entry.place.fingerprint == print;
        let revoked = |entry: &&Entry| {
            entry.marker == Some(Marker::Revoked)
                && (is(entry, print) || authority.is_some_and(|print| is(entry, print)))
        };
        if let Some(entry) = self.entries.iter().find(revoked) {
            return Verdict::Revoked { recorded: entry.place.clone() };
        }
        if !self.pins.is_empty() {
            return if self.pins.iter().any(|pin| pin == print) { Verdict::Known } else { Verdict::NotPinned };
        }
        match self.plain().find(|entry| is(entry, print)) {
            Some(entry) => self.check_key(&entry.key),
            None => {
                let own = || self.plain().filter(|entry| !entry.bare);
                match own().find(|entry| same_kind(&entry.key.algorithm(), kind)) {
                    Some(entry) => Verdict::Changed { recorded: entry.place.clone() },
                    None => Verdict::Unknown { others: own().map(|entry| entry.place.clone()).collect() },
                }
            }
        }
    }

    /// Is the key with this fingerprint recorded as never to be trusted again?
    pub(super) fn is_revoked(&self, print: &str) -> bool {
        self.entries.iter().any(|entry| entry.marker == Some(Marker::Revoked) && entry.place.fingerprint == print)
    }

    /// The recorded authority with this fingerprint.
    pub(super) fn authority(&self, print: &str) -> Option<Place> {
        self.authorities().find(|entry| entry.place.fingerprint == print).map(|entry| entry.place.clone())
    }

    /// What stands on a line of a file about the host.
    pub(super) fn place(&self, file: &Path, line: usize) -> Option<Place> {
        let found = self.entries.iter().find(|entry| entry.place.file == file && entry.place.line == line);
        found.map(|entry| entry.place.clone())
    }

    /// Judges a certificate at `now`, in seconds since 1970.
    pub(super) fn check_certificate(&self, certificate: &Certificate, now: u64) -> Verdict {
        let signer = certificate.signature_key();
        if let Some(recorded) = self.revoked(certificate.public_key()).or_else(|| self.revoked(signer)) {
            return Verdict::Revoked { recorded };
        }
        let authority = self.authorities().find(|entry| entry.key == *signer && self.pins.is_empty());
        // Without an authority that we know, a certificate is worth no more than the key in it.
        let Some(authority) = authority else {
            return self.check_key(certificate.public_key());
        };
        match self.flaw(certificate, now) {
            None => Verdict::Known,
            Some(_) if self.plain().any(|entry| entry.key == *certificate.public_key()) => Verdict::Known,
            Some(flaw) => Verdict::BadCertificate { authority: authority.place.clone(), flaw },
        }
    }

    fn flaw(&self, certificate: &Certificate, now: u64) -> Option<Flaw> {
        let host = self.bare.as_ref().unwrap_or(&self.name);
        let principals = certificate.valid_principals();
        let anew = format!("have it issued anew for this host: `ssh-keygen -s CA -I NAME -h -n {host} KEY.pub`");
        if certificate.cert_type() != CertType::Host {
            Some(Flaw::new("it is a user's certificate and not a host's", anew))
        } else if now < certificate.valid_after() {
            let reason = format!("it is not valid before {}", time(certificate.valid_after()));
            Some(Flaw::new(reason, "compare this machine's clock with the one of the machine that signed it"))
        } else if now >= certificate.valid_before() {
            let reason = format!("it has expired at {}", time(certificate.valid_before()));
            Some(Flaw::new(reason, anew + "; `-V +52w` makes it last a year"))
        } else if principals.is_empty() {
            // OpenSSH took such a certificate for any host's until its version 10.3, and does no longer.
            Some(Flaw::new("it names no host", anew))
        } else if !principals.iter().any(|pattern| matches_any(&[pattern], host)) {
            let hint = format!("{anew}; or write the name that it is for as the address or `host_key_alias`");
            Some(Flaw::new(format!("it is for {} and not for {host}", principals.join(", ")), hint))
        } else if let Some((name, _)) = certificate.critical_options().iter().next() {
            Some(Flaw::new(format!("it holds the critical option {name}, which a host's must not"), anew))
        } else if certificate.signature().algorithm() == (Algorithm::Rsa { hash: None }) {
            let hint = "have it issued anew with `ssh-keygen -t rsa-sha2-512`, or by an authority with an ed25519 key";
            Some(Flaw::new("its authority signed it with SHA-1, which can be forged", hint))
        } else {
            let hint = "somebody changed it after it was signed: ask who runs the host, and do not log in until then";
            certificate.verify_signature().err().map(|_| Flaw::new("its signature is wrong", hint))
        }
    }

    fn plain(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.marker.is_none())
    }

    fn authorities(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.marker == Some(Marker::CertAuthority))
    }

    fn revoked(&self, key: &KeyData) -> Option<Place> {
        self.entries
            .iter()
            .find(|entry| entry.marker == Some(Marker::Revoked) && entry.key == *key)
            .map(|entry| entry.place.clone())
    }
}

/// Seconds since 1970, for people.
fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}

/// A key's SHA-256 fingerprint as `ssh-keygen -lf` prints it.
pub(super) fn fingerprint(key: &KeyData) -> String {
    PublicKey::new(key.clone(), "").fingerprint(HashAlg::Sha256).to_string()
}

/// Is it a kind of key that we ask servers for? Those of DSA and of hardware tokens are not.
fn is_asked_for(kind: &Algorithm) -> bool {
    matches!(kind, Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. })
}

/// An RSA key signs in several ways, and each has its own name.
pub(super) fn same_kind(one: &Algorithm, other: &Algorithm) -> bool {
    match (one, other) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
