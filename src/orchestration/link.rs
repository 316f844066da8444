//! What the transport needs to know, from the inventory, the command line, the user's SSH configuration and the usual
//! places.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::explained::{Choice, Trace, ValueFrom};
use super::ways::{RouteHop, Ways};
use super::{Controller, FleetError, FleetOptions};
use crate::model::Secret;
use crate::model::inventory::{Cluster, Host, JumpHost, OneOrMany, SecretSource, Secrets, TransportKind};
use crate::transport::user_config::{Agent, HostConfig};
use crate::transport::{Attempts, Become, Climb, ConnectionOptions, Given, JumpHosts, Keepalive, Link};

/// How long a host that does not answer is waited for, unless somebody says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the links of one run, which share the connections to their jump hosts.
pub(super) struct Links<'a> {
    pub(super) secrets: &'a Secrets,
    pub(super) controller: &'a Controller,
    pub(super) options: &'a FleetOptions,
    jump_hosts: JumpHosts,
    /// Is the output of commands handed on while they run?
    streams: bool,
    ways: Ways<'a>,
}

impl<'a> Links<'a> {
    /// Looks the hosts up in the user's SSH configuration. Connects to nothing.
    ///
    /// # Errors
    /// When that configuration can't be used for one of them.
    pub(super) fn new(
        cluster: &'a Cluster,
        hosts: &[&Host],
        secrets: &'a Secrets,
        controller: &'a Controller,
        options: &'a FleetOptions,
    ) -> Result<Self, FleetError> {
        let ways = Ways::look_up(cluster, hosts, controller, options.ssh_config.as_ref())?;
        Ok(Self { secrets, controller, options, jump_hosts: JumpHosts::default(), streams: false, ways })
    }

    /// The same, with connections to jump hosts that others use too.
    pub(super) fn sharing(self, jump_hosts: &JumpHosts) -> Self {
        Self { jump_hosts: jump_hosts.clone(), ..self }
    }

    /// The same, for commands whose output is handed on while they run.
    pub(super) fn streaming(self) -> Self {
        Self { streams: true, ..self }
    }

