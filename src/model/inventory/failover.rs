//! `failover:` and `admin:`: what is asked of the product to prove that it works, and as whom.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;

/// The product's own administrator, as whom hactl proves that the nodes work; it makes nobody an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// The user's name, as in `[super_admin]`.
    pub username: String,
    /// The user's password.
    pub password: SecretSource,
}

/// The traffic that proves that the cluster works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Failover {
    /// Requests that every node must answer, besides those that the product's profile brings; one of the same name takes its place.
    pub probes: Vec<Probe>,
    /// Secrets that the probes use as `${secret.NAME}`, in a header or a body.
    pub secrets: IndexMap<String, SecretSource>,
}

/// One request, and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// What it is called in reports.
    pub name: String,
    /// The method. Default: `GET`.
    pub method: Option<Method>,
    /// The path on the node and behind the balancer, with its query.
    pub path: String,
    /// Headers, such as `Content-Type`. They may hold `${secret.NAME}`, `${admin.username}`, `${admin.password}`, `${admin.basic}` and `${hostname}`.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body. What is put into its places is written as its `Content-Type` wants it.
    pub body: Option<ProbeBody>,
    /// What the answer must be.
    pub expect: Expect,
    /// May it be sent again without doing anything twice? Others are not sent to prove anything. Default: true for `GET`.
    pub idempotent: Option<bool>,
    /// May it be asked through the public name? Default: true.
    pub public: Option<bool>,
}

/// The body of a request; exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeBody {
    /// A local file, relative to the inventory.
    #[schemars(extend("format" = "local-file"))]
    pub file: Option<PathBuf>,
    /// The body itself.
    pub text: Option<String>,
}

/// What an answer must be. A node that is about to stop answers 200 with nothing in it, so the content is not optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status code.
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// What the body must hold.
    pub contains: String,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Sends.
    Post,
    /// Puts in place.
    Put,
    /// Changes a part.
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    /// Its word in HTTP and in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}
