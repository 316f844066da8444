//! What the user's SSH configuration says of the hosts of a run, and the way to each of them, hop by hop.

use std::collections::VecDeque;
use std::future::Future;

use super::{Controller, FleetError};
use crate::model::inventory::{Cluster, Host, JumpHost, TransportKind};
use crate::transport::user_config::{Here, Hop, HostConfig, Query, SshConfig, UserConfigError, UserConfigs, Way};

/// More hops than this are a loop that does not look like one.
const HOPS: usize = 16;

/// The user's SSH configuration, for the hosts of one run.
pub(super) struct Ways<'a> {
    cluster: &'a Cluster,
    /// Overrides the inventory's `ssh.config`.
    flag: Option<SshConfig>,
    configs: UserConfigs,
}

/// The way to a host.
pub(super) struct Route {
    /// The jump hosts, the outermost first.
    pub(super) hops: Vec<RouteHop>,
    /// What carries the first connection of it, where that is not TCP.
    pub(super) proxy_command: Option<String>,
    /// Does the inventory say so?
    pub(super) of_inventory: bool,
}

/// One jump host of a way.
pub(super) struct RouteHop {
    /// What it is called.
    pub(super) name: String,
    /// What the inventory says about it; `None` where the user's configuration alone names it.
    pub(super) written: Option<JumpHost>,
    /// What is looked up for it.
    pub(super) query: Query,
}

/// Why there is no way yet.
enum NoWay {
    /// These are to be looked up first.
    Unknown(Vec<Query>),
    /// There never will be one.
    Never(UserConfigError),
}

impl<'a> Ways<'a> {
    /// Looks up the hosts and what they are reached through. Connects to nothing.
    ///
    /// # Errors
    /// When a file is refused, or says what cannot be honoured, or a way leads in a circle.
    pub(super) fn look_up(
        cluster: &'a Cluster,
        hosts: &[&Host],
        controller: &Controller,
        flag: Option<&SshConfig>,
    ) -> Result<Self, FleetError> {
        let here = Here::of_this_process(&controller.user, controller.home.clone(), &controller.machine);
        let mut ways = Self { cluster, flag: flag.cloned(), configs: UserConfigs::new(here) };
        let hosts: Vec<&Host> = hosts.iter().copied().filter(|host| host.transport == TransportKind::Ssh).collect();
        loop {
            let mut unknown: Vec<(String, Query)> = Vec::new();
            for host in &hosts {
                match ways.route(host) {
                    Ok(_) => {}
                    Err(NoWay::Unknown(queries)) => {
                        unknown.extend(queries.into_iter().map(|query| (host.name.to_string(), query)));
                    }
                    Err(NoWay::Never(error)) => {
                        return Err(FleetError::UserConfig { host: host.name.to_string(), error });
                    }
                }
            }
            if unknown.is_empty() {
                return Ok(ways);
            }
            let queries: Vec<Query> = unknown.iter().map(|(_, query)| query.clone()).collect();
            if let Err((query, error)) = block_on(ways.configs.look_up(&queries)) {
                let asked = unknown.into_iter().find(|(_, other)| query.as_ref().is_none_or(|query| **query == *other));
                return Err(FleetError::UserConfig { host: asked.map(|(host, _)| host).unwrap_or_default(), error });
            }
        }
    }

    /// What is looked up for a host: the name that a person would type after `ssh`.
    pub(super) fn query(&self, host: &Host) -> Query {
        let written = host.ssh.config.clone().map(SshConfig::File);
        // An address of its own beside the name that is looked up wins over what the file says.
        let own_address = host.ssh.config_host.is_some() && host.address != host.name.as_str();
        Query {
            config: self.flag.clone().or(written).unwrap_or_default(),
            name: host.ssh.config_host.clone().unwrap_or_else(|| host.address.clone()),
            user: host.ssh.user.clone(),
            port: host.ssh.port,
            address: own_address.then(|| host.address.clone()),
        }
    }

    /// What the user's configuration says about one name.
    pub(super) fn of(&self, query: &Query) -> HostConfig {
        self.configs.get(query).cloned().unwrap_or_default()
    }

