//! placeholder until the branch `start` is merged
mod state;
pub use state::NodeState;
