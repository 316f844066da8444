//! The product's process: it runs, with the configuration that is on the host.

mod state;

pub use state::{Failure, Life, Member, NodeState};