    /// What the user should hear, once for all hosts.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.configs.warnings()
    }

    /// The way to a host that was looked up.
    pub(super) fn way(&self, host: &Host) -> Route {
        // What the inventory leaves open, the user's own ssh finds by itself.
        if host.transport == TransportKind::Openssh {
            let config = self.query(host).config;
            let jump = host.ssh.jump.iter().flat_map(|jump| jump.as_slice());
            let hops = jump.map(|name| self.written(name, &config)).collect();
            return Route { hops, proxy_command: None, of_inventory: host.ssh.jump.is_some() };
        }
        self.route(host).unwrap_or(Route { hops: Vec::new(), proxy_command: None, of_inventory: false })
    }

    fn route(&self, host: &Host) -> Result<Route, NoWay> {
        let own = self.query(host);
        let found = self.known(&own)?;
        let mut hops: VecDeque<RouteHop> = VecDeque::new();
        let mut way = match &host.ssh.jump {
            Some(jump) => {
                hops.extend(jump.as_slice().iter().map(|name| self.written(name, &own.config)));
                hops.front().map(|hop| self.known(&hop.query)).transpose()?.map(|found| found.way.clone())
            }
            None => Some(found.way.clone()),
        };
        let mut proxy_command = None;
        while let Some(next) = way.take() {
            match next {
                Way::Direct => {}
                Way::Command(command) => proxy_command = Some(command),
                Way::Jump(named) => {
                    for hop in named.into_iter().rev() {
                        hops.push_front(named_by_file(hop, &own.config));
                    }
                    refuse_circle(host, &own, &hops)?;
                    way = hops.front().map(|hop| self.known(&hop.query)).transpose()?.map(|found| found.way.clone());
                }
            }
        }
        let unknown: Vec<Query> =
            hops.iter().filter(|hop| !self.is_known(&hop.query)).map(|hop| hop.query.clone()).collect();
        match unknown.is_empty() {
            true => Ok(Route { hops: hops.into(), proxy_command, of_inventory: host.ssh.jump.is_some() }),
            false => Err(NoWay::Unknown(unknown)),
        }
    }

    fn is_known(&self, query: &Query) -> bool {
        query.config == SshConfig::None || self.configs.get(query).is_some()
    }

    fn known(&self, query: &Query) -> Result<HostConfig, NoWay> {
        match self.is_known(query) {
            true => Ok(self.of(query)),
            false => Err(NoWay::Unknown(vec![query.clone()])),
        }
    }

    /// A jump host that the inventory names. One that stands for nothing was refused when the inventory was read.
    fn written(&self, name: &str, config: &SshConfig) -> RouteHop {
        let hop = self.cluster.jump_hosts.get(name).cloned().or_else(|| JumpHost::parse(name)).unwrap_or_default();
        let query = Query {
            config: config.clone(),
            name: hop.address.clone().unwrap_or_else(|| name.to_owned()),
            user: hop.user.clone(),
            port: hop.port,
            address: None,
        };
        RouteHop { name: name.to_owned(), written: Some(hop), query }
    }
}

/// A jump host that the user's configuration names.
fn named_by_file(hop: Hop, config: &SshConfig) -> RouteHop {
    let Hop { name, user, port } = hop;
    let query = Query { config: config.clone(), name: name.clone(), user, port, address: None };
    RouteHop { name, written: None, query }
}

fn refuse_circle(host: &Host, own: &Query, hops: &VecDeque<RouteHop>) -> Result<(), NoWay> {
    let twice = hops
        .iter()
        .enumerate()
        .find(|(index, hop)| hop.query == *own || hops.iter().take(*index).any(|before| before.query == hop.query));
    let names: Vec<&str> = hops.iter().map(|hop| hop.name.as_str()).collect();
    let what = match twice {
        Some((_, hop)) => format!("leads through {} twice", hop.name),
        None if hops.len() > HOPS => format!("has more than {HOPS} hops"),
        None => return Ok(()),
    };
    Err(NoWay::Never(UserConfigError {
        code: "jump-loop",
        cause: format!("the way to {} {what}: {}, {}", host.name, names.join(", "), own.name),
        hint: "ProxyJump of your ssh_config holds for its jump host too: except it by `Host * !NAME`, or give it \
               `ProxyJump none`"
            .to_owned(),
    }))
}

/// Runs this to its end, whether or not the caller is on a runtime of his own.
fn block_on(
    work: impl Future<Output = Result<(), (Box<Query>, UserConfigError)>> + Send,
) -> Result<(), (Option<Box<Query>>, UserConfigError)> {
    let run =
        || tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| runtime.block_on(work));
    match std::thread::scope(|scope| scope.spawn(run).join()) {
        Ok(Ok(answer)) => answer.map_err(|(query, error)| (Some(query), error)),
        broken => {
            let why = broken.map_or_else(|_| None, |answer| answer.err()).map(|error| format!(": {error}"));
            let cause = format!("your SSH configuration cannot be looked up{}", why.unwrap_or_default());
            let hint = "is this machine out of processes or open files?".to_owned();
            Err((None, UserConfigError { code: "ssh-config-refused", cause, hint }))
        }
    }
}
