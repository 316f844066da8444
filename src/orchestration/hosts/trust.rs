//! The keys of all servers on the way to all hosts: which are known, which are not, and the recording of those.
//!
//! Behind a jump host whose key is unknown nothing can be seen until it is trusted: so it goes in rounds, from the
//! outermost servers inwards, and only trusted jump hosts are logged in to.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::inventory::{Cluster, Host, Secrets, TransportKind};
use crate::orchestration::each::on_each;
use crate::orchestration::link::Links;
use crate::orchestration::{Controller, Failure, FleetError, FleetOptions};
use crate::transport::{
    HostKey, JumpHosts, Link, RecordError, Standing, TransportError, host_key, known_hosts_line, record,
};

/// The servers whose keys must be known to reach the hosts of some clusters: jump hosts and hosts.
pub struct HostKeys {
    servers: Vec<Server>,
    concurrency: usize,
}

/// One server, and what is known of its key.
pub struct Server {
    /// The cluster that names it first.
    pub cluster: String,
    /// What the inventory calls it; several names where it is one server by several names.
    pub names: Vec<String>,
    /// Do others stand behind it?
    pub is_jump_host: bool,
    /// The jump host before it.
    pub behind: Option<String>,
    /// What is known.
    pub state: KeyState,
    link: Arc<Link>,
    before: Option<usize>,
}

/// What is known of a server's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Nobody has looked yet, or nobody can: the jump host before it is not trusted.
    Unseen,
    /// It is known.
    Known(HostKey),
    /// It is not known.
    Unknown(HostKey),
    /// It was not known, and is recorded now.
    Trusted(HostKey),
    /// It is not the key that is known, or must not be trusted; it is recorded nowhere.
    Refused(HostKey, Failure),
    /// The server did not show its key.
    Unreachable(Failure),
}

impl Server {
    /// The address that is connected to.
    pub fn address(&self) -> &str {
        &self.link.address
    }

    /// The port of the SSH server.
    pub fn port(&self) -> u16 {
        self.link.port
    }

    /// The file that its key is recorded in, where there is one.
    pub fn file(&self) -> Option<&PathBuf> {
        self.link.known_hosts.first()
    }

    /// The key that it has shown.
    pub fn key(&self) -> Option<&HostKey> {
        match &self.state {
            KeyState::Known(key) | KeyState::Unknown(key) | KeyState::Trusted(key) | KeyState::Refused(key, _) => {
                Some(key)
            }
            KeyState::Unseen | KeyState::Unreachable(_) => None,
        }
    }

    fn is_trusted(&self) -> bool {
        matches!(self.state, KeyState::Known(_) | KeyState::Trusted(_))
    }

    fn is_the_one_of(&self, link: &Link, before: Option<usize>) -> bool {
        let name = |link: &Link| {
            // As a known_hosts file knows it.
            let host = link.host_key_alias.as_ref().unwrap_or(&link.address).to_lowercase();
            (host, link.host_key_alias.is_none().then_some(link.port), link.known_hosts.clone(), link.host_keys.clone())
        };
        self.before == before
            && (&self.link.address, self.link.port) == (&link.address, link.port)
            && name(&self.link) == name(link)
    }
}

/// The ways to the hosts of some clusters, before any secret is known.
pub struct KeyWays<'a> {
    /// What the user should hear before anything connects.
    pub warnings: Vec<String>,
    ways: Vec<(&'a Cluster, Vec<Host>, Links<'a>)>,
    concurrency: usize,
}

/// A first look at new hosts takes none.
static NO_SECRETS: Secrets = Secrets::none();

impl<'a> KeyWays<'a> {
    /// Looks up the hosts that take part. Nothing connects.
    ///
    /// # Errors
    /// When `--limit` names what a cluster does not have, or the user's SSH configuration can't be used.
    pub fn look_up(
        clusters: &'a [Arc<Cluster>],
        controller: &'a Controller,
        options: &'a FleetOptions,
    ) -> Result<Self, FleetError> {
        let mut found = Self { warnings: Vec::new(), ways: Vec::new(), concurrency: options.concurrency };
        for cluster in clusters {
            let hosts = options.selection.hosts(cluster)?;
            let hosts = hosts.into_iter().filter(|host| host.transport != TransportKind::Local);
            // A host that the user's own ssh reaches has the key that anybody is shown who goes the same way.
            let hosts: Vec<Host> = hosts.map(|host| Host { transport: TransportKind::Ssh, ..host.clone() }).collect();
            let links = Links::new(cluster, &hosts.iter().collect::<Vec<_>>(), &NO_SECRETS, controller, options)?;
            for warning in links.warnings() {
                // Two clusters of one file are looked up in one ssh_config.
                if !found.warnings.contains(&warning) {
                    found.warnings.push(warning);
                }
            }
            found.ways.push((cluster, hosts, links));
        }
        Ok(found)
    }

    /// Is anybody logged in to, to see what is behind him?
    pub fn lead_through_jump_hosts(&self) -> bool {
        self.ways.iter().any(|(_, hosts, links)| hosts.iter().any(|host| links.has_jump_host(host)))
    }

    /// The servers on these ways. `secrets` are those that logging in to jump hosts may take.
    pub fn host_keys(self, secrets: &Secrets) -> HostKeys {
        let mut keys = HostKeys { servers: Vec::new(), concurrency: self.concurrency };
        let jump_hosts = JumpHosts::default();
        for (cluster, hosts, links) in self.ways {
            let links = links.with_secrets(secrets).sharing(&jump_hosts);
            for host in &hosts {
                keys.add(&cluster.name, Arc::new(links.to(host)));
            }
        }
        keys
    }
}

