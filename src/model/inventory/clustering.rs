//! `clustering:`: how the nodes find one another.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;

/// How the nodes find one another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clustering {
    /// The membership scheme.
    pub scheme: Scheme,
    /// The cluster's domain; each cluster its own. Default: `NAME.domain`.
    pub domain: Option<String>,
    /// The membership port of every node. Default: 4000; 5701 for aws and aws-ecs.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Options of `scheme: multicast`.
    pub multicast: Option<Multicast>,
    /// Options of `scheme: aws`.
    pub aws: Option<Aws>,
    /// Options of `scheme: aws-ecs`.
    pub aws_ecs: Option<AwsEcs>,
    /// Options of `scheme: kubernetes`.
    pub kubernetes: Option<Kubernetes>,
    /// Further parameters of the clustering agent, as the product names them.
    #[serde(default)]
    pub properties: IndexMap<String, String>,
    /// Hazelcast's own settings.
    #[serde(default)]
    pub hazelcast: Hazelcast,
}

/// A membership scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Well-known addresses: the members follow from the hosts.
    Wka,
    /// Multicast in one network segment.
    Multicast,
    /// Amazon EC2.
    Aws,
    /// Amazon ECS.
    AwsEcs,
    /// Kubernetes.
    Kubernetes,
}

/// Options of `scheme: multicast`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Multicast {
    /// The multicast group. Default: the product's, 228.0.0.4.
    pub address: Option<String>,
    /// The multicast port. Default: the product's, 45564.
    pub port: Option<u16>,
    /// Seconds that the first node waits for others. Default: the product's, 60.
    pub timeout: Option<u16>,
    /// Hops that the packets may go. Default: the product's.
    pub ttl: Option<u8>,
}

/// Options of `scheme: aws`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// The access key.
    pub access_key: SecretSource,
    /// The secret key.
    pub secret_key: SecretSource,
    /// The security group of the nodes.
    pub security_group: String,
    /// The region.
    pub region: String,
    /// Only instances with this tag are members.
    pub tag_key: Option<String>,
    /// The value of that tag.
    pub tag_value: Option<String>,
}

/// Options of `scheme: aws-ecs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsEcs {
    /// The region.
    pub region: String,
    /// The name of the ECS cluster.
    pub cluster_name: String,
    /// The VPC's address range, such as `10.0.0.0/16`.
    pub vpc_cidr_block: String,
    /// Only tasks with this tag are members.
    pub tag_key: Option<String>,
    /// The value of that tag.
    pub tag_value: Option<String>,
}

/// Options of `scheme: kubernetes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The namespace of the pods.
    pub namespace: String,
    /// The services whose pods are members, separated by commas.
    pub services: String,
    /// The API server. Default: the pod's own environment says.
    pub api_server: Option<String>,
    /// The token to ask it with. Default: the pod's service account.
    pub token: Option<SecretSource>,
}

/// Hazelcast's own settings, in `hazelcast.properties`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hazelcast {
    /// Seconds without a heartbeat until a peer counts as gone. Default: the product's, 600.
    pub max_no_heartbeat_seconds: Option<u32>,
    /// Further properties by their full names.
    pub properties: IndexMap<String, String>,
}

impl Scheme {
    /// Its word, in the inventory and for the product.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wka => "wka",
            Self::Multicast => "multicast",
            Self::Aws => "aws",
            Self::AwsEcs => "aws-ecs",
            Self::Kubernetes => "kubernetes",
        }
    }
}
