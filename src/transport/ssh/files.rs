//! Local files that the SSH transport reads.

use std::io::{self, ErrorKind};
use std::path::Path;

use tokio::io::AsyncReadExt as _;

use crate::transport::error::out_of_files;
use crate::transport::known_hosts::KnownHosts;
use crate::transport::{Link, Rung, TransportError};

/// The largest known_hosts file that is read, in bytes: some hundred thousand hosts.
const LIMIT: u64 = 64 << 20;

/// What the link's known_hosts files say about its host.
///
/// # Errors
/// When a file is there but cannot be read: it may hold a revocation.
pub(in crate::transport) async fn known_hosts(link: &Link) -> Result<KnownHosts, TransportError> {
    let mut known = KnownHosts::new(&link.address, link.port, link.host_key_alias.as_deref()).pinned(&link.host_keys);
    for path in &link.known_hosts {
        match read(path).await {
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

/// The whole file, unless it is one without an end.
async fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    tokio::fs::File::open(path).await?.take(LIMIT + 1).read_to_end(&mut content).await?;
    if content.len() as u64 > LIMIT { Err(io::Error::other("it is too large")) } else { Ok(content) }
}
