//! The inventory as the user meets it: found, read, checked, explained.

mod files;
mod init;
mod load;
mod program;
mod render;
mod sources;
mod validate;

pub use files::missing_files;
pub use init::{InitOptions, init};
pub(in crate::cli) use load::only_cluster;
pub use load::{Failure, Loaded, Read, find_inventory, load, load_cluster, read};
pub use render::{render, render_playbook};
pub use sources::{Lookup, Sources};
pub use validate::{describe, describe_origins, schema};
