//! Everything that a balancer's configuration says, whatever the program.

use std::net::IpAddr;

use super::Paths;
use super::closed::pattern;
use crate::model::inventory::{Cluster, Endpoint, Host, HttpPort, LoadBalancer, Port, Sticky};
use crate::model::profile::Profile;
use crate::model::{HostName, Sha256};
use crate::steps::node::product_hosts;

/// Seconds until a node that does not accept is given up.
const CONNECT: u16 = 5;

/// Seconds until a node that does not answer is given up.
pub(super) const READ: u16 = 30;

/// The response header that names the node.
pub(super) const HEADER: &str = "X-Hactl-Node";

/// What a balancer's configuration says.
pub(super) struct Front<'a> {
    /// A word for names in the configuration that may be nobody else's.
    pub(super) prefix: String,
    /// The cookie that keeps a client with its node.
    pub(super) cookie: String,
    pub(super) hostname: &'a str,
    pub(super) http_port: Option<u16>,
    pub(super) https_port: u16,
    pub(super) http: HttpPort,
    /// Where it listens; empty: everywhere.
    pub(super) listen: &'a [String],
    pub(super) sticky: Sticky,
    pub(super) show_node: bool,
    pub(super) nodes: Vec<Node<'a>>,
    /// The console's own name, and the index of the node that serves it.
    pub(super) management: Option<(&'a str, usize)>,
    /// Patterns of paths that are closed under the public name.
    pub(super) closed: Vec<String>,
    /// Patterns of paths that are closed under the console's name.
    pub(super) closed_to_managers: Vec<String>,
    pub(super) health: Option<&'a str>,
    pub(super) connect_timeout: u16,
    pub(super) read_timeout: u16,
    pub(super) certificate: &'a str,
    pub(super) key: &'a str,
    pub(super) nodes_ca: Option<&'a str>,
}

/// A node behind the balancer.
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// What the cookie calls it, which tells a stranger nothing.
    pub(super) id: String,
    address: &'a str,
    http: u16,
    https: u16,
    /// It takes no new requests.
    pub(super) drained: bool,
}

/// How the balancer speaks with the nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Node<'_> {
    /// The address as it stands in a URL.
    pub(super) fn host(&self) -> String {
        match self.address.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => self.address.to_owned(),
        }
    }

    pub(super) fn at(&self, scheme: Scheme) -> String {
        let port = match scheme {
            Scheme::Http => self.http,
            Scheme::Https => self.https,
        };
        format!("{}:{port}", self.host())
    }
}

impl<'a> Front<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        profile: &'a Profile,
        given: &'a LoadBalancer,
        endpoint: &'a Endpoint,
        drained: &[HostName],
        paths: &'a Paths,
    ) -> Self {
        let short = |text: &str| Sha256::of(text.as_bytes()).to_string().chars().take(8).collect::<String>();
        let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let port = |host: &Host, which| host.product.as_ref().map_or(0, |product| product.port(profile, which));
        let node = |host: &'a Host| Node {
            name: host.name.as_str(),
            id: short(&format!("{}/{}", cluster.name, host.name)),
            address: &host.member_address,
            http: port(host, Port::Http),
            https: port(host, Port::Https),
            drained: drained.contains(&host.name),
        };
        let nodes: Vec<Node<'a>> = product_hosts(cluster).map(node).collect();
        let management = given.management.as_ref().map(|management| {
            let wanted = management.node.as_deref();
            let index = nodes.iter().position(|node| Some(node.name) == wanted);
            (management.hostname.as_str(), index.unwrap_or_default())
        });
        let closed_to_managers: Vec<String> =
            profile.endpoint.closed.iter().chain(&given.health).map(|path| pattern(path)).collect();
        let mut closed = closed_to_managers.clone();
        closed.extend(management.map(|_| pattern(&profile.endpoint.console)));
        Self {
            prefix: format!("hactl_{}", cluster.name.chars().map(word).collect::<String>()),
            cookie: format!("hactl_{}", short(&cluster.name)),
            hostname: &endpoint.hostname,
            http_port: endpoint.http_port,
            https_port: endpoint.https_port.unwrap_or(443),
            http: given.http.unwrap_or(HttpPort::Redirect),
            listen: &given.listen,
            sticky: given.sticky.unwrap_or(Sticky::Cookie),
            show_node: given.show_node.unwrap_or(true),
            nodes,
            management,
            closed,
            closed_to_managers,
            health: given.health.as_deref(),
            connect_timeout: given.connect_timeout.unwrap_or(CONNECT),
            read_timeout: given.read_timeout.unwrap_or(READ),
            certificate: paths.certificate.as_str(),
            key: paths.key.as_str(),
            nodes_ca: paths.nodes_ca.as_ref().map(crate::model::RemotePath::as_str),
        }
    }

    /// What it listens at with this port, as both programs write it.
    pub(super) fn sockets(&self, port: u16, everywhere: &str) -> Vec<String> {
        if self.listen.is_empty() {
            return vec![format!("{everywhere}{port}")];
        }
        let socket = |address: &String| match address.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
            _ => format!("{address}:{port}"),
        };
        self.listen.iter().map(socket).collect()
    }

    /// The beginning of a public URL of this host name.
    pub(super) fn https_url(&self, hostname: &str) -> String {
        match self.https_port {
            443 => format!("https://{hostname}"),
            port => format!("https://{hostname}:{port}"),
        }
    }
}
