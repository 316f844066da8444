//! `verify`: what is asked of a cluster that runs, and how the answers are judged.

mod asks;
mod judge;
mod proof;

#[cfg(test)]
mod tests;

pub use asks::{Ask, Asks, Bodies, SharedAsks, check_bodies};
pub use judge::{Said, judge};
pub use proof::{Fault, Proof, Seen, Served, Shared, Spread};

pub use super::node::is_at_its_address;

use super::node::Node;
use super::{HostContext, Step, StepError, Wants};
use crate::model::StepName;

/// The name of the step that a playbook asks for a proof with.
pub const VERIFY: StepName = StepName("verify");

/// The step by which a playbook asks for a proof. It wants nothing of a host: the cluster is asked as its clients ask it,
/// once the nodes have started.
pub(super) struct Verify;

impl Step for Verify {
    fn name(&self) -> StepName {
        VERIFY
    }

    fn desire(&self, on: &HostContext<'_>, _: &mut Wants) -> Result<(), StepError> {
        Node::of(on).map(drop)
    }
}
