//! What the transport needs to know, from the inventory, the command line and the usual places.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Controller, FleetOptions};
use crate::model::Secret;
use crate::model::inventory::{Cluster, Host, JumpHost, OneOrMany, SecretSource, Secrets, TransportKind};
use crate::transport::{Become, Climb, JumpHosts, Link};

/// How long a host that does not answer is waited for, unless somebody says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the links of one run, which share the connections to their jump hosts.
pub(super) struct Links<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) secrets: &'a Secrets,
    pub(super) controller: &'a Controller,
    pub(super) options: &'a FleetOptions,
    pub(super) jump_hosts: JumpHosts,
}

impl Links<'_> {
    /// The way to a host, hop by hop.
    pub(super) fn to(&self, host: &Host) -> Link {
        let ssh = &host.ssh;
        let mut link = Link {
            name: host.name.to_string(),
            kind: host.transport,
            address: host.address.clone(),
            port: ssh.port.unwrap_or(22),
            user: ssh.user.clone().unwrap_or_else(|| self.controller.user.clone()),
            identities: ssh.identity.as_ref().map_or_else(|| self.usual_keys(), paths),
            passphrase: self.secret(&ssh.passphrase),
            password: self.secret(&ssh.password),
            agent: ssh.agent.unwrap_or(true),
            known_hosts: self.known_hosts(ssh.known_hosts.as_ref()),
            host_key_alias: ssh.host_key_alias.clone(),
            via: None,
            jump_hosts: self.jump_hosts.clone(),
            connect_timeout: self.connect_timeout(ssh.connect_timeout),
            become_: None,
            climb: Climb::default(),
        };
        let hops = ssh.jump.iter().filter(|_| host.transport == TransportKind::Ssh).flat_map(|jump| jump.as_slice());
        for hop in hops {
            link.via = Some(Arc::new(self.hop(hop, &link)));
        }
        link.become_ = ssh.become_.as_ref().map(|become_| Become {
            method: become_.method,
            user: become_.user.clone().unwrap_or_else(|| "root".to_owned()),
            password: self.secret(&become_.password),
        });
        link
    }

    /// A jump host; what it leaves out is as for the host behind it. A hop that stands for nothing was refused when the
    /// inventory was read.
    fn hop(&self, name: &str, behind: &Link) -> Link {
        let hop = self.cluster.jump_hosts.get(name).cloned().or_else(|| JumpHost::parse(name)).unwrap_or_default();
        let address = hop.address.unwrap_or_else(|| name.to_owned());
        Link {
            name: name.to_owned(),
            kind: TransportKind::Ssh,
            port: hop.port.unwrap_or(22),
            user: hop.user.unwrap_or_else(|| behind.user.clone()),
            // A key of its own is not opened by the passphrase of another one.
            passphrase: match (&hop.passphrase, &hop.identity) {
                (None, None) => behind.passphrase.clone(),
                (source, _) => self.secret(source),
            },
            identities: hop.identity.as_ref().map_or_else(|| behind.identities.clone(), paths),
            password: self.secret(&hop.password),
            agent: hop.agent.unwrap_or(behind.agent),
            known_hosts: match hop.known_hosts {
                Some(files) => self.known_hosts(Some(&files)),
                None => behind.known_hosts.clone(),
            },
            host_key_alias: hop.host_key_alias,
            connect_timeout: hop
                .connect_timeout
                .map_or(behind.connect_timeout, |seconds| self.connect_timeout(Some(seconds))),
            address,
            ..behind.clone()
        }
    }

    fn secret(&self, source: &Option<SecretSource>) -> Option<Arc<Secret>> {
        source.as_ref().and_then(|source| self.secrets.get(source))
    }

    fn below_home(&self, name: &str) -> Option<PathBuf> {
        self.controller.home.as_ref().map(|home| home.join(".ssh").join(name))
    }

    fn usual_keys(&self) -> Vec<PathBuf> {
        let names = ["id_ed25519", "id_ecdsa", "id_rsa"];
        names.iter().filter_map(|name| self.below_home(name)).filter(|path| path.exists()).collect()
    }

    fn known_hosts(&self, written: Option<&OneOrMany<PathBuf>>) -> Vec<PathBuf> {
        match (&self.options.known_hosts, written) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(files)) => files.as_slice().to_vec(),
            (None, None) => {
                self.below_home("known_hosts").into_iter().chain(["/etc/ssh/ssh_known_hosts".into()]).collect()
            }
        }
    }

    fn connect_timeout(&self, seconds: Option<u16>) -> Duration {
        let written = seconds.map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
        self.options.connect_timeout.unwrap_or(written)
    }
}

fn paths(written: &OneOrMany<PathBuf>) -> Vec<PathBuf> {
    written.as_slice().to_vec()
}
