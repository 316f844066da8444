//! The hosts of one cluster, each with what the steps want on it and the wire to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::blobs::local_files;
use super::each::on_each;
use super::link::Links;
use super::node::Node;
use super::verify::asks::asks;
use super::{Batch, Controller, Event, Events, Playbook, RunId, Selection, SelectionError, StageStep, playbook};
use crate::model::inventory::{Cluster, Host, Secrets};
use crate::model::profile::{Profile, ProfileError};
use crate::model::{HostName, StepName};
use crate::resources::Rollback;
use crate::steps::gates::Gate;
use crate::steps::preflight::{PREFLIGHT, Subject};
use crate::steps::verify::{Asks, VERIFY};
use crate::steps::{Allow, HostContext, Item, StepError, Wants};
use crate::transport::user_config::{SshConfig, UserConfigError};
use crate::transport::{JumpHosts, Keyring};

/// How many uploads run at once: more would fill the line no better, and each holds some megabytes.
const UPLOADS: usize = 16;

/// What the command line says about all hosts.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// Which hosts and steps take part.
    pub selection: Selection,
    /// What the user allows.
    pub allow: Allow,
    /// How many hosts are worked on at once.
    pub concurrency: usize,
    /// How long one look or one mend of a host may take.
    pub timeout: Duration,
    /// Overrides the inventory's `connect_timeout`.
    pub connect_timeout: Option<Duration>,
    /// Overrides the inventory's `known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Overrides the inventory's `ssh.config`.
    pub ssh_config: Option<SshConfig>,
    /// The key files that are open, and whom to ask for a passphrase.
    pub keyring: Keyring,
}

/// The step that wants packs.
const PRODUCT_PACK: &str = "product-pack";

/// The one step of a rollback.
const ROLL_BACK: StepName = StepName("roll-back");

/// Why a fleet can't be made: nothing has connected yet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A flag names a host, group or step that is not there.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A product or version that no profile knows, or a profile that can't be read.
    #[error("{host}: {error}")]
    Profile {
        /// The first host that needs it.
        host: HostName,
        /// What is wrong.
        error: ProfileError,
    },
    /// The user's SSH configuration can't be used for a host.
    #[error("{host}: {error}")]
    UserConfig {
        /// The first host that needs it.
        host: String,
        /// What is wrong.
        error: UserConfigError,
    },
    /// What the steps refuse of the inventory; all of it, each mistake once.
    #[error("{} mistakes in the inventory", .0.len())]
    Steps(Vec<StepError>),
}

/// The hosts of one cluster that take part.
pub struct Fleet {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// The playbook's stages, in order.
    pub stages: Vec<Stage>,
    /// How many hosts are worked on at once.
    pub concurrency: usize,
    /// What the user should hear before it begins.
    pub warnings: Vec<String>,
    pub(super) nodes: Vec<Arc<Node>>,
    /// The product's other nodes, which are only looked at.
    pub(super) peers: Vec<Arc<Node>>,
    pub(super) controller: Arc<Controller>,
    /// Are the rules about hosts judged before the first change?
    pub(super) preflight: bool,
    /// What is asked to prove that the cluster works; `None` where nobody asks for a proof.
    pub(super) asks: Option<Arc<Asks>>,
    /// Was the proof asked for by name, so that it is made also where nothing was to be done?
    pub(super) prove_always: bool,
}

/// One stage of the playbook, as the engine needs it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How many hosts at once; `None`: all of them.
    pub batch: Option<Batch>,
    /// Must its hosts be worked on one after another, whatever the command line says?
    pub one_at_a_time: bool,
    /// What must hold before a host is touched.
    pub before: Vec<Gate>,
    /// What must come true on a host before the next one is begun.
    pub gate: Vec<Gate>,
    /// Is it the one in which the cluster is asked whether it works? That is always the last thing of a run.
    pub proves: bool,
}

impl Stage {
    fn named(name: &str) -> Self {
        let (before, gate) = (Vec::new(), Vec::new());
        Self { name: name.to_owned(), batch: None, one_at_a_time: false, before, gate, proves: false }
    }
}

impl From<&playbook::Stage> for Stage {
    fn from(stage: &playbook::Stage) -> Self {
        Self {
            batch: stage.batch,
            one_at_a_time: stage.one_at_a_time,
            before: stage.before.clone(),
            gate: stage.gate.clone(),
            proves: stage.steps.iter().any(|step| step.step().name() == VERIFY),
            ..Self::named(&stage.name)
        }
    }
}

