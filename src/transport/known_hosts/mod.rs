//! Is this the host's key? Answered from the text of `known_hosts` files.
//!
//! The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Pure: the files are read elsewhere.

mod line;
mod names;

use std::fmt;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

use line::{Line, Marker};
pub(super) use names::matches;
use names::matches_any;

/// What the files say about one host.
#[derive(Debug)]
pub(super) struct KnownHosts {
    /// The name that its keys are recorded under.
    name: String,
    /// The name without the port, for keys and authorities that are recorded without one.
    bare: Option<String>,
    entries: Vec<Entry>,
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
    /// Nothing is recorded about such a key; `others` are the host's keys of other kinds.
    Unknown { others: Vec<Place> },
    /// Another key of its kind is recorded.
    Changed { recorded: Place },
    /// It is recorded as never to be trusted again.
    Revoked { recorded: Place },
    /// A recorded authority signed its certificate, but the certificate does not hold.
    BadCertificate { authority: Place, reason: String },
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
        Self { name, bare, entries: Vec::new() }
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
        let recorded = |kind: &&Algorithm| self.plain().any(|entry| same_kind(&entry.key.algorithm(), kind));
        let mut order: Vec<Algorithm> = all.iter().filter(recorded).cloned().collect();
        order.extend(all.iter().filter(|kind| !recorded(kind)).cloned());
        order
    }

    /// Is there an authority that may vouch for the host?
    pub(super) fn has_authority(&self) -> bool {
        self.authorities().next().is_some()
    }

    /// Judges a plain key.
    pub(super) fn check_key(&self, key: &KeyData) -> Verdict {
        if let Some(recorded) = self.revoked(key) {
            return Verdict::Revoked { recorded };
        }
        if self.plain().any(|entry| entry.key == *key) {
            return Verdict::Known;
        }
        let own = || self.plain().filter(|entry| !entry.bare);
        match own().find(|entry| same_kind(&entry.key.algorithm(), &key.algorithm())) {
            Some(entry) => Verdict::Changed { recorded: entry.place.clone() },
            None => Verdict::Unknown { others: own().map(|entry| entry.place.clone()).collect() },
        }
    }

    /// Judges a certificate at `now`, in seconds since 1970.
    pub(super) fn check_certificate(&self, certificate: &Certificate, now: u64) -> Verdict {
        let signer = certificate.signature_key();
        if let Some(recorded) = self.revoked(certificate.public_key()).or_else(|| self.revoked(signer)) {
            return Verdict::Revoked { recorded };
        }
        let authority = self.authorities().find(|entry| entry.key == *signer);
        // Without an authority that we know, a certificate is worth no more than the key in it.
        let Some(authority) = authority else {
            return self.check_key(certificate.public_key());
        };
        match self.flaw(certificate, now) {
            None => Verdict::Known,
            Some(_) if self.plain().any(|entry| entry.key == *certificate.public_key()) => Verdict::Known,
            Some(reason) => Verdict::BadCertificate { authority: authority.place.clone(), reason },
        }
    }

    fn flaw(&self, certificate: &Certificate, now: u64) -> Option<String> {
        let host = self.bare.as_ref().unwrap_or(&self.name);
        let principals = certificate.valid_principals();
        if certificate.cert_type() != CertType::Host {
            Some("it is a user's certificate and not a host's".to_owned())
        } else if now < certificate.valid_after() {
            Some("it is not valid yet; is the clock of this machine right?".to_owned())
        } else if now >= certificate.valid_before() {
            Some("it has expired".to_owned())
        } else if principals.is_empty() {
            Some("it names no host".to_owned())
        } else if !principals.iter().any(|pattern| matches_any(&[pattern], host)) {
            Some(format!("it is for {} and not for {host}", principals.join(", ")))
        } else if let Some((name, _)) = certificate.critical_options().iter().next() {
            Some(format!("it holds the critical option {name}, which a host's must not"))
        } else {
            certificate.verify_signature().err().map(|_| "its signature is wrong".to_owned())
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

/// A key's SHA-256 fingerprint as `ssh-keygen -lf` prints it.
pub(super) fn fingerprint(key: &KeyData) -> String {
    PublicKey::new(key.clone(), "").fingerprint(HashAlg::Sha256).to_string()
}

/// An RSA key signs in several ways, and each has its own name.
fn same_kind(one: &Algorithm, other: &Algorithm) -> bool {
    match (one, other) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
