//! Everything that is needed to reach one host, as data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Secret;
use crate::model::inventory::{BecomeMethod, TransportKind};
use crate::transport::Climb;
use crate::transport::become_user::Attempts;
use crate::transport::ssh::{JumpHosts, Keyring};
use crate::transport::user_config::SshConfig;

/// One host's door and the keys to it. Built from the inventory and the resolved secrets; nothing here is looked up
/// again, so a link may as well come from an `ssh_config`.
#[derive(Debug, Clone)]
pub struct Link {
    /// What the inventory calls it.
    pub name: String,
    /// By SSH, by the user's own `ssh`, or this machine itself.
    pub kind: TransportKind,
    /// The address or DNS name to connect to.
    pub address: String,
    /// The port of the SSH server.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The key files that are configured, in the order in which they are tried; a public half will do where the agent
    /// holds the private one.
    pub identities: Vec<PathBuf>,
    /// The usual key files, which nobody configured: tried after the agent's keys.
    pub usual_identities: Vec<PathBuf>,
    /// Files with OpenSSH user certificates for any of the keys. Those beside a key file (`KEY-cert.pub`) are found anyway.
    pub certificates: Vec<PathBuf>,
    /// Offer no keys but those of `identities`, `usual_identities` and `certificates`, even if the agent holds more.
    pub identities_only: bool,
    /// What opens those of the key files that are encrypted.
    pub passphrase: Option<Arc<Secret>>,
    /// The password to log in with; tried last.
    pub password: Option<Arc<Secret>>,
    /// Ask the SSH agent for keys first.
    pub agent: bool,
    /// The agent's socket, where it is not the one that `SSH_AUTH_SOCK` names.
    pub agent_socket: Option<PathBuf>,
    /// The encrypted key files that are open already, and whom to ask about the others.
    pub keyring: Keyring,
    /// Files with the hosts' keys. A missing file is an empty one.
    pub known_hosts: Vec<PathBuf>,
    /// The name that the host's key is recorded under, where that is not the address.
    pub host_key_alias: Option<String>,
    /// The fingerprints of the host's keys, as `SHA256:…`. If there are any, only these are trusted.
    pub host_keys: Vec<String>,
    /// The last jump host on the way to it, which has its own way; `None` when it is reached directly.
    pub via: Option<Arc<Self>>,
    /// The connections to jump hosts that it shares with other links.
    pub jump_hosts: JumpHosts,
    /// How long the host may take to accept a connection, and then to exchange keys.
    pub connect_timeout: Duration,
    /// What of this was said, and is not merely what hactl takes where nothing is said.
    pub given: Given,
    /// What is rarely asked for. Of no matter to the user's own `ssh`, which reads it for itself.
    pub options: ConnectionOptions,
    /// How to become another user there.
    pub become_: Option<Become>,
    /// Is the output of its commands handed on as slowly as somebody reads it? Then less of it waits in memory, and a
    /// server that has not heard of us for some time is not given up yet.
    pub streams: bool,
    /// Where the rungs of the connection are noted, if somebody wants to see them.
    pub climb: Climb,
}

impl Link {
    /// The way to an address, and nothing else: no key, no secret, nobody in between, and no host key that is known. Its
    /// name is the address.
    pub fn bare(kind: TransportKind, address: &str, port: u16, user: &str) -> Self {
        Self {
            name: address.to_owned(),
            kind,
            address: address.to_owned(),
            port,
            user: user.to_owned(),
            identities: Vec::new(),
            usual_identities: Vec::new(),
            certificates: Vec::new(),
            identities_only: false,
            passphrase: None,
            password: None,
            agent: false,
            agent_socket: None,
            keyring: Keyring::default(),
            known_hosts: Vec::new(),
            host_key_alias: None,
            host_keys: Vec::new(),
            via: None,
            jump_hosts: JumpHosts::default(),
            connect_timeout: Duration::from_secs(10),
            given: Given::ALL,
            options: ConnectionOptions::default(),
            become_: None,
            streams: false,
            climb: Climb::default(),
        }
    }

