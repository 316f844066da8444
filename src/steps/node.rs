//! The product on the host whose turn it is, and on its peers.

use std::net::Ipv4Addr;

use super::address::is_local;
use super::{HostContext, StepError, Wants};
use crate::model::RemotePath;
use crate::model::inventory::{Cluster, Host, Product};
use crate::model::profile::{KeyPath, Profile};
use crate::resources::WhenAbsent;
use crate::resources::edit::{TomlKeys, Value};

/// The product on the host whose turn it is.
pub(super) struct Node<'a> {
    /// The product.
    pub(super) product: &'a Product,
    /// What is known of its version.
    pub(super) profile: &'a Profile,
}

impl<'a> Node<'a> {
    /// The host's product; `None` where it has none, and then a step wants nothing.
    pub(super) fn of(on: &HostContext<'a>) -> Result<Option<Self>, StepError> {
        let Some(product) = &on.host.product else {
            return Ok(None);
        };
        let Some(profile) = on.profile else {
            return Err(StepError {
                code: "profile-missing",
                at: "product.version".into(),
                cause: format!("nothing is known of {} {}", product.name, product.version),
                hint: Some("name a profile of your own under `product.profile`".into()),
            });
        };
        Ok(Some(Self { product, profile }))
    }

    /// How many seconds its product may take to end.
    pub(super) fn stop_timeout(&self) -> u32 {
        self.product.stop_timeout.unwrap_or(self.profile.process.stop_timeout)
    }

    /// A path of the profile: below the product's home, unless it begins with a slash.
    pub(super) fn path(&self, relative: &str) -> Result<RemotePath, StepError> {
        let path = if relative.starts_with('/') { relative.parse() } else { self.product.home.join(relative) };
        path.map_err(|error| StepError {
            code: "profile-path",
            at: "product.profile".into(),
            cause: format!("profile {}: {error}", self.profile.name),
            hint: None,
        })
    }

    /// Wants these keys of the product's configuration file, which the product brings.
    pub(super) fn configure(&self, wants: &mut Wants, keys: TomlKeys) -> Result<(), StepError> {
        if !keys.is_empty() {
            let file = self.path(&self.profile.files.configuration)?;
            wants.edit(&file, WhenAbsent::Refuse, keys);
        }
        Ok(())
    }
}

/// Keys by the paths that profiles speak of.
pub(super) trait ByPath {
    /// The key at `path` should have this value.
    fn put(self, path: &KeyPath, value: Value) -> Self;
    /// The key at `path` should not be there.
    fn take(self, path: &KeyPath) -> Self;
}

impl ByPath for TomlKeys {
    fn put(self, path: &KeyPath, value: Value) -> Self {
        self.set(&path.keys(), value)
    }

    fn take(self, path: &KeyPath) -> Self {
        self.remove(&path.keys())
    }
}

/// The hosts that run the product, in the order of the inventory.
pub(super) fn product_hosts(cluster: &Cluster) -> impl Iterator<Item = &Host> {
    cluster.hosts.iter().filter(|host| host.product.is_some())
}

/// Do several hosts run the product, so that they must share what they store?
pub(super) fn has_peers(cluster: &Cluster) -> bool {
    product_hosts(cluster).nth(1).is_some()
}

/// Are all hosts of the cluster this one machine? They are when every one of them is at an address of its loopback, and
/// the nodes find each other there too: an SSH port may be forwarded from anywhere. Then an address of the loopback is the
/// same place for all of them, and each has its own.
pub(super) fn on_one_machine(cluster: &Cluster) -> bool {
    cluster.hosts.iter().all(|host| loopback(&host.address).is_some())
        && product_hosts(cluster).all(|host| loopback(&host.member_address).is_some())
}

/// Is the host itself at its address, so that its other ports are there too? An address that only its SSH port is
/// forwarded from leads to somebody else: one of the loopback, or one that several hosts share, beside an own one among
/// the nodes.
pub fn is_at_its_address(cluster: &Cluster, host: &Host) -> bool {
    let others = || cluster.hosts.iter().filter(|other| other.name != host.name);
    host.address == host.member_address
        || !(is_local(&host.address) || others().any(|other| other.address == host.address))
}

/// An IPv4 address of the loopback.
pub(super) fn loopback(address: &str) -> Option<Ipv4Addr> {
    address.parse::<Ipv4Addr>().ok().filter(Ipv4Addr::is_loopback)
}