    /// The same, with these secrets.
    pub(super) fn with_secrets<'b>(self, secrets: &'b Secrets) -> Links<'b>
    where
        'a: 'b,
    {
        Links { secrets, ..self }
    }

    /// Is a host reached through a jump host, whoever names it?
    pub(super) fn has_jump_host(&self, host: &Host) -> bool {
        !self.ways.way(host).hops.is_empty()
    }

    /// What the user should hear, once for all hosts.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.ways.warnings()
    }

    /// The way to a host, hop by hop.
    pub(super) fn to(&self, host: &Host) -> Link {
        self.traced(host, &mut Trace::default())
    }

    /// The same, and where each value comes from.
    pub(super) fn traced(&self, host: &Host, trace: &mut Trace) -> Link {
        let ssh = &host.ssh;
        let is_remote = host.transport != TransportKind::Local;
        // The user's own ssh looks up the rest by itself.
        let is_looked_up = host.transport == TransportKind::Ssh;
        let query = self.ways.query(host);
        let file = if is_looked_up { self.ways.of(&query) } else { HostConfig::default() };
        let source = file.source.clone();
        let mut choice =
            Choice { trace, title: String::new(), keys: "ssh.".to_owned(), section: "ssh".to_owned(), source };
        if let Some(config) = self.options.ssh_config.as_ref().filter(|_| is_remote) {
            choice.note("ssh.config", config.to_string(), ValueFrom::CommandLine("--ssh-config"));
        }
        let by_default = |value| (value, ValueFrom::Default);
        let agent = file.agent.as_ref().map(|agent| *agent != Agent::None);
        let mut link = Link {
            name: host.name.to_string(),
            kind: host.transport,
            address: query
                .address
                .clone()
                .or_else(|| choice.file("HostName", file.address.clone()))
                .unwrap_or_else(|| query.name.clone()),
            port: choice.of("port", ssh.port, file.port, (22, ValueFrom::Default)),
            user: choice.of("user", ssh.user.clone(), file.user.clone(), by_default(self.controller.user.clone())),
            identities: choice.of(
                "identity",
                ssh.identity.as_ref().map(paths),
                file.identities.as_deref().map(present),
                by_default_none(),
            ),
            usual_identities: match ssh.identity.is_some() || file.identities.is_some() {
                true => Vec::new(),
                false => self.usual_keys(),
            },
            identities_only: choice.of(
                "identities_only",
                ssh.identities_only,
                file.identities_only,
                (ssh.identity.is_some(), ValueFrom::Default),
            ),
            certificates: choice.of(
                "certificate",
                ssh.certificate.as_ref().map(paths),
                certificates(&file),
                by_default_none(),
            ),
            passphrase: self.secret(&ssh.passphrase),
            password: self.secret(&ssh.password),
            agent: choice.of("agent", ssh.agent, agent, (true, ValueFrom::Default)),
            agent_socket: agent_socket(&mut choice, &file),
            keyring: self.options.keyring.clone(),
            known_hosts: self.known_hosts(&mut choice, ssh.known_hosts.as_ref(), &file, None),
            host_key_alias: choice.of(
                "host_key_alias",
                ssh.host_key_alias.clone().map(Some),
                file.host_key_alias.clone().map(Some),
                (None, ValueFrom::Default),
            ),
            host_keys: pins(ssh.host_keys.as_ref()),
            via: None,
            jump_hosts: self.jump_hosts.clone(),
            connect_timeout: self.connect_timeout(
                &mut choice,
                ssh.connect_timeout,
                file.connect_timeout,
                (CONNECT_TIMEOUT, ValueFrom::Default),
            ),
            given: Given {
                user: ssh.user.is_some(),
                port: ssh.port.is_some(),
                identities_only: ssh.identities_only.is_some() || ssh.identity.is_some(),
                known_hosts: ssh.known_hosts.is_some() || self.options.known_hosts.is_some(),
                direct: ssh.jump.is_some(),
                name: host.ssh.config_host.clone(),
                config: query.config,
            },
            options: connection_options(&mut choice, &file),
            become_: None,
            streams: self.streams,
            climb: Climb::default(),
        };
        if is_remote {
            self.add_way(host, &mut link, &mut choice);
        }
        passed(&mut choice, &file);
        link.become_ = ssh.become_.as_ref().map(|become_| Become {
            method: become_.method,
            user: become_.user.clone().unwrap_or_else(|| "root".to_owned()),
            password: self.secret(&become_.password),
            attempts: Attempts::default(),
        });
        link
    }

    /// The hops on the way to a host, or the command that carries the connection.
    fn add_way(&self, host: &Host, link: &mut Link, choice: &mut Choice<'_>) {
        let route = self.ways.way(host);
        let names: Vec<String> = route.hops.iter().map(|hop| hop.name.clone()).collect();
        let names = Some(names).filter(|names| !names.is_empty());
        let (written, file) = if route.of_inventory { (names, None) } else { (None, names) };
        let shown = |names: Vec<String>| Some(names.join(", "));
        choice.of("jump", written.map(shown), file.map(shown), (None, ValueFrom::Default));
        let mut command = route.proxy_command;
        for hop in &route.hops {
            let mut next = self.hop(hop, link, choice.trace);
            next.via = link.via.take();
            next.options.proxy_command = command.take();
            if let Some(command) = &next.options.proxy_command {
                choice.note(
                    &format!("jump {}: ProxyCommand", hop.name),
                    command.clone(),
                    ValueFrom::UserConfig(self.ways.of(&hop.query).source),
                );
            }
            link.via = Some(Arc::new(next));
        }
        link.options.proxy_command = choice.file("ProxyCommand", command);
    }

    /// A jump host. What the inventory leaves out about one that it names itself, and the user's configuration too, is as
    /// for the host behind it.
    fn hop(&self, hop: &RouteHop, behind: &Link, trace: &mut Trace) -> Link {
        let written = hop.written.clone().unwrap_or_default();
        let file = match behind.kind {
            TransportKind::Openssh => HostConfig::default(),
            _ => self.ways.of(&hop.query),
        };
        let (title, source) = (format!("jump {}: ", hop.name), file.source.clone());
        let section = format!("jump_hosts.{}", hop.name);
        let mut choice = Choice { trace, title: title.clone(), keys: title, section, source };
        let inherits = hop.written.is_some();
        let like = |value: &String, own: String| match inherits {
            true => (value.clone(), ValueFrom::Behind),
            false => (own, ValueFrom::Default),
        };
        // What stands in ProxyJump itself comes from the user's configuration too.
        let (in_jump, in_inventory) = match inherits {
            true => (JumpHost::default(), written),
            false => (JumpHost { user: hop.query.user.clone(), port: hop.query.port, ..JumpHost::default() }, written),
        };
        let user = in_jump.user.or_else(|| file.user.clone());
        let agent = file.agent.as_ref().map(|agent| *agent != Agent::None);
        let has_own = in_inventory.identity.is_some() || file.identities.is_some();
        let usual = || match inherits {
            true => (behind.identities.clone(), ValueFrom::Behind),
            false => by_default_none(),
        };
        let identities = choice.of(
            "identity",
            in_inventory.identity.as_ref().map(paths),
            file.identities.as_deref().map(present),
            usual(),
        );
        Link {
            name: hop.name.clone(),
            kind: behind.kind,
            given: Given {
                user: in_inventory.user.is_some() || behind.given.user,
                port: in_inventory.port.is_some(),
                identities_only: in_inventory.identities_only.is_some()
                    || in_inventory.identity.is_some()
                    || behind.given.identities_only,
                known_hosts: in_inventory.known_hosts.is_some() || behind.given.known_hosts,
                direct: false,
                name: None,
                config: behind.given.config.clone(),
            },
            address: choice.file("HostName", file.address.clone()).unwrap_or_else(|| hop.query.name.clone()),
            port: choice.of("port", in_inventory.port, in_jump.port.or(file.port), (22, ValueFrom::Default)),
            user: choice.of("user", in_inventory.user, user, like(&behind.user, self.controller.user.clone())),
            // A key of its own is not opened by the passphrase of another one.
            passphrase: match &in_inventory.passphrase {
                None if identities == behind.identities => behind.passphrase.clone(),
                source => self.secret(source),
            },
            identities,
            usual_identities: match (has_own, inherits) {
                (true, _) => Vec::new(),
                (false, true) => behind.usual_identities.clone(),
                (false, false) => self.usual_keys(),
            },
            identities_only: choice.of(
                "identities_only",
                in_inventory.identities_only,
                file.identities_only,
                match (in_inventory.identity.is_some(), inherits && !has_own) {
                    (false, true) => (behind.identities_only, ValueFrom::Behind),
                    (own, _) => (own, ValueFrom::Default),
                },
            ),
            // A certificate for another key certifies none of its own.
            certificates: choice.of(
                "certificate",
                in_inventory.certificate.as_ref().map(paths),
                certificates(&file),
                match inherits && !has_own {
                    true => (behind.certificates.clone(), ValueFrom::Behind),
                    false => by_default_none(),
                },
            ),
            password: self.secret(&in_inventory.password),
            agent: choice.of("agent", in_inventory.agent, agent, (behind.agent, ValueFrom::Behind)),
            agent_socket: agent_socket(&mut choice, &file).or_else(|| behind.agent_socket.clone().filter(|_| inherits)),
            streams: self.streams,
            keyring: self.options.keyring.clone(),
            host_keys: pins(in_inventory.host_keys.as_ref()),
            known_hosts: self.known_hosts(
                &mut choice,
                in_inventory.known_hosts.as_ref(),
                &file,
                inherits.then_some(behind),
            ),
            host_key_alias: choice.of(
                "host_key_alias",
                in_inventory.host_key_alias.map(Some),
                file.host_key_alias.clone().map(Some),
                (None, ValueFrom::Default),
            ),
            via: None,
            jump_hosts: self.jump_hosts.clone(),
            connect_timeout: self.connect_timeout(
                &mut choice,
                in_inventory.connect_timeout,
                file.connect_timeout,
                (behind.connect_timeout, ValueFrom::Behind),
            ),
            options: connection_options(&mut choice, &file),
            become_: None,
            climb: Climb::default(),
        }
    }

    fn secret(&self, source: &Option<SecretSource>) -> Option<Arc<Secret>> {
        source.as_ref().and_then(|source| self.secrets.get(source))
    }

    fn below_home(&self, name: &str) -> Option<PathBuf> {
        self.controller.home.as_ref().map(|home| home.join(".ssh").join(name))
    }

    fn usual_keys(&self) -> Vec<PathBuf> {
        let names = ["id_ed25519", "id_ecdsa", "id_rsa"];
        names.iter().filter_map(|name| self.below_home(name)).filter(|path| path.exists()).collect()
    }

    fn known_hosts(
        &self,
        choice: &mut Choice<'_>,
        written: Option<&OneOrMany<PathBuf>>,
        file: &HostConfig,
        behind: Option<&Link>,
    ) -> Vec<PathBuf> {
        if let Some(path) = &self.options.known_hosts {
            return vec![path.clone()];
        }
        let usual = || self.below_home("known_hosts").into_iter().collect();
        let of_file = (file.user_known_hosts.is_some() || file.global_known_hosts.is_some()).then(|| {
            let of_system = file.global_known_hosts.clone().unwrap_or_else(|| vec![SYSTEM_KNOWN_HOSTS.into()]);
            [file.user_known_hosts.clone().unwrap_or_else(usual), of_system].concat()
        });
        let rest = match behind {
            Some(behind) => (behind.known_hosts.clone(), ValueFrom::Behind),
            None => (usual().into_iter().chain([SYSTEM_KNOWN_HOSTS.into()]).collect(), ValueFrom::Default),
        };
        choice.of("known_hosts", written.map(paths), of_file, rest)
    }

    fn connect_timeout(
        &self,
        choice: &mut Choice<'_>,
        written: Option<u16>,
        file: Option<Duration>,
        rest: (Duration, ValueFrom),
    ) -> Duration {
        let written = written.map(|seconds| Duration::from_secs(seconds.into()));
        self.options.connect_timeout.unwrap_or_else(|| choice.of("connect_timeout", written, file, rest))
    }
}