impl Fleet {
    /// Asks every step what it wants on every host. Connects to nothing.
    ///
    /// # Errors
    /// Everything that the steps refuse, all of it.
    pub fn new(
        cluster: Arc<Cluster>,
        playbook: &Playbook,
        secrets: &Secrets,
        controller: Arc<Controller>,
        options: &FleetOptions,
    ) -> Result<Self, FleetError> {
        let hosts = options.selection.hosts(&cluster)?;
        let uploads = Arc::new(Semaphore::new(UPLOADS));
        let known: Vec<&str> = playbook.steps().map(|step| step.name().0).collect();
        options.selection.check_steps(&known)?;
        let with_packs = known.contains(&PRODUCT_PACK) && options.selection.takes_step(PRODUCT_PACK);
        let files = local_files(&cluster, playbook, with_packs).map_err(FleetError::Steps)?;
        // A gate may ask for all nodes of the cluster, also for those that this run leaves alone.
        let is_peer = |host: &Host| host.product.is_some() && playbook.has_gates();
        let takes_part = |host: &Host| hosts.iter().any(|taken| taken.name == host.name);
        let mut reached: Vec<&Host> = cluster.hosts.iter().filter(|host| takes_part(host) || is_peer(host)).collect();
        let links = loop {
            match Links::new(&cluster, &reached, secrets, &controller, options) {
                // A host that is only looked at and can't be: a gate that asks for it says so.
                Err(FleetError::UserConfig { host, .. }) if !hosts.iter().any(|taken| taken.name.as_str() == host) => {
                    reached.retain(|other| other.name.as_str() != host);
                }
                made => break made?,
            }
        };
        let mut last: Option<Arc<Profile>> = None;
        let (mut nodes, mut peers, mut refused) =
            (Vec::with_capacity(hosts.len()), Vec::new(), Vec::<StepError>::new());
        let firsts: Vec<Option<&HostName>> = playbook.stages.iter().map(|stage| stage.first_of(&hosts)).collect();
        for host in reached.iter().copied() {
            let takes_part = takes_part(host);
            let profile = profile_of(host).map_err(|error| FleetError::Profile { host: host.name.clone(), error })?;
            // Hosts with the same product share what is known of it.
            let profile = profile.map(|profile| match &last {
                Some(last) if **last == profile => last.clone(),
                _ => Arc::new(profile),
            });
            last = profile.clone().or(last);
            let in_front = match host.is_balancer() {
                true => nodes_profile(&cluster)?,
                false => None,
            };
            let context = HostContext {
                cluster: &cluster,
                host,
                profile: profile.as_deref().or(in_front.as_ref()),
                secrets,
                blobs: &files.blobs,
                archives: &files.archives,
                allow: options.allow,
            };
            let takes = |index: usize, stage: &playbook::Stage| match takes_part {
                true => !stage.once || firsts.get(index).copied().flatten() == Some(&host.name),
                false => !stage.gate.is_empty(),
            };
            match wants(playbook, &context, &options.selection, takes) {
                Ok(items) => {
                    let subject = Subject::new(&cluster, host, profile.as_ref(), options.allow);
                    let node = Node::new(host, items, &links, uploads.clone());
                    if takes_part { &mut nodes } else { &mut peers }.push(Arc::new(node.subject(subject)));
                }
                // The same mistake of the inventory shows on every host: it is told once.
                Err(errors) if takes_part => refused.extend(errors),
                // It can't be looked at, and a gate that asks for it says so.
                Err(_) => {}
            }
        }
        let mut known = Vec::new();
        refused.retain(|error| {
            !known.contains(error) && {
                known.push(error.clone());
                true
            }
        });
        let with_proof = has_step(playbook, &options.selection, VERIFY);
        let asked = nodes.iter().chain(&peers).find_map(|node| node.subject.as_ref()).filter(|_| with_proof);
        let asks =
            asked.map(|subject| asks(&cluster, &subject.profile, secrets)).transpose().unwrap_or_else(|errors| {
                refused.extend(errors);
                None
            });
        if !refused.is_empty() {
            return Err(FleetError::Steps(refused));
        }
        let stages = playbook.stages.iter().map(Stage::from).collect();
        let preflight = has_step(playbook, &options.selection, PREFLIGHT);
        let (concurrency, prove_always) =
            (options.concurrency, options.selection.steps.iter().any(|name| name == VERIFY.0));
        let warnings = links.warnings();
        drop(links);
        Ok(Self { cluster, stages, concurrency, warnings, nodes, peers, controller, preflight, asks, prove_always })
    }

