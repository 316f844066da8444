//! Why `ssh` has not connected, in the words of the other SSH transport.

use std::io::{self, ErrorKind};
use std::time::Duration;

use russh::keys::Algorithm;

use super::greeting::{patience, way};
use super::options::{Pins, SILENCE};
use super::said::{Said, Stage, plain};
use crate::transport::known_hosts::{Flaw, KnownHosts, Place, Verdict, refusal};
use crate::transport::ssh::{dial, files, handshake, jump};
use crate::transport::{Link, Rung, TransportError};

fn error(rung: Rung, code: &'static str, cause: impl Into<String>, hint: impl Into<String>) -> TransportError {
    TransportError::new(rung, code, cause).hint(hint)
}

/// The known_hosts files can be read: `ssh` passes over those that cannot, and one may hold a revocation. Tells which of
/// the pinned keys are not revoked there.
pub(super) async fn known_hosts(link: &Link) -> Result<Pins, TransportError> {
    if !link.given.known_hosts && link.host_keys.is_empty() {
        return Ok(Pins::default());
    }
    let known = files::known_hosts(link).await?;
    let trusted = link.host_keys.iter().filter(|print| !known.is_revoked(print)).cloned().collect();
    Ok(Pins { trusted, passed: Vec::new() })
}

/// It has ended before it could take commands. `fault`: why something that it wanted to know was not to be had.
pub(super) async fn explain(link: &Link, said: &Said, fault: Option<&TransportError>) -> TransportError {
    // Once keys are exchanged, the server may say what it likes before it lets anybody in.
    if let Some(error) = unreached(said).filter(|_| said.stage < Stage::Reached) {
        return error;
    }
    if said.stage < Stage::Exchanged && said.line_with("Host key verification failed").is_some() {
        return untrusted(link, said).await;
    }
    match said.stage {
        Stage::Begun => not_begun(said),
        Stage::Dialing | Stage::Reached | Stage::Spoken => unmatched(said),
        Stage::Exchanged => refused(link, said, fault).await,
        Stage::LetIn | Stage::Ready => left(said),
    }
}

fn failed(rung: Rung, said: &Said) -> TransportError {
    let words = said.last().unwrap_or("it does not say why");
    error(rung, "openssh-failed", format!("ssh gave up: {words}"), "try `ssh -v` to the same host by hand")
}

/// The server has let us in, and the connection was over before it could be used.
fn left(said: &Said) -> TransportError {
    match (said.parting(), said.telling()) {
        (None, Some(_)) => failed(Rung::Channel, said),
        (why, _) => lost("before the command was sent", why).retriable(),
    }
}

/// The connection is gone.
pub(super) fn lost(when: &str, why: Option<&str>) -> TransportError {
    let why = why.map(|words| format!(": {words}")).unwrap_or_default();
    error(
        Rung::Command,
        "connection-lost",
        format!("the connection was lost {when}{why}"),
        "see whether the host is still up, then run again: what was done is found in place",
    )
}

/// The name, the address, the port.
fn unreached(said: &Said) -> Option<TransportError> {
    if let Some(line) = said.line_with("Could not resolve hostname ") {
        let (_, rest) = line.split_once("hostname ")?;
        let (name, why) = rest.split_once(": ").unwrap_or((rest, "it has no address"));
        return Some(dial::unknown_name(name, why));
    }
    let line = said.line_with("connect to host ").or_else(|| said.line_with("connect to address "))?;
    let (target, why) =
        line.split_once("connect to host ").or_else(|| line.split_once("connect to address "))?.1.rsplit_once(": ")?;
    let known = [
        ("Connection refused", ErrorKind::ConnectionRefused),
        ("Connection reset by peer", ErrorKind::ConnectionReset),
        ("Connection timed out", ErrorKind::TimedOut),
        ("Operation timed out", ErrorKind::TimedOut),
    ];
    let kind = known.iter().find(|(words, _)| *words == why).map(|(_, kind)| *kind);
    Some(match kind {
        Some(ErrorKind::TimedOut) => silent(target, "in time"),
        Some(kind) => dial::unreachable(target, &io::Error::from(kind)),
        None => dial::unreachable(target, &io::Error::other(why.to_owned())),
    })
}

fn silent(target: &str, within: &str) -> TransportError {
    error(
        Rung::Tcp,
        "connect-timeout",
        format!("{target} does not answer {within}"),
        "is the host up, and does a firewall let SSH through? --connect-timeout allows more time",
    )
}

