//! The hosts of one cluster, each with what the steps want on it and the wire to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use super::blobs::local_files;
use super::each::on_each;
use super::{Batch, Controller, Event, Events, Failure, Playbook, RunId, Selection, SelectionError, StageStep};
use crate::model::inventory::{Cluster, Host, Secrets};
use crate::model::profile::{Profile, ProfileError};
use crate::model::{HostName, Script, StepName, state_folder};
use crate::resources::Rollback;
use crate::steps::preflight::{PREFLIGHT, Subject};
use crate::steps::{Allow, HostContext, Item, StepError, Wants};
use crate::transport::{Become, Link, Reply, Request, Transport, TransportError, connect};

/// How much of one answer is kept, in bytes. Files over 4 MiB are not edited, so an answer this long is not one of ours.
const ANSWER_LIMIT: usize = 16 << 20;

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
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) controller: Arc<Controller>,
    /// Are the rules about hosts judged before the first change?
    pub(super) preflight: bool,
}

/// One stage of the playbook, as the engine needs it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How many hosts at once; `None`: all of them.
    pub batch: Option<Batch>,
}

/// One host: what is wanted there, and the wire to it.
pub(super) struct Node {
    pub(super) name: HostName,
    pub(super) items: Vec<Item>,
    /// The host as the rules know it; `None` without a product.
    pub(super) subject: Option<Subject>,
    /// Shell that sets `HACTL_STATE`.
    pub(super) state_folder: String,
    link: Link,
    timeout: Duration,
    /// Shared by all nodes: how many uploads may run at once.
    pub(super) uploads: Arc<Semaphore>,
    wire: Mutex<Option<Arc<dyn Transport>>>,
    execs: AtomicU32,
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
        let mut last: Option<Arc<Profile>> = None;
        let (mut nodes, mut refused) = (Vec::with_capacity(hosts.len()), Vec::<StepError>::new());
        for host in hosts {
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
            match wants(playbook, &context, &options.selection) {
                Ok(items) => {
                    let subject = Subject::new(&cluster, host, profile.as_ref(), options.allow);
                    let node = Node::new(host, items, secrets, &controller, options, uploads.clone());
                    nodes.push(Arc::new(Node { subject, ..node }));
                }
                // The same mistake of the inventory shows on every host: it is told once.
                Err(errors) => refused.extend(errors),
            }
        }
        let mut known = Vec::new();
        refused.retain(|error| {
            !known.contains(error) && {
                known.push(error.clone());
                true
            }
        });
        if !refused.is_empty() {
            return Err(FleetError::Steps(refused));
        }
        let stage = |stage: &super::playbook::Stage| Stage { name: stage.name.clone(), batch: stage.batch };
        let stages = playbook.stages.iter().map(stage).collect();
        let preflight =
            options.selection.takes_step(PREFLIGHT.0) && playbook.steps().any(|step| step.name() == PREFLIGHT);
        Ok(Self { cluster, stages, concurrency: options.concurrency, nodes, controller, preflight })
    }

    /// The hosts that take part, with one thing wanted on each: that `undo` has not changed anything. Where it is known
    /// to have `changed` something, its backup must be there.
    ///
    /// # Errors
    /// When a flag names a host or group that is not there.
    pub fn undoing(
        undo: &RunId,
        changed: &[String],
        cluster: Arc<Cluster>,
        secrets: &Secrets,
        controller: Arc<Controller>,
        options: &FleetOptions,
    ) -> Result<Self, FleetError> {
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
        let node = |host: &Host| Arc::new(Node::new(host, items(host), secrets, &controller, options, uploads.clone()));
        let nodes = hosts.into_iter().map(node).collect();
        let stages = vec![Stage { name: "Roll back".to_owned(), batch: None }];
        Ok(Self { cluster, stages, concurrency: options.concurrency, nodes, controller, preflight: false })
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
        on_each(&self.nodes, self.concurrency, |node| async move {
            let wire = node.wire.lock().await.take();
            if let Some(wire) = wire {
                // The work is done: a connection that does not end in order is dropped.
                let _ = wire.close().await;
            }
        })
        .await;
    }
}