    /// The same, with its rungs noted, and those of the jump hosts on the way: one climb for all who go through them.
    #[must_use]
    pub fn noted(mut self) -> Self {
        self.climb = Climb::noted();
        self.via = self.via.map(|via| {
            let shared = self.jump_hosts.climb(&via);
            Arc::new(Self { climb: shared, ..Arc::unwrap_or_clone(via).noted() })
        });
        self
    }

    /// The jump hosts on the way to it, the outermost first.
    pub fn jump_hosts(&self) -> Vec<&Self> {
        let mut hops = Vec::new();
        let mut next = self.via.as_deref();
        while let Some(hop) = next {
            hops.insert(0, hop);
            next = hop.via.as_deref();
        }
        hops
    }

    /// What tells one jump host from another: who logs in where, through which others.
    pub fn way(&self) -> String {
        let before = self.via.as_ref().map(|via| via.way() + " ").unwrap_or_default();
        let command = self.options.proxy_command.as_deref().unwrap_or_default();
        format!("{before}{command} {}@{}:{} as {}", self.user, self.address, self.port, self.name)
    }
}

/// What of a link the inventory or the command line says. The user's own `ssh` is told that, and keeps to the user's
/// configuration in all else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The user to log in as.
    pub user: bool,
    /// The port.
    pub port: bool,
    /// Whether other keys than the configured ones are offered.
    pub identities_only: bool,
    /// The files with the hosts' keys.
    pub known_hosts: bool,
    /// That nothing is in between, where there is no jump host.
    pub direct: bool,
    /// The name that is looked up in the user's configuration, where that is not the address.
    pub name: Option<String>,
    /// Which files that configuration is read from.
    pub config: SshConfig,
}

impl Given {
    /// All of it is said.
    pub const ALL: Self = Self {
        user: true,
        port: true,
        identities_only: true,
        known_hosts: true,
        direct: true,
        name: None,
        config: SshConfig::Usual,
    };
}

/// What of a connection is rarely asked for; the default is what suits most hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// The command over whose standard input and output the host is reached, instead of by TCP; for the user's shell.
    pub proxy_command: Option<String>,
    /// Which addresses of a name are tried.
    pub address_family: AddressFamily,
    /// This machine's address that the connection comes from.
    pub bind_address: Option<String>,
    /// How it is found out that the host has gone.
    pub keepalive: Keepalive,
    /// Which algorithms are used.
    pub algorithms: Algorithms,
}

/// Which addresses of a name are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All.
    #[default]
    Any,
    /// Those of IPv4.
    V4,
    /// Those of IPv6.
    V6,
}

/// A server that says nothing for a while is asked whether it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// How long it may say nothing.
    pub interval: Duration,
    /// How many questions it may leave without an answer.
    pub count: usize,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(5), count: 3 }
    }
}

/// Names of algorithms, the most wanted first; `None`: hactl's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Algorithms {
    /// `KexAlgorithms`
    pub key_exchanges: Option<Vec<String>>,
    /// `Ciphers`
    pub ciphers: Option<Vec<String>>,
    /// `MACs`
    pub macs: Option<Vec<String>>,
    /// `HostKeyAlgorithms`
    pub host_keys: Option<Vec<String>>,
    /// `PubkeyAcceptedAlgorithms`
    pub user_keys: Option<Vec<String>>,
}

/// How to become another user on a host.
#[derive(Debug, Clone)]
pub struct Become {
    /// The program that does it.
    pub method: BecomeMethod,
    /// The user to become.
    pub user: String,
    /// What the program asks for. Without it, being asked is an error.
    pub password: Option<Arc<Secret>>,
    /// What the run has learned about this; shared by all connections to the host, also those that are made anew.
    pub attempts: Attempts,
}
