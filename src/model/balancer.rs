//! What hactl knows of a program that balances, as data: `playbooks/balancers/*.yaml`.

use serde::Deserialize;

use super::inventory::BalancerKind;
use super::profile::Template;
use indexmap::IndexMap;

const NGINX: &str = include_str!("../../playbooks/balancers/nginx.yaml");
const HAPROXY: &str = include_str!("../../playbooks/balancers/haproxy.yaml");

/// A program that balances: where its files are, and how it is tested, started and told of new ones.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerProfile {
    /// The program's name, which is also that of its processes.
    pub program: String,
    /// The package that brings it, by the command that installs packages.
    pub packages: IndexMap<String, String>,
    /// The oldest version that understands what hactl writes.
    pub oldest: String,
    /// The folder of its configuration.
    pub folder: String,
    /// The file that it reads first, below that folder.
    pub main: String,
    /// The files that hactl owns, below that folder.
    pub files: BalancerFiles,
    /// The file that holds its process id.
    pub pid_file: String,
    /// Its systemd unit.
    pub unit: String,
    /// Lines of its configuration that fit what the package brings: its user, its folders.
    pub packaged: Vec<String>,
    /// Its commands.
    pub commands: BalancerCommands,
    /// Whether its test prints the names of the files that it has read.
    pub prints_files: bool,
    /// What it says when it refuses, and what helps.
    pub complaints: Vec<Complaint>,
}

/// The files that hactl owns, of `{cluster}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerFiles {
    /// The configuration.
    pub configuration: Template,
    /// The certificate that clients see.
    pub certificate: Template,
    /// Its private key.
    pub key: Template,
    /// What the nodes' certificates are checked with.
    pub nodes_ca: Template,
}

/// Commands, as words; `{main}`, `{pid_file}` and `{pid}` are put in on the host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerCommands {
    /// Tests a configuration and changes nothing.
    pub test: Template,
    /// Starts it.
    pub start: Template,
    /// Makes it read its configuration anew.
    pub reload: Template,
}

/// What a program says when it refuses something, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complaint {
    /// A part of its message.
    pub says: String,
    /// What to do next.
    pub hint: String,
}

/// Why a description of a balancer can't be used. The built-in ones can: a test reads them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("balancer {kind}: {cause}")]
pub struct BalancerError {
    kind: &'static str,
    cause: String,
}

impl BalancerProfile {
    /// What is known of a kind of balancer.
    ///
    /// # Errors
    /// Only when this build is broken.
    pub fn of(kind: BalancerKind) -> Result<Self, BalancerError> {
        let text = match kind {
            BalancerKind::Nginx => NGINX,
            BalancerKind::Haproxy => HAPROXY,
        };
        Self::parse(text, kind.word())
    }

    fn parse(text: &str, kind: &'static str) -> Result<Self, BalancerError> {
        let wrong = |cause: String| BalancerError { kind, cause };
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let profile: Self =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| wrong(error.to_string()))?;
        let (files, commands) = (&profile.files, &profile.commands);
        for (at, template, known) in [
            ("files.configuration", &files.configuration, &["cluster"][..]),
            ("files.certificate", &files.certificate, &["cluster"]),
            ("files.key", &files.key, &["cluster"]),
            ("files.nodes_ca", &files.nodes_ca, &["cluster"]),
            ("commands.test", &commands.test, &["main"]),
            ("commands.start", &commands.start, &["main", "pid_file"]),
            ("commands.reload", &commands.reload, &["main", "pid_file", "pid"]),
        ] {
            if let Some(unknown) = template.placeholders().find(|name| !known.contains(name)) {
                return Err(wrong(format!("{at}: unknown placeholder `{{{unknown}}}`")));
            }
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_can_be_read() {
        for kind in [BalancerKind::Nginx, BalancerKind::Haproxy] {
            let profile = BalancerProfile::of(kind).unwrap();
            assert_eq!(profile.program, kind.word());
            assert!(profile.complaints.iter().all(|complaint| !complaint.hint.ends_with('.')));
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (from, to, named) in [
            ("\npid_file:", "\npidfile:", "pidfile"),
            ("hactl-{cluster}.key", "hactl-{clutser}.key", "files.key: unknown placeholder `{clutser}`"),
            ("-T -q -c {main}", "-T -q -c {pid}", "commands.test: unknown placeholder `{pid}`"),
            ("prints_files: true", "prints_files: yes", "boolean"),
        ] {
            let broken = NGINX.replacen(from, to, 1);
            assert_ne!(broken, NGINX);
            let error = BalancerProfile::parse(&broken, "nginx").unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
