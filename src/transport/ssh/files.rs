//! Local files that the SSH transport reads.

use std::io::ErrorKind;

use crate::transport::error::out_of_files;
use crate::transport::known_hosts::KnownHosts;
use crate::transport::{Link, Rung, TransportError};

/// What the link's known_hosts files say about its host.
///
/// # Errors
/// When a file is there but cannot be read: it may hold a revocation.
pub(super) async fn known_hosts(link: &Link) -> Result<KnownHosts, TransportError> {
    let mut known = KnownHosts::new(&link.address, link.port, link.host_key_alias.as_deref());
    for path in &link.known_hosts {
        match tokio::fs::read(path).await {
            Ok(content) => known.add(path, &String::from_utf8_lossy(&content)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(out_of_files(Rung::HostKey, &error).unwrap_or_else(|| {
                    TransportError::new(
                        Rung::HostKey,
                        "known-hosts-unreadable",
                        format!("{} cannot be read: {error}", path.display()),
                    )
                    .hint("make the file readable for you; without it no host's key can be judged")
                }));
            }
        }
    }
    Ok(known)
}
