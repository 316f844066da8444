//! `load_balancer:`: what stands in front of the nodes.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;

/// The balancer in front of the nodes; the hosts with `roles: [load-balancer]` run it. It serves the name and the ports of
/// `endpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// The program: `nginx` or `haproxy`. It must be installed on the host.
    pub kind: BalancerKind,
    /// How a client stays with its node: `cookie`, `ip_hash` (behind another proxy all clients are one), or `none`. Default: `cookie`.
    pub sticky: Option<Sticky>,
    /// Say in the response header `X-Hactl-Node` which node answered. Default: true.
    pub show_node: Option<bool>,
    /// The certificate that clients see, with its chain, as PEM; relative to the inventory.
    #[schemars(extend("format" = "local-file"))]
    pub certificate: PathBuf,
    /// The certificate's private key, as PEM without a passphrase.
    pub key: SecretSource,
    /// What the HTTP port does: `redirect` to HTTPS, or `proxy` to the nodes' own HTTP port. Default: `redirect`.
    pub http: Option<HttpPort>,
    /// The addresses that it listens at. Default: every IPv4 address.
    #[serde(default)]
    pub listen: Vec<String>,
    /// A name of its own for the management console, which is then closed under the public name.
    pub management: Option<Management>,
    /// The nodes' path that tells their health. It is closed from outside; HAProxy asks it instead of only connecting.
    pub health: Option<String>,
    /// The certificates that the nodes' own certificates are checked with, as PEM. Default: they are not checked.
    #[schemars(extend("format" = "local-file"))]
    pub nodes_ca: Option<PathBuf>,
    /// Seconds until a node that does not accept a connection is given up. Default: 5.
    #[schemars(range(min = 1, max = 75))]
    pub connect_timeout: Option<u16>,
    /// Seconds until a node that does not answer is given up. Default: 30.
    #[schemars(range(min = 1, max = 3600))]
    pub read_timeout: Option<u16>,
    /// The folder of the program's configuration. Default: that of its package, such as `/etc/nginx`.
    pub configuration: Option<String>,
    /// The file that holds the program's process id. Default: that of its package, such as `/run/nginx.pid`.
    pub pid_file: Option<String>,
}

/// A name of its own for the management console.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Management {
    /// The console's host name.
    pub hostname: String,
    /// The node that serves it; the others stand in when it is away. Default: the first node.
    pub node: Option<String>,
}

/// A program that balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BalancerKind {
    /// nginx, the community edition.
    Nginx,
    /// HAProxy.
    Haproxy,
}

impl BalancerKind {
    /// Its word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }
}

/// How a client stays with its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sticky {
    /// By a cookie of the balancer's.
    Cookie,
    /// By the client's address.
    IpHash,
    /// Not at all.
    None,
}

/// What the HTTP port does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpPort {
    /// It sends clients to HTTPS.
    Redirect,
    /// It goes to the nodes' HTTP port.
    Proxy,
}

/// What a host is, beside a node with the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It stands in front of the nodes, and has no product.
    LoadBalancer,
}