/// The keys of all hosts, by the system's own.
const SYSTEM_KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

fn paths(written: &OneOrMany<PathBuf>) -> Vec<PathBuf> {
    written.as_slice().to_vec()
}

/// The key files of an ssh_config that are there: as with OpenSSH, one that is missing is no error. Where only the public
/// half is, the agent may hold the private one.
fn present(files: &[PathBuf]) -> Vec<PathBuf> {
    let there = |path: &PathBuf| {
        let mut public = path.as_os_str().to_owned();
        public.push(".pub");
        [path.clone(), PathBuf::from(public)].into_iter().find(|path| path.exists())
    };
    files.iter().filter_map(there).collect()
}

fn certificates(file: &HostConfig) -> Option<Vec<PathBuf>> {
    Some(file.certificates.clone()).filter(|files| !files.is_empty())
}

fn by_default_none() -> (Vec<PathBuf>, ValueFrom) {
    (Vec::new(), ValueFrom::Default)
}

fn agent_socket(choice: &mut Choice<'_>, file: &HostConfig) -> Option<PathBuf> {
    let Some(Agent::Socket(path)) = &file.agent else { return None };
    choice.note("IdentityAgent", path.display().to_string(), ValueFrom::UserConfig(file.source.clone()));
    Some(path.clone())
}

