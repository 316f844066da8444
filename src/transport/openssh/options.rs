//! The command line of the `ssh` that keeps the connection to a host.
//!
//! What stands on it wins over the user's configuration; what does not is left to that.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::transport::Link;
use crate::transport::user_config::SshConfig;

/// What holds whatever the user has configured. Nothing is run, forwarded, written or asked but what we ask for, and no
/// key is trusted that is not recorded.
const ALWAYS: &[&str] = &[
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "NoHostAuthenticationForLocalhost=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "Tunnel=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "EscapeChar=none",
    "NumberOfPasswordPrompts=1",
    "ControlMaster=yes",
    "ControlPersist=no",
    // It is read here: how far a connection got is nowhere else.
    "LogLevel=DEBUG1",
];

/// How often a server is asked whether it is still there, in seconds, and how often in vain.
const ALIVE: u64 = 5;
const ALIVES: u64 = 3;

/// How long a server may say nothing: `ssh` knows one limit for the login and for all that comes after it.
pub(super) const SILENCE: Duration = Duration::from_secs(ALIVE * ALIVES);

/// The words behind `ssh`. `hop` is the socket of the connection to the jump host before it.
pub(super) fn words(link: &Link, socket: &Path, hop: Option<&Path>, answers: bool, pins: &Pins) -> Vec<OsString> {
    let mut words = Words(vec!["-T".into(), "-N".into()]);
    let given = &link.given;
    match &given.config {
        SshConfig::Usual => {}
        SshConfig::File(path) => words.0.extend(["-F".into(), path.into()]),
        // Older versions would read a file of the name `none`.
        SshConfig::None => words.0.extend(["-F".into(), "/dev/null".into()]),
    }
    ALWAYS.iter().for_each(|option| words.option(option));
    words.option(&format!("ControlPath={}", socket.display()));
    words.option(&format!("ServerAliveInterval={ALIVE}"));
    words.option(&format!("ServerAliveCountMax={ALIVES}"));
    // Without a secret of the inventory's nothing is asked, for nobody would answer.
    words.option(if answers { "BatchMode=no" } else { "BatchMode=yes" });
    // Ours runs out first, and says where.
    words.option(&format!("ConnectTimeout={}", link.connect_timeout.as_secs() + 5));
    if given.user {
        words.option(&format!("User={}", link.user));
    }
    if given.port {
        words.option(&format!("Port={}", link.port));
    }
    link.identities.iter().for_each(|path| words.files("IdentityFile", &[path]));
    link.certificates.iter().for_each(|path| words.files("CertificateFile", &[path]));
    if given.identities_only {
        words.option(if link.identities_only { "IdentitiesOnly=yes" } else { "IdentitiesOnly=no" });
    }
    match &link.agent_socket {
        _ if !link.agent => words.option("IdentityAgent=none"),
        Some(socket) => words.files("IdentityAgent", &[socket]),
        None => {}
    }
    if !link.host_keys.is_empty() {
        words.option(&pins.command());
        words.option(&pins.algorithms());
        words.option("UserKnownHostsFile=/dev/null");
        words.option("GlobalKnownHostsFile=/dev/null");
    } else if given.known_hosts {
        let files: Vec<&Path> = link.known_hosts.iter().map(AsRef::as_ref).collect();
        match files.is_empty() {
            true => words.option("UserKnownHostsFile=/dev/null"),
            false => words.files("UserKnownHostsFile", &files),
        }
        words.option("GlobalKnownHostsFile=/dev/null");
    }
    if let Some(alias) = &link.host_key_alias {
        words.option(&format!("HostKeyAlias={alias}"));
    }
    if given.direct && hop.is_none() {
        words.option("ProxyJump=none");
    }
    if let Some(hop) = hop {
        // A second ssh asks the first one for a way, and gives it its own ends of the connection: it carries nothing
        // itself. Where there is no first one it must not look for the host by itself.
        words.option("ProxyUseFdpass=no");
        words.option(&format!(
            "ProxyCommand=ssh -F none -o ControlMaster=no -o ControlPath={} -o ProxyCommand=false -W '[%h]:%p' hop",
            hop.display()
        ));
    }
    // What is looked up in the configuration, and what is connected to, may be two.
    let name = given.name.as_ref().unwrap_or(&link.address);
    if *name != link.address {
        words.option(&format!("HostName={}", link.address));
    }
    words.0.extend(["--".into(), name.into()]);
    words.0
}

/// The fingerprints of the inventory, where only keys with these are known.
#[derive(Debug, Default)]
pub(super) struct Pins {
    /// Those that are not revoked.
    pub(super) trusted: Vec<String>,
    /// The kinds of keys that the server has shown, and that were none of them.
    pub(super) passed: Vec<String>,
}

impl Pins {
    /// ssh asks a command for the keys of a host, and that answers with the very key that is shown, where it is pinned.
    /// A fingerprint is made of letters, digits, `+`, `/` and `:`.
    fn command(&self) -> String {
        let pattern = if self.trusted.is_empty() { "none".to_owned() } else { self.trusted.join("|") };
        let script = format!("case $1 in {pattern}) echo \"$2 $3 $4\";; esac");
        format!("KnownHostsCommand=/bin/sh -c '{script}' sh %f %H %t %K")
    }

    /// Nobody vouches for a pinned key; and a server with several is asked for each kind in turn.
    fn algorithms(&self) -> String {
        let kinds = self.passed.iter().map(|kind| if kind == "ssh-rsa" { "rsa-sha2-*,ssh-rsa" } else { kind });
        let kinds: Vec<&str> = std::iter::once("*-cert-v01@openssh.com").chain(kinds).collect();
        format!("HostKeyAlgorithms=-{}", kinds.join(","))
    }
}

struct Words(Vec<OsString>);

impl Words {
    fn option(&mut self, option: &str) {
        self.0.extend(["-o".into(), option.into()]);
    }

    fn files(&mut self, name: &str, files: &[impl AsRef<Path>]) {
        let quoted: Vec<String> = files.iter().map(|file| quoted(file.as_ref())).collect();
        self.option(&format!("{name}={}", quoted.join(" ")));
    }
}

/// A path as ssh's configuration has it: `%` begins a token there.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-%~+@:,".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_itself() {
        assert_eq!(quoted(Path::new("/home/me/.ssh/id_ed25519")), "/home/me/.ssh/id_ed25519");
        assert_eq!(quoted(Path::new("/my keys/50%")), "\"/my keys/50%%\"");
        assert_eq!(quoted(Path::new("/a\"b")), "\"/a\\\"b\"");
    }
}
