//! The host keys of `hactl hosts trust`: as a table for people, and as JSON.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::console::{BOLD, YELLOW, styled};
use super::render::{Before, failure_line, plural};
use crate::orchestration::hosts::{HostKeys, KeyState, Server};
use crate::orchestration::{Exit, Failure};

/// What `hactl hosts trust --output json` prints.
#[derive(Serialize, JsonSchema)]
pub(super) struct HostKeyResults<'a> {
    /// The version of this form: 1. A key may be added without a new version, none is renamed or removed.
    version: u8,
    /// The exit code.
    exit: u8,
    /// Every server on the way to the hosts, each after the jump host before it.
    keys: Vec<HostKeyRow<'a>>,
    /// Why keys could not be recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
}

/// One server and its key.
#[derive(Serialize, JsonSchema)]
pub(super) struct HostKeyRow<'a> {
    /// The cluster that names it first.
    cluster: &'a str,
    /// Its names in the inventory.
    hosts: &'a [String],
    /// Do others stand behind it?
    jump_host: bool,
    /// The jump host before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<&'a str>,
    /// The address that is connected to.
    address: &'a str,
    /// The port of its SSH server.
    port: u16,
    /// `known`, `unknown`, `trusted` (recorded just now), `refused`, `unreachable`, or `unseen`: the jump host before it
    /// is not trusted.
    state: &'static str,
    /// Its name in a known_hosts file.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// The kind of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    /// The fingerprint of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    /// The file that its key is recorded in, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Why the key is refused or was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
}

/// A line of `hactl hosts trust --output jsonl`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum HostKeyLine<'a> {
    /// One server.
    HostKey(HostKeyRow<'a>),
    /// The end: the same as `--output json` prints.
    Result {
        /// What it came to.
        result: HostKeyResults<'a>,
    },
}

impl<'a> HostKeyResults<'a> {
    pub(super) fn new(keys: &'a HostKeys, failure: Option<&'a Failure>, exit: Exit) -> Self {
        Self { version: 1, exit: exit.code(), keys: keys.servers().iter().map(HostKeyRow::new).collect(), failure }
    }
}

impl<'a> HostKeyRow<'a> {
    pub(super) fn new(server: &'a Server) -> Self {
        let (state, failure) = match &server.state {
            KeyState::Unseen => ("unseen", None),
            KeyState::Known(_) => ("known", None),
            KeyState::Unknown(_) => ("unknown", None),
            KeyState::Trusted(_) => ("trusted", None),
            KeyState::Refused(_, failure) => ("refused", Some(failure)),
            KeyState::Unreachable(failure) => ("unreachable", Some(failure)),
        };
        let key = server.key();
        Self {
            cluster: &server.cluster,
            hosts: &server.names,
            jump_host: server.is_jump_host,
            behind: server.behind.as_deref(),
            address: server.address(),
            port: server.port(),
            state,
            name: key.map(|key| key.name.as_str()),
            kind: key.map(|key| key.kind.as_str()),
            fingerprint: key.map(|key| key.fingerprint.as_str()),
            file: server.file().map(|file| file.display().to_string()),
            failure,
        }
    }
}

