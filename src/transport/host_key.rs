//! The key that a server shows, for those who want to see it before they trust it.

use super::retry::again;
use super::{Link, TransportError, ssh};

/// The key that a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The host's name in a known_hosts file: with the port unless that is 22, or its alias.
    pub name: String,
    /// The kind of key, such as `ssh-ed25519`.
    pub kind: String,
    /// Its fingerprint, `SHA256:…`.
    pub fingerprint: String,
    /// The kind and the key itself, as they stand on a line of a known_hosts file.
    pub line: String,
    /// What is known of it.
    pub standing: Standing,
}

/// What is known of a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is recorded, pinned, or vouched for by a recorded authority.
    Known,
    /// Nothing is known of the host; the error is what whoever wants to log in is told.
    Unknown(TransportError),
    /// Something else is known: another key, that it is revoked, or a certificate that does not hold.
    Refused(TransportError),
}

impl Standing {
    /// Why nobody logs in there.
    pub fn error(&self) -> Option<&TransportError> {
        match self {
            Self::Known => None,
            Self::Unknown(error) | Self::Refused(error) => Some(error),
        }
    }
}

/// Asks a server for its key, with the deadlines and through the jump hosts of a normal connection, and does not log in.
///
/// A server that has several keys shows the one that a connection would be made with: of the kind that is recorded, if
/// one is.
///
/// # Errors
/// When the server is not reached, or a jump host before it does not let us in.
pub async fn host_key(link: &Link) -> Result<HostKey, TransportError> {
    again(link.connect_timeout, || ssh::look(link)).await
}
