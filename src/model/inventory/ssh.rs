//! `ssh:`: how hosts are reached and how rights on them are gained.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OneOrMany, SecretSource};

/// How hosts are reached. Every key may also stand under a group or a host, where it overrides this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SshSettings {
    /// The user to log in as. Default: the user who runs hactl.
    pub user: Option<String>,
    /// The port of the SSH server. Default: 22.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Key files, tried in this order, each through the agent where that holds it; there, `KEY.pub` will do. The default
    /// ones come after the agent's own keys.
    /// Default: `~/.ssh/id_ed25519`, `id_ecdsa`, `id_rsa`, those that exist.
    #[schemars(extend("format" = "local-file"))]
    pub identity: Option<OneOrMany<PathBuf>>,
    /// Files with OpenSSH user certificates for the keys. Those beside a key file (`KEY-cert.pub`) are found anyway.
    #[schemars(extend("format" = "local-file"))]
    pub certificate: Option<OneOrMany<PathBuf>>,
    /// Offer no other keys than those of `identity` and `certificate`, even if the agent holds more.
    /// Default: true where `identity` is set, else false.
    pub identities_only: Option<bool>,
    /// The passphrase of the key files. Without it, that of a key which the server takes is asked for on a terminal.
    pub passphrase: Option<SecretSource>,
    /// The password to log in with; tried last.
    pub password: Option<SecretSource>,
    /// Use the keys of the SSH agent (`SSH_AUTH_SOCK`). Default: true.
    pub agent: Option<bool>,
    /// Files with the hosts' keys; an unknown or changed key is refused. Default: `~/.ssh/known_hosts`, `/etc/ssh/ssh_known_hosts`.
    #[schemars(extend("format" = "local-file"))]
    pub known_hosts: Option<OneOrMany<PathBuf>>,
    /// The name under which the host's key is recorded. Default: the address.
    pub host_key_alias: Option<String>,
    /// The fingerprints of the host's keys, `SHA256:…`. Then only these are trusted, and the known_hosts files only
    /// tell what is revoked. Default: none.
    pub host_keys: Option<OneOrMany<String>>,
    /// The jump hosts on the way, the outermost first: names of `jump_hosts`, or addresses as `user@address:port`.
    /// Default: none.
    pub jump: Option<OneOrMany<String>>,
    /// Seconds until a host that does not answer counts as unreachable. Default: 10.
    #[schemars(range(min = 1, max = 600))]
    pub connect_timeout: Option<u16>,
    /// The ssh_config that is read instead of the user's and the system's; `/dev/null` for none. What stands here in the
    /// inventory wins over it. Default: `~/.ssh/config`, `/etc/ssh/ssh_config`.
    #[schemars(extend("format" = "local-file"))]
    pub config: Option<PathBuf>,
    /// The name that is looked up in the ssh_config. Default: the address.
    pub config_host: Option<String>,
    /// How to become root, or another user, on the host. Default: not at all.
    #[serde(rename = "become")]
    pub become_: Option<BecomeSettings>,
    /// Where hactl keeps its backups, lock and audit log on the host. Default: `/var/lib/hactl` for root, else `~/.local/state/hactl`.
    pub state_folder: Option<String>,
}

/// A host that others are reached through. What it leaves out is as for the hosts behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JumpHost {
    /// Its address or DNS name, as the hop before it knows it. Default: its name.
    pub address: Option<String>,
    /// The user to log in as.
    pub user: Option<String>,
    /// The port of the SSH server. Default: 22.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Key files, each used through the agent where that holds it.
    #[schemars(extend("format" = "local-file"))]
    pub identity: Option<OneOrMany<PathBuf>>,
    /// Files with OpenSSH user certificates for the keys. Those beside a key file (`KEY-cert.pub`) are found anyway.
    #[schemars(extend("format" = "local-file"))]
    pub certificate: Option<OneOrMany<PathBuf>>,
    /// Offer no other keys than those of `identity` and `certificate`, even if the agent holds more.
    /// Default: true where `identity` is set, else false.
    pub identities_only: Option<bool>,
    /// The passphrase of the key files. Without it, that of a key which the server takes is asked for on a terminal.
    pub passphrase: Option<SecretSource>,
    /// The password to log in with; tried last. Default: none.
    pub password: Option<SecretSource>,
    /// Use the keys of the SSH agent.
    pub agent: Option<bool>,
    /// Files with its key.
    #[schemars(extend("format" = "local-file"))]
    pub known_hosts: Option<OneOrMany<PathBuf>>,
    /// The name under which its key is recorded. Default: the address.
    pub host_key_alias: Option<String>,
    /// The fingerprints of its keys, `SHA256:…`. Then only these are trusted. Default: none.
    pub host_keys: Option<OneOrMany<String>>,
    /// Seconds until it counts as unreachable when it does not answer.
    #[schemars(range(min = 1, max = 600))]
    pub connect_timeout: Option<u16>,
}

impl JumpHost {
    /// The jump host that `user@address:port` stands for; the user and the port may be left out. `None` when it stands
    /// for none.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
        let (address, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, "")) => (address, None),
            Some((address, rest)) => (address, Some(rest.strip_prefix(':')?)),
            // More than one colon is an IPv6 address.
            None => match rest.split_once(':') {
                Some((address, port)) if !port.contains(':') => (address, Some(port)),
                _ => (rest, None),
            },
        };
        let port =
            port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0)).map_or(Some(None), |p| p.map(Some))?;
        let fine = super::address::fault(address).is_none() && user.is_none_or(|user| !user.is_empty());
        fine.then(|| Self { address: Some(address.to_owned()), user: user.map(str::to_owned), port, ..Self::default() })
    }
}

/// How to become another user on the host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BecomeSettings {
    /// The program to use, or `none`.
    pub method: BecomeMethod,
    /// The user to become. Default: root.
    pub user: Option<String>,
    /// The password that the program asks for: sudo and doas for that of the user who logs in, su for that of the user to
    /// become. Without it, a password prompt is an error.
    pub password: Option<SecretSource>,
}

/// The program that changes the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BecomeMethod {
    /// `sudo`, with or without a password.
    Sudo,
    /// OpenBSD's `doas`; for a password, the host must have `script`, which makes the terminal that doas wants.
    Doas,
    /// `su`, with the password of the user to become.
    Su,
    /// Stay the user who logged in.
    None,
}

/// How a host is reached at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportKind {
    /// By SSH.
    Ssh,
    /// By the user's own `ssh` program and its configuration: for Kerberos, PKCS#11, tokens without an agent, unusual proxy
    /// commands. What the inventory says wins.
    Openssh,
    /// The machine that hactl runs on; the default for the address `localhost`.
    Local,
}