fn connection_options(choice: &mut Choice<'_>, file: &HostConfig) -> ConnectionOptions {
    let usual = Keepalive::default();
    choice.file("AddressFamily", file.address_family.map(|family| format!("{family:?}")));
    choice.file("KexAlgorithms", file.algorithms.key_exchanges.clone());
    choice.file("Ciphers", file.algorithms.ciphers.clone());
    choice.file("MACs", file.algorithms.macs.clone());
    choice.file("HostKeyAlgorithms", file.algorithms.host_keys.clone());
    choice.file("PubkeyAcceptedAlgorithms", file.algorithms.user_keys.clone());
    ConnectionOptions {
        proxy_command: None,
        address_family: file.address_family.unwrap_or_default(),
        bind_address: choice.file("BindAddress", file.bind_address.clone()),
        keepalive: Keepalive {
            interval: choice.file("ServerAliveInterval", file.keepalive).unwrap_or(usual.interval),
            count: choice.file("ServerAliveCountMax", file.keepalives).unwrap_or(usual.count),
        },
        algorithms: file.algorithms.clone(),
    }
}

/// What stands in the user's file and has no effect.
fn passed(choice: &mut Choice<'_>, file: &HostConfig) {
    for passed in &file.passed {
        choice.note(&passed.keyword, passed.value.clone(), ValueFrom::Passed(passed.reason));
    }
}

fn pins(written: Option<&OneOrMany<String>>) -> Vec<String> {
    written.map(|pins| pins.as_slice().to_vec()).unwrap_or_default()
}
