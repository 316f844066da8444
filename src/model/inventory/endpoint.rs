//! `endpoint:` and `caching:`: the public name, and the caches behind it.

use schemars::JsonSchema;
use serde::Deserialize;

/// The name and the ports that clients use: those of the balancer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The public host name. Set it before the first start: stored callback URLs keep the old one.
    pub hostname: String,
    /// The balancer's HTTP port; becomes `proxyPort`.
    #[schemars(range(min = 1))]
    pub http_port: Option<u16>,
    /// The balancer's HTTPS port; becomes `proxyPort`.
    #[schemars(range(min = 1))]
    pub https_port: Option<u16>,
    /// Map the name to the node's own address in its `/etc/hosts`, so that internal calls skip the balancer. Default: true.
    pub hosts_entry: Option<bool>,
}

/// Caches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Caching {
    /// Keep caches on each node and only send invalidations (`[server] force_local_cache`). Default: true.
    pub force_local: Option<bool>,
}
