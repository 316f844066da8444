//! The playbook: which steps, in which order, on which hosts.

mod batch;
mod read;

use crate::model::HostName;
use crate::model::inventory::{Host, LocalFile, Place, Problem};
use crate::steps::gates::Gate;
use crate::steps::{Generic, Step};

pub use self::batch::Batch;

/// The playbook that is built in: how a cluster is configured.
const APPLY: &str = include_str!("../../playbooks/apply.yaml");

/// A list of stages that can be read aloud. A stage is finished on every host before the next one begins.
#[derive(Debug)]
pub struct Playbook {
    /// The stages, in order.
    pub stages: Vec<Stage>,
}

/// What is done on some hosts before anything else is begun.
#[derive(Debug)]
pub struct Stage {
    /// What people call it: `Configure the nodes`.
    pub name: String,
    /// The hosts whose turn it is.
    pub on: On,
    /// The steps, in order.
    pub steps: Vec<StageStep>,
    /// How many hosts are worked on before the next ones are begun; `None`: all of them.
    pub batch: Option<Batch>,
    /// Must its hosts be worked on one after another, whatever the command line says?
    pub one_at_a_time: bool,
    /// Is it done on the first of its hosts only, for all of them?
    pub once: bool,
    /// What must hold before a host is touched.
    pub before: Vec<Gate>,
    /// What must come true on a host before the next one is begun.
    pub gate: Vec<Gate>,
}

impl Stage {
    /// The one of these hosts that it is done on, when it is done only once.
    pub fn first_of<'h>(&self, hosts: &[&'h Host]) -> Option<&'h HostName> {
        hosts.iter().find(|host| self.on.includes(host)).map(|host| &host.name)
    }
}

/// Which hosts a stage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The hosts that run the product.
    Product,
    /// The hosts that stand in front of the nodes.
    LoadBalancer,
    /// All hosts of the cluster.
    All,
}

impl On {
    /// Is this host one of them?
    pub fn includes(self, host: &Host) -> bool {
        match self {
            Self::Product => host.product.is_some(),
            Self::LoadBalancer => host.is_balancer(),
            Self::All => true,
        }
    }
}

/// One step of a stage.
pub enum StageStep {
    /// Product knowledge, by its name.
    Named(&'static dyn Step),
    /// Spelled out in the playbook.
    Generic(Box<Generic>),
}

impl StageStep {
    /// The step itself.
    pub fn step(&self) -> &dyn Step {
        match self {
            Self::Named(step) => *step,
            Self::Generic(step) => step.as_ref(),
        }
    }
}

impl std::fmt::Debug for StageStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StageStep({})", self.step().name())
    }
}

impl Playbook {
    /// The playbook that is built in.
    ///
    /// # Errors
    /// Only when this build is broken; a test reads it.
    pub fn builtin() -> Result<Self, Vec<Problem>> {
        let place = Place { file: "apply.yaml".to_owned(), folder: "/".into(), home: None };
        Self::parse(APPLY, &place)
    }

    /// Reads a playbook. `place` says what its file is called and where its relative paths start.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str, place: &Place) -> Result<Self, Vec<Problem>> {
        read::read(text, place)
    }

    /// A playbook without a stage: it wants nothing of any host.
    pub fn empty() -> Self {
        Self { stages: Vec::new() }
    }

    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &dyn Step> {
        self.stages.iter().flat_map(|stage| &stage.steps).map(StageStep::step)
    }

    /// Does any stage wait for something to come true?
    pub fn has_gates(&self) -> bool {
        self.stages.iter().any(|stage| !stage.gate.is_empty())
    }

    /// The files on the controller that its steps need: they must be among the blobs that the steps are given.
    pub fn local_files(&self) -> impl Iterator<Item = &LocalFile> {
        let steps = self.stages.iter().flat_map(|stage| &stage.steps);
        steps.filter_map(|step| match step {
            StageStep::Named(_) => None,
            StageStep::Generic(step) => step.local_file(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_playbook_goes_from_the_product_to_the_balancer() {
        let playbook = Playbook::builtin().unwrap();
        let stages: Vec<_> = playbook.stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(
            stages,
            [
                "Lay down the product",
                "Create the schemas",
                "Configure the nodes",
                "Configure the balancer",
                "Start the nodes",
                "Prove it"
            ]
        );
        let mut named: Vec<_> =
            playbook.stages.iter().flat_map(|stage| &stage.steps).map(|s| s.step().name()).collect();
        let mut known: Vec<_> = crate::steps::registry().iter().map(|step| step.name()).collect();
        named.sort_unstable();
        known.sort_unstable();
        assert_eq!(named, known, "every step is in the playbook once");
    }
}