/// It did not get on in time.
pub(super) fn late(link: &Link, said: &Said, via: Option<&Link>) -> TransportError {
    let limit = format!("within {} s", link.connect_timeout.as_secs_f32());
    let target = format!("{} port {}", link.address, link.port);
    match said.stage {
        Stage::Begun => dial::unknown_name(&link.address, &format!("no answer {limit}")),
        Stage::Dialing | Stage::Reached if said.greeting.is_some() => handshake::not_ssh(said.greeting.clone()),
        Stage::Dialing => match via {
            Some(via) => silent(&target, &format!("{} {limit}", via.name)),
            None if said.proxied.is_some() => astray(link, said, &target),
            None => silent(&target, &limit),
        },
        Stage::Reached | Stage::Spoken => error(
            Rung::KeyExchange,
            "connect-timeout",
            format!("the server accepts connections, but exchanges no keys {limit}"),
            "the host may be overloaded, or its sshd frozen; --connect-timeout allows more time",
        ),
        Stage::Exchanged | Stage::LetIn | Stage::Ready => undecided(link, said, patience(link)),
    }
}

/// A proxy command of the user's, or a jump host of his configuration, has not led there.
fn astray(link: &Link, said: &Said, target: &str) -> TransportError {
    let says = said.telling().map(|words| format!("; it says: {words}")).unwrap_or_default();
    error(
        Rung::Tcp,
        "connect-timeout",
        format!(
            "the ProxyJump or ProxyCommand of your ssh configuration has not led to {target} within {} s{says}",
            way(link).as_secs_f32()
        ),
        "try `ssh -v` to the same host by hand, or name the jump hosts in the inventory (ssh.jump): then hactl says which \
         of them is in the way. --connect-timeout allows more time",
    )
}

/// Nothing was decided within this time.
fn undecided(link: &Link, said: &Said, time: Duration) -> TransportError {
    let (user, seconds, tried) = (&link.user, time.as_secs_f32(), said.tried());
    error(
        Rung::Authentication,
        "authentication-timeout",
        format!("the login of {user} was neither accepted nor refused within {seconds} s; tried {tried}"),
        "the host may be waiting for a directory server or for DNS (UseDNS no in sshd_config), or your agent or token \
         for you",
    )
}

/// A jump host has not led on to the host.
pub(super) fn not_opened(via: &Link, target: &str, why: Option<&str>) -> TransportError {
    let target = target
        .rsplit_once(':')
        .map_or_else(|| target.to_owned(), |(host, port)| format!("{} port {port}", host.trim_matches(['[', ']'])));
    match why {
        None => jump::lost(via),
        Some(why) if why.starts_with("administratively prohibited") => jump::forbidden(via, &target),
        Some(_) => jump::unreachable(via, &target),
    }
}

/// It did not get as far as connecting.
fn not_begun(said: &Said) -> TransportError {
    let marks = [" line ", "Bad owner or permissions", "bad configuration options"];
    match marks.iter().find_map(|mark| said.line_with(mark)) {
        Some(line) => error(
            Rung::Tcp,
            "openssh-configuration",
            format!("ssh does not take its configuration: {line}"),
            "mend ~/.ssh/config or /etc/ssh/ssh_config; transport: openssh wants OpenSSH 7.6 or newer",
        ),
        None => failed(Rung::Tcp, said),
    }
}

/// The host is there, and no keys were exchanged.
fn unmatched(said: &Said) -> TransportError {
    let rung = Rung::KeyExchange;
    if let Some(line) = said.line_with("no matching ") {
        let about = line.split_once("no matching ").map_or(line, |(_, about)| about);
        let (kind, theirs) = about.split_once(" found. Their offer: ").unwrap_or((about, "something else"));
        return error(
            rung,
            "no-common-algorithm",
            format!("the server has no {kind} in common with us: it offers {theirs}"),
            "bring the host's OpenSSH up to date, or allow one of ours in its sshd_config",
        );
    }
    let greeting = || said.greeting.clone();
    let foreign =
        ["invalid characters", "invalid format", "Bad remote protocol", "banner line too long", "versions differ"];
    if foreign.iter().any(|words| said.line_with(words).is_some()) {
        return handshake::not_ssh(greeting());
    }
    if said.line_with("timed out during banner exchange").is_some() {
        return match greeting() {
            Some(line) => handshake::not_ssh(Some(line)),
            None => error(
                rung,
                "connect-timeout",
                "the server accepts connections, but exchanges no keys in time",
                "the host may be overloaded, or its sshd frozen; --connect-timeout allows more time",
            ),
        };
    }
    let dropped = ["Received disconnect", "losed by", "Connection closed", "reset by", "Broken pipe"];
    match dropped.iter().find_map(|words| said.line_with(words)) {
        Some(line) if said.proxied.is_none() || said.stage == Stage::Spoken || line.contains("kex_exchange") => {
            handshake::dropped(greeting(), Some(plain(line).to_owned()))
        }
        _ if said.stage == Stage::Dialing => failed(Rung::Tcp, said),
        _ => error(
            rung,
            "handshake-failed",
            format!("keys could not be exchanged: {}", said.last().unwrap_or("ssh does not say why")),
            "try `ssh -v` to the same host; the server's log may say more",
        ),
    }
}

