//! What the user's SSH configuration says about one name.

use std::path::PathBuf;
use std::time::Duration;

use crate::transport::link::{AddressFamily, Algorithms};

/// What the user's SSH configuration says about one name. `None`, or empty: nothing, so that defaults hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostConfig {
    /// Which files say it, in words.
    pub source: String,
    /// `HostName`: the address to connect to.
    pub address: Option<String>,
    /// `User`
    pub user: Option<String>,
    /// `Port`
    pub port: Option<u16>,
    /// `IdentityFile`, whether it is there or not.
    pub identities: Option<Vec<PathBuf>>,
    /// `IdentitiesOnly`
    pub identities_only: Option<bool>,
    /// `CertificateFile`
    pub certificates: Vec<PathBuf>,
    /// `IdentityAgent`
    pub agent: Option<Agent>,
    /// `ProxyJump` or `ProxyCommand`
    pub way: Way,
    /// `UserKnownHostsFile`
    pub user_known_hosts: Option<Vec<PathBuf>>,
    /// `GlobalKnownHostsFile`
    pub global_known_hosts: Option<Vec<PathBuf>>,
    /// `HostKeyAlias`
    pub host_key_alias: Option<String>,
    /// `ConnectTimeout`
    pub connect_timeout: Option<Duration>,
    /// `ServerAliveInterval`
    pub keepalive: Option<Duration>,
    /// `ServerAliveCountMax`
    pub keepalives: Option<usize>,
    /// `AddressFamily`
    pub address_family: Option<AddressFamily>,
    /// `BindAddress`
    pub bind_address: Option<String>,
    /// `KexAlgorithms` and its like.
    pub algorithms: Algorithms,
    /// What is set, and has no effect here.
    pub passed: Vec<Passed>,
    /// What the user should hear once.
    pub warnings: Vec<String>,
}

/// `IdentityAgent`: which agent is asked for keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// None.
    None,
    /// The one at this socket.
    Socket(PathBuf),
}

/// How a host is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Way {
    /// Straight.
    #[default]
    Direct,
    /// `ProxyJump`: through these, the outermost first.
    Jump(Vec<Hop>),
    /// `ProxyCommand`: over the standard input and output of this command.
    Command(String),
}

/// A host of `ProxyJump`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Its name, which is looked up in turn.
    pub name: String,
    /// The user that stands before it.
    pub user: Option<String>,
    /// The port that stands behind it.
    pub port: Option<u16>,
}

/// A keyword that is set, and has no effect here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The keyword.
    pub keyword: String,
    /// Its value.
    pub value: String,
    /// Why it has none.
    pub reason: &'static str,
}