    /// The hosts that take part, with one thing wanted on each: that `undo` has not changed anything. Where it is known
    /// to have `changed` something, its backup must be there. Two of them, of hosts that were looked up once: one to look
    /// at what would be undone, and one to undo it.
    ///
    /// # Errors
    /// When a flag names a host or group that is not there, or the user's SSH configuration can't be used.
    pub fn undoing(
        undo: &RunId,
        changed: &[String],
        cluster: Arc<Cluster>,
        secrets: &Secrets,
        controller: Arc<Controller>,
        options: &FleetOptions,
    ) -> Result<[Self; 2], FleetError> {
        let items = |host: &Host| {
            let rollback = Rollback::new(undo.as_str());
            let must_be_there = changed.iter().any(|name| name == host.name.as_str());
            let mut wants = Wants::default();
            wants.begin(0, ROLL_BACK);
            wants.add(if must_be_there { rollback } else { rollback.perhaps() });
            wants.into_items().unwrap_or_default()
        };
        let hosts = options.selection.hosts(&cluster)?;
        let uploads = Arc::new(Semaphore::new(UPLOADS));
        let links = Links::new(&cluster, &hosts, secrets, &controller, options)?;
        let fleet = |links: &Links<'_>| {
            let node = |host: &Host| Arc::new(Node::new(host, items(host), links, uploads.clone()));
            Self {
                cluster: cluster.clone(),
                stages: vec![Stage::named("Roll back")],
                concurrency: options.concurrency,
                warnings: links.warnings(),
                nodes: hosts.iter().copied().map(node).collect(),
                peers: Vec::new(),
                controller: controller.clone(),
                preflight: false,
                asks: None,
                prove_always: false,
            }
        };
        let looking = fleet(&links);
        // Connections of its own: between the two somebody may think for long.
        Ok([looking, fleet(&links.sharing(&JumpHosts::default()))])
    }

    /// Tells that a command begins on these hosts.
    pub(super) fn announce(&self, command: &'static str, run: Option<&RunId>, events: &Events) {
        let hosts = self.nodes.iter().map(|node| node.name.clone()).collect();
        events.send(Event::RunStarted { run: run.cloned(), command, cluster: self.cluster.name.clone(), hosts });
    }

    pub(super) fn stage_name(&self, index: usize) -> String {
        self.stages.get(index).map(|stage| stage.name.clone()).unwrap_or_default()
    }

    /// Ends every connection in order.
    pub async fn close(&self) {
        let all: Vec<_> = self.nodes.iter().chain(&self.peers).cloned().collect();
        on_each(&all, self.concurrency, |node| async move { node.close().await }).await;
    }
}

/// Does the playbook have this step, and is it wanted?
fn has_step(playbook: &Playbook, selection: &Selection, name: StepName) -> bool {
    selection.takes_step(name.0) && playbook.steps().any(|step| step.name() == name)
}

fn wants(
    playbook: &Playbook,
    on: &HostContext<'_>,
    selection: &Selection,
    takes: impl Fn(usize, &playbook::Stage) -> bool,
) -> Result<Vec<Item>, Vec<StepError>> {
    let (mut wants, mut errors) = (Wants::default(), Vec::new());
    let stages = playbook.stages.iter().enumerate().filter(|(_, stage)| stage.on.includes(on.host));
    for (index, stage) in stages.filter(|(index, stage)| takes(*index, stage)) {
        for step in stage.steps.iter().map(StageStep::step).filter(|step| selection.takes_step(step.name().0)) {
            wants.begin(index, step.name());
            if let Err(error) = step.desire(on, &mut wants) {
                errors.push(error);
            }
        }
    }
    if errors.is_empty() { wants.into_items().map_err(|error| vec![error]) } else { Err(errors) }
}

/// The profiles of all products that the cluster's hosts run, each once.
///
/// # Errors
/// When no profile knows a product or version, or one can't be read.
pub fn profiles(cluster: &Cluster) -> Result<Vec<Profile>, FleetError> {
    let mut profiles: Vec<Profile> = Vec::new();
    for host in &cluster.hosts {
        let profile = profile_of(host).map_err(|error| FleetError::Profile { host: host.name.clone(), error })?;
        if let Some(profile) = profile
            && !profiles.iter().any(|known| known.name == profile.name)
        {
            profiles.push(profile);
        }
    }
    Ok(profiles)
}

/// What is known of the product that a balancer stands in front of: that of the first node.
fn nodes_profile(cluster: &Cluster) -> Result<Option<Profile>, FleetError> {
    let Some(node) = cluster.hosts.iter().find(|host| host.product.is_some()) else { return Ok(None) };
    profile_of(node).map_err(|error| FleetError::Profile { host: node.name.clone(), error })
}

pub(super) fn profile_of(host: &Host) -> Result<Option<Profile>, ProfileError> {
    let Some(product) = &host.product else { return Ok(None) };
    let profile = match &product.profile {
        Some(path) => {
            let name = path.display().to_string();
            let unreadable =
                |error: std::io::Error| ProfileError::Unreadable { profile: name.clone(), cause: error.to_string() };
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            Profile::parse(&text, &name)?
        }
        None => Profile::find(&product.name, &product.version)?,
    };
    Ok(Some(profile))
}