/// The host's key is not to be trusted. `ssh` has judged that; what we read in the same files says more.
async fn untrusted(link: &Link, said: &Said) -> TransportError {
    let general = || failed(Rung::HostKey, said);
    let known = match files::known_hosts(link).await {
        Ok(known) => known,
        Err(error) => return error,
    };
    let Some(shown) = &said.shown else { return general() };
    let Ok(kind) = Algorithm::new(&shown.kind) else { return general() };
    let own = known.check_print(&kind, &shown.fingerprint, shown.authority.as_deref());
    let verdict = match own {
        _ if said.line_with("marked as revoked").is_some() || said.line_with("was revoked").is_some() => match own {
            Verdict::Revoked { .. } => own,
            _ => return general(),
        },
        _ if said.line_with(" has changed").is_some() => match (own, offending(said, &known)) {
            (Verdict::Changed { .. }, Some(recorded)) => Verdict::Changed { recorded },
            (changed @ Verdict::Changed { .. }, None) => changed,
            (_, Some(recorded)) => Verdict::Changed { recorded },
            (_, None) => return general(),
        },
        _ => match (flaw(link, said), shown.authority.as_deref().and_then(|print| known.authority(print))) {
            (Some(flaw), Some(authority)) => Verdict::BadCertificate { authority, flaw },
            _ => match own {
                Verdict::Known => return general(),
                Verdict::NotPinned => own,
                Verdict::Changed { .. } | Verdict::BadCertificate { .. } => Verdict::Unknown { others: Vec::new() },
                own => own,
            },
        },
    };
    refusal(&known, verdict, &shown.kind, &shown.fingerprint).unwrap_or_else(general)
}

/// The line of a file that speaks against the key.
fn offending(said: &Said, known: &KnownHosts) -> Option<Place> {
    let line = said.line_with("Offending ").filter(|line| line.contains(" key in "))?;
    let (file, number) = line.split_once(" key in ")?.1.rsplit_once(':')?;
    let number: usize = number.parse().ok()?;
    Some(known.place(file.as_ref(), number).unwrap_or_else(|| Place {
        file: file.into(),
        line: number,
        fingerprint: "another key".to_owned(),
    }))
}

/// What is wrong with the host's certificate.
fn flaw(link: &Link, said: &Said) -> Option<Flaw> {
    let name = link.host_key_alias.as_ref().unwrap_or(&link.address);
    let line = said.line_with("Certificate ")?;
    let reason = match line.trim_start_matches("Certificate ").trim_start_matches("invalid: ") {
        "name is not a listed principal" => format!("it is not for {name}"),
        "expired" => "it has expired".to_owned(),
        "not yet valid" => "it is not valid yet; is the clock of this machine right?".to_owned(),
        "lacks principal list" => "it names no host".to_owned(),
        other => format!("ssh says: {other}"),
    };
    let hint = format!("have it issued anew for this host: `ssh-keygen -s CA -I NAME -h -n {name} KEY.pub`");
    Some(Flaw { reason, hint })
}

/// Nobody was let in. What could not be used, or was not to be had, is the likelier reason.
async fn refused(link: &Link, said: &Said, fault: Option<&TransportError>) -> TransportError {
    let (user, tried) = (&link.user, said.tried());
    if said.line_with("Too many authentication failures").is_some() {
        return error(
            Rung::Authentication,
            "too-many-authentication-failures",
            format!("the server let {user} try no further; tried {tried}"),
            "name the one right key as ssh.identity and set ssh.agent to false, or raise MaxAuthTries on the host",
        );
    }
    let Some(denied) = said.line_with("Permission denied (") else {
        if said.parting().is_some_and(|words| words.ends_with(" timed out")) {
            return undecided(link, said, SILENCE);
        }
        let words = said.parting().or(said.last()).unwrap_or("without a reason");
        return error(
            Rung::Authentication,
            "authentication-dropped",
            format!("the server hung up during the login of {user}: {words}; tried {tried}"),
            "the server's log says why; it may be shutting down, or turn the user away",
        );
    };
    let takes = denied.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(").")).replace(',', ", ");
    if let Some(fault) = fault {
        let cause = format!("{}; tried {tried}; the server takes {takes}", fault.cause);
        return TransportError { cause, ..fault.clone() };
    }
    for path in &link.identities {
        // What only ssh can read, such as a token's key, is none of our business.
        let complained = said.line_with(&path.display().to_string()).is_some();
        match link.keyring.check(path, link.passphrase.as_ref()).await {
            Err(error) if complained || error.code != "key-file-unreadable" => {
                let cause = format!("{}; tried {tried}; the server takes {takes}", error.cause);
                return TransportError { cause, ..error };
            }
            _ => {}
        }
    }
    error(
        Rung::Authentication,
        "authentication-refused",
        format!("the host does not let {user} in; tried {tried}; the server takes {takes}"),
        "is the public key in the user's ~/.ssh/authorized_keys on the host, and is ssh.user right?",
    )
}
