//! `preflight`: what must be right on the hosts before anything is changed, as rules.
//!
//! A rule is data and two pure functions: one writes a probe, the other judges what the probes of all hosts have printed.

mod clock_and_limits;
mod configuration;
mod database;
mod files;
mod java_and_processes;
mod membership;

use std::sync::Arc;

pub use self::clock_and_limits::Clock;
pub(super) use self::java_and_processes::java_version;
use super::node::Node;
use super::{Allow, HostContext, Step, StepError, Wants};
use crate::model::inventory::{Cluster, Host, Product, Severity};
use crate::model::profile::Profile;
use crate::model::{HostName, Script, StepName};
use crate::resources::LOOK;

/// The functions of the probes.
pub(super) const FUNCTIONS: &str = include_str!("preflight.sh");

/// The name of the step that a playbook asks for a preflight with.
pub const PREFLIGHT: StepName = StepName("preflight");

/// The step by which a playbook asks for a preflight. It wants nothing of a host: the rules are judged before the first
/// change of a run, whatever the stage it stands in.
pub(super) struct Preflight;

impl Step for Preflight {
    fn name(&self) -> StepName {
        PREFLIGHT
    }

    fn desire(&self, on: &HostContext<'_>, _: &mut Wants) -> Result<(), StepError> {
        Node::of(on).map(drop)
    }
}

/// One rule about hosts.
pub struct Rule {
    /// Its stable name, such as `O02`; `hactl explain O02` tells more.
    pub id: &'static str,
    applies: fn(&Subject) -> bool,
    probe: fn(&Subject, &mut Script),
    judge: fn(&[Facts<'_>]) -> Vec<Verdict>,
}

/// Every rule that looks at hosts, in the order in which its findings are told.
static RULES: &[&[Rule]] = &[
    java_and_processes::RULES,
    membership::RULES,
    database::RULES,
    files::RULES,
    configuration::RULES,
    clock_and_limits::RULES,
];

/// Every rule that looks at hosts.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|family| family.iter())
}

/// A host with a product, as the rules know it. Holds no secret.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its cluster.
    pub cluster: Arc<Cluster>,
    /// The host.
    pub host: Host,
    /// Its product.
    pub product: Product,
    /// What is known of the product's version.
    pub profile: Arc<Profile>,
    /// May what is in the way of a link be moved?
    pub adopt: bool,
}

impl Subject {
    /// The subject of a host; `None` when it has no product, and then there is no rule for it.
    pub fn new(cluster: &Arc<Cluster>, host: &Host, profile: Option<&Arc<Profile>>, allow: Allow) -> Option<Self> {
        let (product, profile) = (host.product.clone()?, profile?.clone());
        Some(Self { cluster: cluster.clone(), host: host.clone(), product, profile, adopt: allow.adopt })
    }

    /// A path of the profile, as text for a script: below the product's home, unless it begins with a slash.
    fn path(&self, relative: &str) -> String {
        if relative.starts_with('/') { relative.to_owned() } else { format!("{}/{relative}", self.product.home) }
    }

    /// What comes before the probes of this host in one script.
    pub fn prelude(&self, script: &mut Script) {
        script.line(LOOK);
        script.line(FUNCTIONS);
        script.call("hactl_find_product", &[self.product.home.as_str(), &self.path(&self.profile.files.pid)]);
    }
}

/// What a rule's probe printed on one host.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The host.
    pub subject: &'a Subject,
    /// What the probe printed.
    pub said: &'a str,
    /// The host's clock against the controller's; `None` when it could not be read.
    pub clock: Option<Clock>,
}

impl<'a> Facts<'a> {
    /// What follows `key` in every line that begins with it.
    fn values(&self, key: &'static str) -> impl Iterator<Item = &'a str> {
        self.said.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
    }

    fn value(&self, key: &'static str) -> Option<&'a str> {
        self.values(key).next()
    }

    fn error(&self, cause: impl Into<String>, hint: impl Into<String>) -> Verdict {
        self.verdict(Severity::Error, cause.into(), hint.into())
    }

    fn warning(&self, cause: impl Into<String>, hint: impl Into<String>) -> Verdict {
        self.verdict(Severity::Warning, cause.into(), hint.into())
    }

    fn verdict(&self, severity: Severity, cause: String, hint: String) -> Verdict {
        Verdict { host: self.subject.host.name.clone(), severity, cause, hint }
    }
}

/// What a rule says of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The host.
    pub host: HostName,
    /// Does it stop a run?
    pub severity: Severity,
    /// What is wrong, with what was seen: a sentence without a full stop.
    pub cause: String,
    /// What to do next.
    pub hint: String,
}

impl Rule {
    /// Is there anything for this rule to look at?
    pub fn applies(&self, to: &Subject) -> bool {
        (self.applies)(to)
    }

    /// Appends shell that prints what the rule goes by and changes nothing; it runs behind [`Subject::prelude`].
    pub fn probe(&self, of: &Subject, script: &mut Script) {
        (self.probe)(of, script);
    }

    /// Judges what was seen of every host that answered.
    pub fn judge(&self, facts: &[Facts<'_>]) -> Vec<Verdict> {
        (self.judge)(facts)
    }
}

fn always(_: &Subject) -> bool {
    true
}

#[cfg(test)]
mod tests;
