//! Where the values of a connection come from, for `hactl validate --explain`.

use std::path::PathBuf;
use std::time::Duration;

use super::link::Links;
use super::{Controller, FleetError, FleetOptions, Selection};
use crate::model::HostName;
use crate::model::inventory::{Cluster, Host, Secrets, TransportKind};
use crate::steps::Allow;
use crate::transport::Keyring;
use crate::transport::user_config::SshConfig;

/// One value of a connection, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The host that is reached.
    pub host: HostName,
    /// What it is: a key of the inventory, or a keyword of ssh_config that has none there; for a jump host behind its name.
    pub key: String,
    /// The value as text.
    pub value: String,
    /// Where it comes from.
    pub from: ValueFrom,
}

/// Where a value of a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueFrom {
    /// This key of the inventory.
    Inventory(String),
    /// The user's SSH configuration, in these words.
    UserConfig(String),
    /// This flag of the command line.
    CommandLine(&'static str),
    /// It is as for the host behind the jump host.
    Behind,
    /// hactl's own.
    Default,
    /// It stands in the user's SSH configuration, and has no effect for this reason.
    Passed(&'static str),
}

/// Says for each host that is reached by SSH which values its connection will have. Connects to nothing.
///
/// # Errors
/// When the user's SSH configuration can't be used for one of them.
pub fn connections(
    cluster: &Cluster,
    controller: &Controller,
    ssh_config: Option<&SshConfig>,
) -> Result<Vec<Note>, FleetError> {
    let options = FleetOptions {
        selection: Selection::default(),
        allow: Allow::default(),
        concurrency: 1,
        timeout: Duration::ZERO,
        connect_timeout: None,
        known_hosts: None,
        keyring: Keyring::default(),
        ssh_config: ssh_config.cloned(),
    };
    let hosts: Vec<&Host> = cluster.hosts.iter().filter(|host| host.transport == TransportKind::Ssh).collect();
    let secrets = Secrets::default();
    let links = Links::new(cluster, &hosts, &secrets, controller, &options)?;
    let mut notes = Vec::new();
    for host in hosts {
        let mut trace = Trace::default();
        links.traced(host, &mut trace);
        let note = |(key, value, from)| Note { host: host.name.clone(), key, value, from };
        notes.extend(trace.0.into_iter().map(note));
    }
    Ok(notes)
}

/// The values of one connection, as they are chosen.
#[derive(Debug, Default)]
pub(super) struct Trace(Vec<(String, String, ValueFrom)>);

/// The values of one host of a way, as they are chosen.
pub(super) struct Choice<'a> {
    pub(super) trace: &'a mut Trace,
    /// What stands before each keyword of an ssh_config.
    pub(super) title: String,
    /// What stands before each key of the inventory.
    pub(super) keys: String,
    /// Where the inventory's values of it stand.
    pub(super) section: String,
    /// Which files of the user say something about it.
    pub(super) source: String,
}

impl Choice<'_> {
    /// The inventory wins over the user's file, and that over the rest.
    pub(super) fn of<T: Shown>(&mut self, key: &str, written: Option<T>, file: Option<T>, rest: (T, ValueFrom)) -> T {
        let (value, from) = match (written, file) {
            (Some(value), _) => (value, ValueFrom::Inventory(format!("{}.{key}", self.section))),
            (None, Some(value)) => (value, ValueFrom::UserConfig(self.source.clone())),
            (None, None) => rest,
        };
        self.trace.0.push((format!("{}{key}", self.keys), value.shown(), from));
        value
    }

    /// What the user's file alone can say.
    pub(super) fn file<T: Shown>(&mut self, keyword: &str, file: Option<T>) -> Option<T> {
        if let Some(value) = &file {
            self.note(keyword, value.shown(), ValueFrom::UserConfig(self.source.clone()));
        }
        file
    }

    /// Notes a keyword of the user's file.
    pub(super) fn note(&mut self, key: &str, value: String, from: ValueFrom) {
        self.trace.0.push((format!("{}{key}", self.title), value, from));
    }
}

/// A value as it is shown.
pub(super) trait Shown {
    fn shown(&self) -> String;
}

impl Shown for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Shown for u16 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for usize {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        self.as_secs().to_string()
    }
}

impl Shown for Vec<PathBuf> {
    fn shown(&self) -> String {
        let files: Vec<String> = self.iter().map(|path| path.display().to_string()).collect();
        if files.is_empty() { "none".to_owned() } else { files.join(", ") }
    }
}

impl Shown for Vec<String> {
    fn shown(&self) -> String {
        self.join(",")
    }
}

impl Shown for Option<String> {
    fn shown(&self) -> String {
        self.clone().unwrap_or_else(|| "none".to_owned())
    }
}
