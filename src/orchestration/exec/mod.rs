//! Commands on many hosts, told line by line while they run.

mod again;
mod begin;
mod command;
mod end;
mod follow;
mod lines;
mod log_files;
mod merge;
mod relay;

pub use crate::transport::{Ending, Printed};
pub use command::Command;
pub use end::End;
pub use lines::{LONGEST_LINE, LineEnd, Lines, Text};
pub use log_files::{LogError, LogFiles, most_bytes};
pub use merge::{Log, merge};

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep};

use super::each::on_each;
use super::link::Links;
use super::node::Node;
use super::{Controller, FleetError, FleetOptions, Stop};
use crate::model::inventory::{Cluster, Host, Secrets};
use crate::model::{HostName, Redactor, Script};
use crate::transport::{HangUp, Input, Outlet, Reply, Request, TransportError, call, instead};
use follow::Follow;
use relay::Relay;

/// How much of what comes before a command's own output is kept, for the error when it never comes to that.
const BEFORE: usize = 64 * 1024;

/// How long a host behind a jump host waits for somebody to read its output. All others there wait as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long commands have to end after they were told to: 3 s until they are killed there, and the news of it.
const GRACE: Duration = Duration::from_secs(6);

/// The most that waits to be told, over all hosts.
pub const WAITING: usize = 8;

/// A command that is to run on a host.
pub struct Call {
    index: usize,
    /// The cluster's name.
    pub cluster: String,
    /// The host.
    pub host: HostName,
    /// What of the host it is about, where there are several.
    pub about: Option<String>,
    node: Arc<Node>,
    work: Work,
}

/// What a call does.
enum Work {
    /// Runs a script, once.
    Script(Bytes),
    /// Follows a log, over as many connections as that takes.
    Follow(Follow),
}

/// What is told of a call.
#[derive(Debug)]
pub struct Told {
    /// Its place in the list.
    pub call: usize,
    /// What.
    pub news: News,
}

/// What is told of a call.
#[derive(Debug)]
pub enum News {
    /// It printed lines.
    Lines(Printed, Text),
    /// The connection died, and is made anew.
    Lost {
        /// Why.
        cause: String,
    },
    /// It goes on where it was when the connection died.
    Again {
        /// May lines be missing in between?
        missed: bool,
    },
    /// It printed this many bytes that nobody took in time.
    LeftOut(u64),
    /// It is over.
    Over {
        /// How.
        end: End,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
}

/// How calls are made.
#[derive(Clone)]
pub struct CallOptions {
    /// How many hosts at once.
    pub concurrency: usize,
    /// How long one may take, once its host is reached.
    pub deadline: Duration,
    /// Takes secrets out of what the hosts print.
    pub redactor: Arc<Redactor>,
}

/// One host of a cluster as somewhere to run commands.
pub struct Place {
    cluster: String,
    node: Arc<Node>,
    /// The host as the inventory has it.
    pub host: Host,
}

/// The hosts of a cluster that take part.
pub struct Places {
    /// The hosts.
    pub places: Vec<Place>,
    /// What the user should hear before it begins.
    pub warnings: Vec<String>,
}

/// The hosts of a cluster that take part. Connects to nothing.
///
/// # Errors
/// When `--limit` names a host or group that is not there, or the user's SSH configuration can't be used.
pub fn places(
    cluster: &Cluster,
    secrets: &Secrets,
    controller: &Controller,
    options: &FleetOptions,
    become_: bool,
) -> Result<Places, FleetError> {
    let hosts = options.selection.hosts(cluster)?;
    let links = Links::new(cluster, &hosts, secrets, controller, options)?.streaming();
    let uploads = Arc::new(Semaphore::new(1));
    let place = |host: &Host| {
        let node = Node::new(host, Vec::new(), &links, uploads.clone());
        let node = Arc::new(if become_ { node } else { node.without_become() });
        Place { cluster: cluster.name.clone(), node, host: host.clone() }
    };
    let places = hosts.into_iter().map(place).collect();
    Ok(Places { places, warnings: links.warnings() })
}

/// Numbers the calls of a run.
#[derive(Default)]
pub struct Calls(Vec<Arc<Call>>);

impl Calls {
    /// Adds a command for a place; `text` is that of [`Command::text`] or of another script.
    pub fn add(&mut self, place: &Place, about: Option<String>, text: Bytes) {
        self.push(place, about, Work::Script(text));
    }

