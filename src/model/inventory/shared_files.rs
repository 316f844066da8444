//! `shared_files:`: what the nodes share through a network file system.

use schemars::JsonSchema;
use serde::Deserialize;

/// Files that all nodes share. Only `userstores` and `tenants`: WSO2 withdrew the sharing of more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedFiles {
    /// The shared file system. hactl does not mount it; it refuses to link into a folder that is not mounted.
    pub mount: Mount,
    /// Link `repository/deployment/server/userstores` to `TARGET/Userstores`. Default: true.
    pub userstores: Option<bool>,
    /// Link `repository/tenants` to `TARGET/Tenants`. Default: true.
    pub tenants: Option<bool>,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// What is mounted, such as `nfs1:/wso2`; compared with what the host says when it is given.
    pub source: Option<String>,
    /// Where it is mounted on the nodes.
    pub target: String,
    /// The file system's type, such as `nfs4`; compared likewise.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}
