//! The keys of the SSH servers and of whoever logs in to them.

use std::path::PathBuf;

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};

use super::state::private;
use super::{LabError, Layout};

/// The keys of a lab.
pub(super) struct Keys {
    /// The only key that may log in.
    pub(super) login: PublicKey,
    /// Its file.
    pub(super) identity: PathBuf,
    /// The file with the hosts' keys.
    pub(super) known_hosts: PathBuf,
}

/// The key of a host. It follows from the seed: it is only a name, and whoever guesses it gains nothing, since a lab
/// can only be reached from this machine and only by whoever has the login key.
pub(super) fn host_key(layout: &Layout, host: &str) -> Result<PrivateKey, LabError> {
    let pair = Ed25519Keypair::from_seed(&layout.seeded(&format!("host key of {host}")));
    PrivateKey::new(KeypairData::from(pair), host).map_err(|error| LabError::new(format!("a host key: {error}")))
}

/// Writes the login key, which never follows from the seed, and the hosts' keys beside it.
pub(super) fn write(layout: &Layout) -> Result<Keys, LabError> {
    let wrong = |error: russh::keys::ssh_key::Error| LabError::new(format!("the login key: {error}"));
    let folder = layout.folder.join("keys");
    std::fs::create_dir_all(&folder).map_err(|error| LabError::file("make", &folder, &error))?;
    let bytes: [u8; 32] = rand::RngExt::random(&mut rand::rng());
    let pair = Ed25519Keypair::from_seed(&bytes);
    let key = PrivateKey::new(KeypairData::from(pair), "hactl lab").map_err(wrong)?;
    let identity = folder.join("id_ed25519");
    private(&identity, &key.to_openssh(LineEnding::LF).map_err(wrong)?)?;
    let known_hosts = folder.join("known_hosts");
    let mut lines = String::new();
    for host in layout.reachable() {
        let key = host_key(layout, host.name)?;
        let public = key.public_key().to_openssh().map_err(wrong)?;
        lines.push_str(&format!("[{}]:{} {public}\n", host.address, layout.ssh_port()));
    }
    private(&known_hosts, &lines)?;
    Ok(Keys { login: key.public_key().clone(), identity, known_hosts })
}
