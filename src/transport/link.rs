//! Everything that is needed to reach one host, as data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Secret;
use crate::model::inventory::{BecomeMethod, TransportKind};
use crate::transport::Climb;
use crate::transport::ssh::JumpHosts;

/// One host's door and the keys to it. Built from the inventory and the resolved secrets; nothing here is looked up
/// again, so a link may as well come from an `ssh_config`.
#[derive(Debug, Clone)]
pub struct Link {
    /// What the inventory calls it.
    pub name: String,
    /// By SSH, or this machine itself.
    pub kind: TransportKind,
    /// The address or DNS name to connect to.
    pub address: String,
    /// The port of the SSH server.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// Private key files, in the order in which they are tried.
    pub identities: Vec<PathBuf>,
    /// What opens those of the key files that are encrypted.
    pub passphrase: Option<Arc<Secret>>,
    /// The password to log in with; tried last.
    pub password: Option<Arc<Secret>>,
    /// Ask the SSH agent (`SSH_AUTH_SOCK`) for keys first.
    pub agent: bool,
    /// Files with the hosts' keys. A missing file is an empty one.
    pub known_hosts: Vec<PathBuf>,
    /// The name that the host's key is recorded under, where that is not the address.
    pub host_key_alias: Option<String>,
    /// The last jump host on the way to it, which has its own way; `None` when it is reached directly.
    pub via: Option<Arc<Self>>,
    /// The connections to jump hosts that it shares with other links.
    pub jump_hosts: JumpHosts,
    /// How long the host may take to accept a connection, and then to exchange keys.
    pub connect_timeout: Duration,
    /// How to become another user there.
    pub become_: Option<Become>,
    /// Where the rungs of the connection are noted, if somebody wants to see them.
    pub climb: Climb,
}

impl Link {
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
        format!("{before}{}@{}:{} as {}", self.user, self.address, self.port, self.name)
    }
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
}
