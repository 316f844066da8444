//! Floor 3: product knowledge: what should be true on a host. Pure.

mod address;
mod caching;
mod check;
mod database_schema;
mod datasources;
pub mod facts;
mod finding;
pub mod gates;
mod generic;
mod hostname;
mod jdbc_driver;
mod keystores;
pub mod load_balancer;
mod membership;
mod node;
pub mod preflight;
mod product_pack;
mod proxy_ports;
mod registry;
mod registry_mount;
mod service_unit;
mod shared_files;
mod spelled;
mod start_nodes;
mod user_store;
pub mod verify;
mod wants;

pub use check::check;
pub use finding::Finding;
pub use gates::Gate;
pub use generic::Generic;
pub(crate) use generic::{KINDS, fields};
pub use registry::registry;
pub use wants::{Item, Wanted, Wants};

use crate::model::inventory::{Cluster, Host, Secrets};
use crate::model::profile::Profile;
use crate::model::{Archive, Blob, StepName};

/// Product knowledge. Depends on the inventory and the profile, never on what was seen.
pub trait Step: Send + Sync {
    /// Its name, as written in a playbook.
    fn name(&self) -> StepName;

    /// Adds to `wants` what should be true on this host. Adds nothing where the inventory asks for nothing.
    ///
    /// # Errors
    /// When the inventory or the profile can't be turned into something that works.
    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError>;
}

/// What a step may know: the cluster as the inventory describes it, and the host whose turn it is.
pub struct HostContext<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The host whose turn it is; one of the cluster's.
    pub host: &'a Host,
    /// What is known of the host's product and version; `None` when the inventory names no product. For a balancer, that
    /// of the nodes that it stands in front of.
    pub profile: Option<&'a Profile>,
    /// The resolved secrets.
    pub secrets: &'a Secrets,
    /// The local files that the inventory names, as they were found on the controller.
    pub blobs: &'a [Blob],
    /// The packs among them, looked through.
    pub archives: &'a [Archive],
    /// What the user allows on the command line.
    pub allow: Allow,
}

/// What the user allows on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allow {
    /// `--adopt`: move what is in the way of a link to the shared folder.
    pub adopt: bool,
}

/// Why a step can't say what should be true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct StepError {
    /// A stable word, or the ID of a rule; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// Where in the inventory, as a path of keys such as `databases.shared_db.host`; empty when nowhere.
    pub at: String,
    /// What is wrong: a sentence without a full stop, never a secret.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
}
