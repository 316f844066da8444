//! What an inventory means: ranges spread out, overrides merged, defaults filled in.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::{
    Admin, Caching, Clustering, Databases, Endpoint, Failover, JumpHost, Keystores, LoadBalancer, Pack, Registry, Role,
    Service, SharedFiles, SshSettings, TransportKind, UserStore, Vault,
};
use crate::model::profile::Profile;
use crate::model::{HostName, RemotePath};

/// One cluster, ready to be worked on.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its environment, such as `production`.
    pub environment: Option<String>,
    /// How its vault strings are opened.
    pub vault: Option<Vault>,
    /// Its hosts in the order of the inventory.
    pub hosts: Vec<Host>,
    /// The jump hosts that hosts name.
    pub jump_hosts: IndexMap<String, JumpHost>,
    /// See [`Databases`].
    pub databases: Databases,
    /// See [`Keystores`].
    pub keystores: Keystores,
    /// See [`UserStore`].
    pub user_store: Option<UserStore>,
    /// See [`Registry`].
    pub registry: Registry,
    /// See [`Clustering`].
    pub clustering: Option<Clustering>,
    /// See [`Caching`].
    pub caching: Caching,
    /// See [`Endpoint`].
    pub endpoint: Option<Endpoint>,
    /// See [`LoadBalancer`].
    pub load_balancer: Option<LoadBalancer>,
    /// See [`SharedFiles`].
    pub shared_files: Option<SharedFiles>,
    /// See [`Admin`].
    pub admin: Option<Admin>,
    /// See [`Failover`]; the files of its probes are absolute.
    pub failover: Failover,
    /// The cluster's own values for playbooks.
    pub vars: IndexMap<String, String>,
}

/// One host with everything that holds for it.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name in the inventory.
    pub name: HostName,
    /// Its address or DNS name.
    pub address: String,
    /// What it is, beside a node.
    pub roles: Vec<Role>,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// How it is reached at all.
    pub transport: TransportKind,
    /// How it is reached; host over group over cluster. Paths are absolute.
    pub ssh: SshSettings,
    /// The product on it; `None` when the inventory names none.
    pub product: Option<Product>,
    /// The address that its peers reach it at.
    pub member_address: String,
    /// Its own membership port, where it has one.
    pub member_port: Option<u16>,
    /// Values for playbooks, host over group over cluster.
    pub vars: IndexMap<String, String>,
}

impl Host {
    /// Does it stand in front of the nodes? Such a host has no product.
    pub fn is_balancer(&self) -> bool {
        self.roles.contains(&Role::LoadBalancer)
    }
}

/// A product on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// `wso2is`, `wso2carbon`, …
    pub name: String,
    /// Its version, such as `7.1.0`.
    pub version: String,
    /// Where it is.
    pub home: RemotePath,
    /// What is unpacked where `home` is not there; its file is absolute.
    pub pack: Option<Pack>,
    /// A profile file of the user's own; absolute.
    pub profile: Option<PathBuf>,
    /// The JDK.
    pub java_home: Option<RemotePath>,
    /// Who owns its files.
    pub run_as: Option<String>,
    /// What starts and stops it.
    pub service: Service,
    /// What is added to its ports; `None`: what the host's configuration says.
    pub port_offset: Option<u16>,
    /// Seconds from a start until it must be ready.
    pub start_timeout: Option<u32>,
    /// Seconds from a stop until its process is killed.
    pub stop_timeout: Option<u32>,
}

/// A port of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// HTTPS: console, APIs, services.
    Https,
    /// HTTP.
    Http,
}

impl Product {
    /// The port that it listens at, as far as the inventory tells: with the offset of the inventory, or else with the one
    /// that the product is shipped with.
    pub fn port(&self, profile: &Profile, which: Port) -> u16 {
        let ports = profile.ports;
        let port = match which {
            Port::Https => ports.https,
            Port::Http => ports.http,
        };
        port.saturating_add(self.port_offset.unwrap_or(ports.offset))
    }
}