impl HostKeys {
    /// Adds a server after the jump hosts before it, and says where it is.
    fn add(&mut self, cluster: &str, link: Arc<Link>) -> usize {
        let before = link.via.as_ref().map(|via| self.add(cluster, via.clone()));
        if let Some(before) = before.and_then(|before| self.servers.get_mut(before)) {
            before.is_jump_host = true;
        }
        let found = self.servers.iter_mut().enumerate().find(|(_, server)| server.is_the_one_of(&link, before));
        if let Some((index, server)) = found {
            if !server.names.contains(&link.name) {
                server.names.push(link.name.clone());
            }
            return index;
        }
        self.servers.push(Server {
            cluster: cluster.to_owned(),
            names: vec![link.name.clone()],
            is_jump_host: false,
            behind: link.via.as_ref().map(|via| via.name.clone()),
            state: KeyState::Unseen,
            link,
            before,
        });
        self.servers.len() - 1
    }

    /// All servers, each after the jump host before it.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The jump host that hides a server's key: the first on the way to it that is not trusted.
    pub fn hidden_by(&self, server: &Server) -> Option<&Server> {
        let before = self.servers.get(server.before?)?;
        if before.state == KeyState::Unseen { self.hidden_by(before) } else { Some(before) }
    }

    /// Those whose keys wait to be trusted.
    pub fn unknown(&self) -> impl Iterator<Item = (&Server, &HostKey)> {
        self.servers.iter().filter_map(|server| match &server.state {
            KeyState::Unknown(key) => Some((server, key)),
            _ => None,
        })
    }

    /// Looks at every key that can be seen now: at those of servers before which there is no jump host, or a trusted one.
    pub async fn look(&mut self) {
        loop {
            let trusted = |before: usize| self.servers.get(before).is_some_and(Server::is_trusted);
            let ready = |server: &Server| server.state == KeyState::Unseen && server.before.is_none_or(trusted);
            let ready: Vec<Arc<(usize, Arc<Link>)>> = (0..)
                .zip(&self.servers)
                .filter(|(_, server)| ready(server))
                .map(|(index, server)| Arc::new((index, server.link.clone())))
                .collect();
            if ready.is_empty() {
                return;
            }
            let seen = on_each(&ready, self.concurrency, |server| async move { host_key(&server.1).await }).await;
            for (server, seen) in seen {
                if let Some(server) = self.servers.get_mut(server.0) {
                    server.state = state(seen);
                }
            }
        }
    }

    /// Records every unknown key in the first known_hosts file of its server, which is trusted from then on.
    ///
    /// # Errors
    /// When a file cannot be written. Keys that belong in others are recorded all the same.
    pub async fn record(&mut self) -> Result<(), Failure> {
        let mut files: Vec<PathBuf> = Vec::new();
        for (server, _) in self.unknown() {
            let none = "no known_hosts file is named, and there is no home folder to have one in";
            let file = server.file().cloned().ok_or_else(|| unwritable(none.to_owned()))?;
            if !files.contains(&file) {
                files.push(file);
            }
        }
        let mut result = Ok(());
        for file in files {
            let keys: Vec<HostKey> =
                self.unknown().filter(|(server, _)| server.file() == Some(&file)).map(|(_, key)| key.clone()).collect();
            let path = file.clone();
            let broke = |_| RecordError { file: file.clone(), cause: "the work broke off".to_owned() };
            let done = tokio::task::spawn_blocking(move || record(&path, &keys)).await.map_err(broke);
            match done.and_then(|done| done) {
                Ok(done) => self.recorded(&file, &done.refused),
                Err(error) => result = Err(unwritable(error.to_string())),
            }
        }
        result
    }

    fn recorded(&mut self, file: &PathBuf, refused: &[String]) {
        for server in &mut self.servers {
            let KeyState::Unknown(key) = &server.state else { continue };
            if server.link.known_hosts.first() != Some(file) {
                continue;
            }
            server.state = if refused.contains(&key.fingerprint) {
                let cause = format!("{} holds another key of {} by now", file.display(), key.name);
                let failure = Failure::new("host-key-changed", cause).hint(
                    "somebody else recorded a key at the same time: look which one is the host's, then run again",
                );
                KeyState::Refused(key.clone(), failure)
            } else {
                KeyState::Trusted(key.clone())
            };
        }
    }

    /// The lines that would make the unknown keys known.
    pub fn lines(&self) -> String {
        self.unknown().map(|(_, key)| known_hosts_line(key, false)).collect()
    }
}

fn unwritable(cause: String) -> Failure {
    Failure::new("known-hosts-unwritable", cause).hint(
        "make the file and its folder writable for you, or name another with --known-hosts; \
         `hactl hosts trust --print` only prints the lines",
    )
}

fn state(seen: Option<Result<HostKey, TransportError>>) -> KeyState {
    match seen {
        Some(Ok(key)) => match key.standing.clone() {
            Standing::Known => KeyState::Known(key),
            Standing::Unknown(_) => KeyState::Unknown(key),
            Standing::Refused(error) => KeyState::Refused(key, Failure::from(&error)),
        },
        Some(Err(error)) => KeyState::Unreachable(Failure::from(&error)),
        None => KeyState::Unreachable(Failure::new("internal", "the task that looks at the key broke off")),
    }
}