fn wants(playbook: &Playbook, on: &HostContext<'_>, selection: &Selection) -> Result<Vec<Item>, Vec<StepError>> {
    let (mut wants, mut errors) = (Wants::default(), Vec::new());
    for (index, stage) in playbook.stages.iter().enumerate().filter(|(_, stage)| stage.on.includes(on.host)) {
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

fn profile_of(host: &Host) -> Result<Option<Profile>, ProfileError> {
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

impl Node {
    fn new(
        host: &Host,
        items: Vec<Item>,
        secrets: &Secrets,
        controller: &Controller,
        options: &FleetOptions,
        uploads: Arc<Semaphore>,
    ) -> Self {
        // A path that is not one was refused when the inventory was read.
        let chosen = host.ssh.state_folder.as_deref().and_then(|folder| folder.parse().ok());
        Self {
            name: host.name.clone(),
            items,
            subject: None,
            state_folder: state_folder(chosen.as_ref()),
            link: link(host, secrets, controller, options),
            timeout: options.timeout,
            uploads,
            wire: Mutex::new(None),
            execs: AtomicU32::new(0),
        }
    }

    /// How many command lines were sent.
    pub(super) fn execs(&self) -> u32 {
        self.execs.load(Ordering::Relaxed)
    }

    /// Runs one script.
    pub(super) async fn run(&self, script: &Script) -> Result<Reply, TransportError> {
        self.run_within(script, self.timeout).await
    }

    /// Runs one script that may take this long.
    pub(super) async fn run_within(&self, script: &Script, deadline: Duration) -> Result<Reply, TransportError> {
        self.request(Request::script(script, deadline, ANSWER_LIMIT)).await
    }

    /// Sends one request over the run's one connection to this host.
    pub(super) async fn request(&self, request: Request) -> Result<Reply, TransportError> {
        let mut again = true;
        loop {
            let wire = self.wire().await?;
            self.execs.fetch_add(1, Ordering::Relaxed);
            match wire.run(&request).await {
                // Nothing of it can have run: a connection that died while it was idle is made anew, once.
                Err(error) if error.retry && again => {
                    *self.wire.lock().await = None;
                    again = false;
                }
                result => return result,
            }
        }
    }

    /// Connects, unless there is a connection already.
    pub(super) async fn connected(&self) -> Result<(), TransportError> {
        self.wire().await.map(drop)
    }

    async fn wire(&self) -> Result<Arc<dyn Transport>, TransportError> {
        let mut wire = self.wire.lock().await;
        if let Some(wire) = wire.as_ref() {
            return Ok(wire.clone());
        }
        let made: Arc<dyn Transport> = Arc::from(connect(&self.link).await?);
        *wire = Some(made.clone());
        Ok(made)
    }

    /// How long an upload of this many bytes may take, or what is done with them: a slow line of 100 KB/s is waited for.
    pub(super) fn upload_deadline(&self, size: u64) -> Duration {
        self.timeout + Duration::from_secs(size / 100_000)
    }

    /// The host ran something, but not our script.
    pub(super) fn no_answer(&self, reply: &Reply) -> Failure {
        let said = String::from_utf8_lossy(&reply.stderr);
        let said = said.trim().lines().next_back().unwrap_or("nothing on standard error");
        Failure::new("no-answer", format!("the host did not run the script ({}): {said}", reply.ending)).hint(format!(
            "try `ssh {}@{} sh -s </dev/null`: it must end with status 0",
            self.link.user, self.link.address
        ))
    }
}

/// What the transport needs to know, from the inventory, the command line and the usual places.
fn link(host: &Host, secrets: &Secrets, controller: &Controller, options: &FleetOptions) -> Link {
    let ssh = &host.ssh;
    let below_home = |name: &str| controller.home.as_ref().map(|home| home.join(".ssh").join(name));
    let usual_keys = || {
        let names = ["id_ed25519", "id_ecdsa", "id_rsa"];
        names.iter().filter_map(|name| below_home(name)).filter(|path| path.exists()).collect()
    };
    let usual_known_hosts =
        || below_home("known_hosts").into_iter().chain(["/etc/ssh/ssh_known_hosts".into()]).collect();
    let secret = |source: &Option<_>| source.as_ref().and_then(|source| secrets.get(source));
    let timeout = ssh.connect_timeout.map_or(Duration::from_secs(10), |seconds| Duration::from_secs(seconds.into()));
    Link {
        name: host.name.clone(),
        kind: host.transport,
        address: host.address.clone(),
        port: ssh.port.unwrap_or(22),
        user: ssh.user.clone().unwrap_or_else(|| controller.user.clone()),
        identities: ssh.identity.as_ref().map_or_else(usual_keys, |paths| paths.as_slice().to_vec()),
        passphrase: secret(&ssh.passphrase),
        password: secret(&ssh.password),
        agent: ssh.agent.unwrap_or(true),
        known_hosts: match (&options.known_hosts, &ssh.known_hosts) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(paths)) => paths.as_slice().to_vec(),
            (None, None) => usual_known_hosts(),
        },
        host_key_alias: ssh.host_key_alias.clone(),
        connect_timeout: options.connect_timeout.unwrap_or(timeout),
        become_: ssh.become_.as_ref().map(|become_| Become {
            method: become_.method,
            user: become_.user.clone().unwrap_or_else(|| "root".to_owned()),
            password: secret(&become_.password),
        }),
    }
}
