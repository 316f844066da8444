//! The inventory: what a person writes about a cluster, and what follows from it.
//!
//! The sections are the file's own keys, one file each, with the doc comments that `hactl schema` prints. [`Document`]
//! is one inventory as written; [`Cluster`] is what it means once ranges are spread out and overrides are merged.
//!
//! [`read`] goes from text to clusters in four strides, each of which collects every mistake instead of stopping at the
//! first: `tree` keeps where everything stood, `check` holds it against the schema of the structs, `rules` asks what a
//! schema can't, and `resolve` works out what holds for each host and where it came from.

mod address;
mod check;
mod clustering;
mod databases;
mod document;
mod endpoint;
mod failover;
mod fingerprint;
mod hidden;
mod keystores;
mod load_balancer;
mod origin;
mod place;
mod position;
mod problem;
mod product;
mod range;
mod read;
mod resolve;
mod resolved;
mod rules;
mod schema;
mod secrets;
mod shared_files;
mod ssh;
pub(crate) mod suggest;
pub(crate) mod tree;
mod user_store;
mod vault;

pub use address::{fault as address_fault, is_ip as is_ip_address};
pub use check::FILL_IN;
pub use clustering::{Aws, AwsEcs, Clustering, Hazelcast, Kubernetes, Multicast, Scheme};
pub use databases::{Database, DatabaseType, Databases, Driver};
pub use document::{Document, Group, HostEntry, OneOrMany, Vault};
pub use endpoint::{Caching, Endpoint};
pub use failover::{Admin, Expect, Failover, Method, Probe, ProbeBody};
pub use hidden::{hidden_by_name, hidden_ranges, hidden_words, looks_secret, mentions_secret};
pub use keystores::{Keystore, KeystoreType, Keystores, Truststore};
pub use load_balancer::{BalancerKind, HttpPort, LoadBalancer, Management, Role, Sticky};
pub use origin::{Origin, Source};
pub use place::Place;
pub use problem::{Problem, Severity, Span};
pub use product::{Pack, ProductSettings, Service};
pub use read::{Inventory, LocalFile, SecretUse, read, read_leniently};
pub use resolved::{Cluster, Host, Port, Product};
pub use schema::{keys, schema};
pub use secrets::{SecretSource, Secrets};
pub use shared_files::{Mount, SharedFiles};
pub use ssh::{BecomeMethod, BecomeSettings, JumpHost, SshSettings, TransportKind};
pub use user_store::{Registry, UserStore, UserStoreType};
pub use vault::{VaultError, decrypt};
