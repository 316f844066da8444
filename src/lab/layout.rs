//! Where everything of a lab is: its hosts, addresses, ports and folders, as they follow from its seed.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// What a host of the lab is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It runs the product.
    Node,
    /// It runs the balancer.
    Balancer,
    /// It runs the database, and nothing logs in there.
    Database,
}

/// A host of the lab: an address and a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabHost {
    /// Its name in the inventory.
    pub name: &'static str,
    /// Its own loopback address.
    pub address: Ipv4Addr,
    /// What it is for.
    pub role: Role,
}

/// Everything that follows from the folder and the seed. Equal seeds give equal names, addresses, ports and host keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The lab's folder, whole.
    pub folder: PathBuf,
    /// What everything follows from.
    pub seed: u64,
    subnet: u8,
}

/// The public name of the practice cluster; nothing resolves it, so nothing leaves this machine.
pub const HOSTNAME: &str = "sso.lab.example";
/// The name of the practice cluster.
pub(super) const CLUSTER: &str = "lab";
/// The database that the nodes share, and who logs in to it.
pub(super) const DATABASE: &str = "SHARED_DB";
/// Who the nodes log in to the database as.
pub(super) const DATABASE_USER: &str = "wso2";
/// The version of the product that the lab's pack has the shape of.
pub(super) const PRODUCT_VERSION: &str = "4.9.1";

impl Layout {
    /// The lab in `folder`, which should be a whole path.
    pub fn new(folder: &Path, seed: u64) -> Self {
        let digest = Sha256::digest(seed.to_le_bytes());
        // 1 to 254: a third octet of 0 or 255 confuses readers more than it does the kernel.
        let subnet = digest.first().copied().unwrap_or(0) % 254 + 1;
        Self { folder: folder.to_owned(), seed, subnet }
    }

    /// Its hosts, in the order of the inventory.
    pub fn hosts(&self) -> [LabHost; 4] {
        let host = |name, last, role| LabHost { name, address: Ipv4Addr::new(127, 79, self.subnet, last), role };
        [
            host("is-1", 1, Role::Node),
            host("is-2", 2, Role::Node),
            host("lb-1", 9, Role::Balancer),
            host("db-1", 10, Role::Database),
        ]
    }

    /// The hosts with an SSH server.
    pub fn reachable(&self) -> impl Iterator<Item = LabHost> {
        self.hosts().into_iter().filter(|host| host.role != Role::Database)
    }

    /// A host by its name.
    pub fn host(&self, name: &str) -> Option<LabHost> {
        self.hosts().into_iter().find(|host| host.name == name)
    }

    /// The address of the database, and of the lab's own control port.
    pub fn database(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, 79, self.subnet, 10)
    }

    /// The address of the balancer.
    pub fn balancer(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, 79, self.subnet, 9)
    }

    fn port(&self, base: u16) -> u16 {
        base + u16::from(self.subnet)
    }

    /// The port of every SSH server.
    pub fn ssh_port(&self) -> u16 {
        self.port(22_000)
    }

    /// The port of the database.
    pub fn database_port(&self) -> u16 {
        self.port(23_000)
    }

    /// The port that the lab's own programs report to.
    pub fn control_port(&self) -> u16 {
        self.port(24_000)
    }

    /// What the ports of a node are shifted by: as on every machine that runs several, each has its own.
    pub fn offset(&self, host: &LabHost) -> u16 {
        self.port(10_000) + 256 * u16::from(host.address.octets()[3].saturating_sub(1))
    }

    /// The membership port of a node.
    pub fn member_port(&self, host: &LabHost) -> u16 {
        self.port(25_000) + 256 * u16::from(host.address.octets()[3].saturating_sub(1))
    }

    /// The balancer's port for HTTP.
    pub fn http_port(&self) -> u16 {
        self.port(28_000)
    }

    /// The balancer's port for HTTPS.
    pub fn https_port(&self) -> u16 {
        self.port(28_400)
    }

    /// The folder of a host: all that it has.
    pub fn host_folder(&self, host: &str) -> PathBuf {
        self.folder.join("hosts").join(host)
    }

    /// The product's home on a host.
    pub fn product_home(&self, host: &str) -> PathBuf {
        self.host_folder(host).join("opt/wso2carbon-4.9.1")
    }

    /// The JDK of a host.
    pub fn java_home(&self, host: &str) -> PathBuf {
        self.host_folder(host).join("opt/jdk-17")
    }

    /// What is broken on purpose, a file each.
    pub fn fault(&self, what: &str, host: &str) -> PathBuf {
        self.folder.join("faults").join(format!("{what}.{host}"))
    }

    /// Bytes that follow from the seed and a word. Never for what must be secret: a seed can be guessed.
    pub(super) fn seeded(&self, word: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(word.as_bytes()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_labs_and_the_ports_are_unprivileged() {
        for seed in 0..300 {
            let layout = Layout::new(Path::new("/lab"), seed);
            assert_eq!(layout, Layout::new(Path::new("/lab"), seed));
            assert_eq!(layout.seeded("a"), Layout::new(Path::new("/elsewhere"), seed).seeded("a"));
            for host in layout.hosts() {
                assert!(host.address.is_loopback());
            }
            for port in [layout.ssh_port(), layout.database_port(), layout.control_port(), layout.https_port()] {
                assert!((1024..32_768).contains(&port), "{port}");
            }
        }
    }
}