    fn push(&mut self, place: &Place, about: Option<String>, work: Work) {
        let (cluster, host) = (place.cluster.clone(), place.host.name.clone());
        let (index, node) = (self.0.len(), place.node.clone());
        self.0.push(Arc::new(Call { index, cluster, host, about, node, work }));
    }

    /// All calls in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.0.iter().map(|call| &**call)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes all calls and tells what comes of them. When nobody listens any more, or somebody asks to stop, the commands
    /// are ended on their hosts.
    pub async fn make(&self, options: &CallOptions, tell: mpsc::Sender<Told>, stop: &Stop) -> Vec<End> {
        let hang_up = HangUp::new();
        let work = |call: Arc<Call>| {
            let (options, tell, hang_up) = (options.clone(), tell.clone(), hang_up.clone());
            async move {
                let began = Instant::now();
                let end = make(&call, &options, &tell, &hang_up).await;
                let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let over = Told { call: call.index, news: News::Over { end: end.clone(), milliseconds } };
                tokio::select! {
                    // Whoever has gone away need not hear it.
                    _ = tell.send(over) => {}
                    () = nobody_reads(&hang_up) => {}
                }
                end
            }
        };
        let stopping = async {
            stop.wait().await;
            hang_up.now();
            std::future::pending::<()>().await;
        };
        let ends = tokio::select! {
            ends = on_each(&self.0, options.concurrency, work) => ends,
            () = stopping => Vec::new(),
        };
        ends.into_iter().map(|(_, end)| end.unwrap_or_else(End::broken)).collect()
    }

    /// Ends every connection in order.
    pub async fn close(&self) {
        on_each(&self.0, self.0.len(), |call| async move { call.node.close().await }).await;
    }
}

/// How long one piece of news is offered, once the end was asked for.
const OFFERED: Duration = Duration::from_secs(1);

/// Ends when nobody will read any more: news that was not taken for so long after the end was asked for never is.
async fn nobody_reads(hang_up: &HangUp) {
    hang_up.wait().await;
    sleep(OFFERED).await;
}

async fn grace_over(hang_up: &HangUp) {
    hang_up.wait().await;
    sleep(GRACE).await;
}

async fn make(call: &Call, options: &CallOptions, tell: &mpsc::Sender<Told>, hang_up: &HangUp) -> End {
    if hang_up.is_over() {
        return End::NotBegun;
    }
    let told = match &call.work {
        Work::Script(text) => {
            let mut relay = Relay::new(call.index, options, tell, hang_up);
            attempt(call, text.clone(), &mut relay, options, hang_up).await
        }
        Work::Follow(log) => again::follow(call, log, options, tell, hang_up).await,
    };
    told.unwrap_or_else(|error| End::refused(&error, hang_up.is_over()))
}

/// Makes a call over one connection.
async fn attempt(
    call: &Call,
    text: Bytes,
    relay: &mut Relay<'_>,
    options: &CallOptions,
    hang_up: &HangUp,
) -> Result<End, TransportError> {
    let (outlet, pieces) = Outlet::new(call.node.is_behind_jump_host().then_some(PATIENCE));
    let request = Request {
        command: "exec sh -s".to_owned(),
        input: Input::Call(text, hang_up.clone()),
        gate: None,
        deadline: options.deadline,
        limit: BEFORE,
        outlet: Some(outlet),
    };
    let node = call.node.clone();
    // A task of its own: a deadline holds also while somebody reads slowly.
    let mut running = tokio::task::JoinSet::new();
    running.spawn(async move { node.request(request).await });
    let both = async {
        let (result, before) = tokio::join!(running.join_next(), relay.relay(pieces));
        (result, before)
    };
    let (result, before) = tokio::select! {
        both = both => both,
        () = grace_over(hang_up) => return Ok(if call.node.execs() == 0 { End::NotBegun } else { End::Left }),
    };
    match (result, before) {
        // Something has run, and has not said what our script says first.
        (Some(Ok(Ok(reply))), Some((stdout, stderr))) if !hang_up.is_over() => {
            Err(instead(&Reply { stdout, stderr, ..reply }, call.node.link()))
        }
        (Some(Ok(Ok(reply))), _) => Ok(End::of(reply.ending, hang_up.is_over())),
        (Some(Ok(Err(error))), _) => Err(error),
        _ => Ok(End::broken()),
    }
}

/// The text of a script that is to be called.
pub fn text_of(script: &Script) -> Bytes {
    call(&begin::marked(script))
}
