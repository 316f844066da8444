//! One inventory as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Admin, Caching, Clustering, Databases, Endpoint, Failover, JumpHost, Keystores, LoadBalancer, ProductSettings,
    Registry, Role, SecretSource, SharedFiles, SshSettings, TransportKind, UserStore,
};

/// One cluster. A file may hold several, separated by `---`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of this file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u8,
    /// The cluster's name: it names the lock, the runs and the reports.
    pub cluster: String,
    /// `production`, or any word of yours. In production, severe actions want `--confirm CLUSTER`.
    pub environment: Option<String>,
    /// How strings encrypted by ansible-vault are opened.
    pub vault: Option<Vault>,
    /// How the hosts are reached.
    #[serde(default)]
    pub ssh: SshSettings,
    /// The jump hosts that `ssh.jump` names.
    #[serde(default)]
    pub jump_hosts: IndexMap<String, JumpHost>,
    /// What runs on the nodes.
    pub product: Option<ProductSettings>,
    /// Settings for some of the hosts.
    #[serde(default)]
    pub groups: IndexMap<String, Group>,
    /// The hosts, by name. `is-[1:4]` stands for four, with an address such as `192.168.2.1-4` or `is-[1:4].example.com`.
    pub hosts: IndexMap<String, HostEntry>,
    /// The JDBC driver and the datasources.
    pub databases: Option<Databases>,
    /// The keys and certificates that all nodes share.
    pub keystores: Option<Keystores>,
    /// The primary user store.
    pub user_store: Option<UserStore>,
    /// The registry's place.
    pub registry: Option<Registry>,
    /// How the nodes find one another.
    pub clustering: Option<Clustering>,
    /// Caches.
    pub caching: Option<Caching>,
    /// The name and the ports that clients use.
    pub endpoint: Option<Endpoint>,
    /// What stands in front of the nodes.
    pub load_balancer: Option<LoadBalancer>,
    /// Files that all nodes share.
    pub shared_files: Option<SharedFiles>,
    /// The product's administrator, as whom hactl proves that the nodes work.
    pub admin: Option<Admin>,
    /// The traffic that proves that the cluster works.
    pub failover: Option<Failover>,
    /// Values for playbooks of your own, as `{{ vars.NAME }}`.
    #[serde(default)]
    pub vars: IndexMap<String, String>,
}

/// How strings encrypted by ansible-vault are opened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// The vault's password.
    pub password: SecretSource,
}

/// Settings for the hosts that name this group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    /// How these hosts are reached.
    pub ssh: SshSettings,
    /// Where the product is on these hosts.
    pub product: ProductSettings,
    /// Values for playbooks of your own.
    pub vars: IndexMap<String, String>,
}

/// One host, or a range of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostEntry {
    /// The host's address or DNS name. Default: the host's name.
    pub address: Option<String>,
    /// What the host is, beside a node: `load-balancer`, which has no product.
    pub roles: Vec<Role>,
    /// The groups whose settings it takes; a later one overrides an earlier one.
    pub groups: Vec<String>,
    /// How it is reached at all: `ssh`, `openssh` or `local`. Default: `local` for the address `localhost`, else `ssh`.
    pub transport: Option<TransportKind>,
    /// How this host is reached.
    pub ssh: SshSettings,
    /// Where the product is on this host.
    pub product: ProductSettings,
    /// The address that its peers reach it at. Default: the host's address, which must then be an IP address.
    pub member_address: Option<String>,
    /// Its membership port. Default: that of `clustering`.
    #[schemars(range(min = 1))]
    pub member_port: Option<u16>,
    /// Values for playbooks of your own.
    pub vars: IndexMap<String, String>,
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several, in this order.
    Many(Vec<T>),
}

impl HostEntry {
    /// Does it stand in front of the nodes?
    pub fn is_balancer(&self) -> bool {
        self.roles.contains(&Role::LoadBalancer)
    }
}

impl<T> OneOrMany<T> {
    /// The values as a slice.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}
