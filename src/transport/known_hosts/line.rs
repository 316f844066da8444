//! One line of a `known_hosts` file.

use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;

use super::names;

/// What the key on a line is for, where it is not simply the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// It signs hosts' certificates.
    CertAuthority,
    /// It must never be trusted.
    Revoked,
}

/// A line, taken apart; its key is not decoded yet, since most lines are about other hosts.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) marker: Option<Marker>,
    names: &'a str,
    kind: &'a str,
    blob: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line apart; `None` for comments, blank lines, unknown markers and whatever has too few fields.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let mut first = fields.next()?;
        if first.starts_with('#') {
            return None;
        }
        let mut marker = None;
        if first.starts_with('@') {
            marker = Some(match first {
                "@cert-authority" => Marker::CertAuthority,
                "@revoked" => Marker::Revoked,
                _ => return None,
            });
            first = fields.next()?;
        }
        Some(Self { marker, names: first, kind: fields.next()?, blob: fields.next()? })
    }

    /// Is the line about the host of this name? `name` is in lower case.
    pub(super) fn names_host(&self, name: &str) -> bool {
        match self.names.strip_prefix("|1|") {
            Some(hash) => names::matches_hash(hash, name),
            None => names::matches_any(&self.names.split(',').collect::<Vec<_>>(), name),
        }
    }

    /// Is the name hidden?
    pub(super) fn is_hashed(&self) -> bool {
        self.names.starts_with("|1|")
    }

    /// The key; `None` when it cannot be read or is not of the kind that the line says.
    pub(super) fn key(&self) -> Option<KeyData> {
        let key = PublicKey::from_openssh(&format!("{} {}", self.kind, self.blob)).ok()?;
        Some(key.key_data().clone())
    }
}