/// The keys that are, or were, unknown: host, address, kind and fingerprint.
pub(super) fn table(keys: &HostKeys, shown: impl Fn(&KeyState) -> bool) -> String {
    let mut rows = vec![["HOST".to_owned(), "ADDRESS".to_owned(), "TYPE".to_owned(), "FINGERPRINT".to_owned()]];
    for server in keys.servers().iter().filter(|server| shown(&server.state)) {
        let Some(key) = server.key() else { continue };
        let address = if server.port() == 22 {
            server.address().to_owned()
        } else if server.address().contains(':') {
            format!("[{}]:{}", server.address(), server.port())
        } else {
            format!("{}:{}", server.address(), server.port())
        };
        rows.push([server.names.join(", "), address, key.kind.clone(), key.fingerprint.clone()]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for (index, [host, address, kind, print]) in rows.iter().enumerate() {
        let [first, second, third] = widths;
        let line = format!("{host:first$}  {address:second$}  {kind:third$}  {print}");
        let _ = writeln!(text, "{}", if index == 0 { styled(BOLD, line) } else { line });
    }
    text
}

/// What went wrong, server by server; what happened at a jump host is told once.
pub(super) fn troubles(keys: &HostKeys, unwritten: Option<&Failure>) -> String {
    let (mut text, mut told) = (String::new(), Before::default());
    if let Some(failure) = unwritten {
        failure_line(&mut text, "recording", failure, &mut told);
    }
    for server in keys.servers() {
        let whose = server.names.join(", ");
        match &server.state {
            KeyState::Refused(_, failure) => failure_line(&mut text, &whose, failure, &mut told),
            KeyState::Unreachable(failure) => {
                if !told.again(&mut text, &whose, failure) {
                    failure_line(&mut text, &whose, failure, &mut told);
                }
            }
            KeyState::Unseen | KeyState::Known(_) | KeyState::Unknown(_) | KeyState::Trusted(_) => {}
        }
    }
    hidden(keys, &mut text);
    text
}

/// The servers that a jump host hides, in a line for each such jump host.
fn hidden(keys: &HostKeys, text: &mut String) {
    let mut hops: Vec<(&Server, Vec<String>)> = Vec::new();
    for server in keys.servers().iter().filter(|server| server.state == KeyState::Unseen) {
        let Some(hop) = keys.hidden_by(server) else { continue };
        let names = server.names.join(", ");
        match hops.iter_mut().find(|(known, _)| std::ptr::eq(*known, hop)) {
            Some((_, hidden)) => hidden.push(names),
            None => hops.push((hop, vec![names])),
        }
    }
    for (hop, hidden) in hops {
        // A crowd is counted, a few are named.
        let whose = if hidden.len() > 6 { plural(hidden.len(), "server") } else { hidden.join(", ") };
        let why = match hop.state {
            KeyState::Unknown(_) => "whose key must be trusted first",
            _ => "as above",
        };
        let hop = hop.names.join(", ");
        let _ = writeln!(text, "{} {whose}: behind jump host {hop}, {why}", styled(YELLOW, "not seen:"));
    }
}

/// What it came to, in a line.
pub(super) fn summary(keys: &HostKeys) -> String {
    let count = |which: fn(&KeyState) -> bool| keys.servers().iter().filter(|server| which(&server.state)).count();
    let mut files: Vec<String> = Vec::new();
    for server in keys.servers().iter().filter(|server| matches!(server.state, KeyState::Trusted(_))) {
        let file = server.file().map(|file| file.display().to_string()).unwrap_or_default();
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let mut parts = Vec::new();
    let trusted = count(|state| matches!(state, KeyState::Trusted(_)));
    if trusted > 0 {
        parts.push(format!("{} recorded in {}", plural(trusted, "key"), files.join(", ")));
    }
    for (number, what) in [
        (count(|state| matches!(state, KeyState::Unknown(_))), "unknown"),
        (count(|state| matches!(state, KeyState::Known(_))), "known"),
        (count(|state| matches!(state, KeyState::Refused(..))), "refused"),
        (count(|state| matches!(state, KeyState::Unreachable(_) | KeyState::Unseen)), "not seen"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if parts.is_empty() { "no host is reached by SSH".to_owned() } else { parts.join(", ") }
}

/// What to compare, and with what.
pub(super) const COMPARE: &str = "Compare each fingerprint with what `ssh-keygen -lf` prints on that host's own console for its \
                                  /etc/ssh/ssh_host_*_key.pub.";

/// The code that these keys end with. `printed`: unknown keys are what was asked for.
pub(super) fn exit(keys: &HostKeys, printed: bool) -> Exit {
    let of = |server: &Server| match server.state {
        KeyState::Known(_) | KeyState::Trusted(_) => Exit::Success,
        KeyState::Unknown(_) if printed => Exit::Success,
        KeyState::Unknown(_) => Exit::Differs,
        KeyState::Refused(..) => Exit::Failed,
        KeyState::Unreachable(_) | KeyState::Unseen => Exit::Incomplete,
    };
    keys.servers().iter().map(of).fold(Exit::Success, Exit::and)
}
