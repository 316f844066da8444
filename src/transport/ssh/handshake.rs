//! Key exchange.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, Config, Handle};
use russh::keys::{Algorithm, HashAlg};
use russh::{Preferred, SshId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::ahead::GREETING;
use super::asking::{Ask, Failed};
use super::guard::{Guard, Hold, guarded};
use super::host_key::{Doorman, Parting};
use super::{algorithms, files};
use crate::transport::heard::heard;
use crate::transport::known_hosts::KnownHosts;
use crate::transport::{Keepalive, Link, Rung, TransportError};

/// A server that hangs up at once says nothing about why.
const DROPPED: &str = "too many may be logging in at once: lower --concurrency, or raise MaxStartups in the host's sshd_config; \
                       or it is no SSH server that answers there: check ssh.port";

const LOOK: &str = "try `ssh -v` to the same host; the server's log may say more";

/// A server is asked this rarely at most where output is handed on as slowly as somebody reads it: an answer may be behind
/// a lot of that.
const PATIENT_KEEPALIVE: Duration = Duration::from_secs(15);
const PATIENT_KEEPALIVES: usize = 8;

/// What waits in memory of each channel then: packets of up to 32 KiB, and the bytes that a server may send ahead.
const STREAM_BUFFER: usize = 16;
const STREAM_WINDOW: u32 = 256 * 1024;

/// Bounds what the keepalive does not: an exchange of keys that was given up, and a socket that takes no more bytes.
const INACTIVITY: Duration = Duration::from_secs(60);

/// Exchanges keys over `stream`, which may be a TCP connection or a channel through another host.
///
/// # Errors
/// When no algorithm is common, the host's key is not to be trusted, or the server hangs up or does not answer.
pub(super) async fn handshake<S>(
    link: &Link,
    stream: S,
    ask: &Ask,
) -> Result<(Handle<Doorman>, Parting, Hold), Box<Failed>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let known = files::known_hosts(link).await?;
    let config = Arc::new(config(link, &known, ask));
    let sight = Arc::new(Mutex::new(None));
    let (stream, guard, hold) = guarded(stream);
    let parting = Parting::new(Arc::clone(&guard));
    let doorman = Doorman::new(known, ask.clone(), Arc::clone(&sight), parting.clone(), link.climb.clone());
    match timeout(link.connect_timeout, client::connect_stream(config, stream, doorman)).await {
        Ok(Ok(handle)) => Ok((handle, parting, hold)),
        Ok(Err(error)) => {
            let sight = sight.lock().unwrap_or_else(PoisonError::into_inner).take();
            let sight = sight.filter(|_| matches!(error, russh::Error::UnknownKey));
            let flood = guard.flood(Rung::KeyExchange);
            Err(Failed::new(flood.unwrap_or_else(|| failed(&error, &parting, &guard)), sight))
        }
        Err(_) => Err(TransportError::new(
            Rung::KeyExchange,
            "connect-timeout",
            format!(
                "the server accepts connections, but exchanges no keys within {} s",
                link.connect_timeout.as_secs_f32()
            ),
        )
        .hint("the host may be overloaded, or its sshd frozen; --connect-timeout allows more time")
        .into()),
    }
}

fn config(link: &Link, known: &KnownHosts, ask: &Ask) -> Config {
    let (kinds, certificates) = algorithms::host_keys(&link.options.algorithms);
    let still = |kinds: Vec<Algorithm>| kinds.into_iter().filter(|kind| ask.wants(kind)).collect::<Vec<_>>();
    let key = known.prefer(&still(kinds));
    let certificates = match known.has_authority() && !ask.plain {
        true => known.prefer(&still(certificates)),
        false => Vec::new(),
    };
    let Keepalive { mut interval, mut count } = link.options.keepalive;
    if link.streams {
        (interval, count) = (interval.max(PATIENT_KEEPALIVE), count.max(PATIENT_KEEPALIVES));
    }
    // Silence alone must not end what is still being asked about.
    let asked = interval.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX).saturating_add(2));
    Config {
        client_id: SshId::Standard(Cow::Borrowed(GREETING)),
        preferred: Preferred {
            key: Cow::Owned(key),
            host_key_certificates: Cow::Owned(certificates),
            ..algorithms::preferred(&link.options.algorithms)
        },
        nodelay: true,
        keepalive_interval: Some(interval),
        keepalive_max: count,
        // While a slow reader makes us wait, nothing is heard of a server that is well.
        inactivity_timeout: (!link.streams).then(|| INACTIVITY.max(asked)),
        // A window of messages must fit into the channel's buffer, or a slow reader stalls the connection.
        channel_buffer_size: if link.streams { STREAM_BUFFER } else { 256 },
        window_size: if link.streams { STREAM_WINDOW } else { Config::default().window_size },
        ..Config::default()
    }
}

fn failed(error: &russh::Error, parting: &Parting, guard: &Guard) -> TransportError {
    let new = |code, cause: String| TransportError::new(Rung::KeyExchange, code, cause);
    match error {
        russh::Error::NoCommonAlgo { kind, ours, theirs } => new(
            "no-common-algorithm",
            format!(
                "the server has no {} in common with us: it offers {}, we {}",
                format!("{kind:?}").to_lowercase(),
                heard(&theirs.join(", ")),
                ours.join(", ")
            ),
        )
        .hint("bring the host's OpenSSH up to date, or allow one of ours in its sshd_config"),
        russh::Error::Version => not_ssh(guard.greeting()),
        // It is we who hung up, at a packet that is none.
        russh::Error::Disconnect if guard.is_ssh() && parting.words().is_none() => {
            new("handshake-failed", "keys could not be exchanged: the server breaks the rules of SSH".to_owned())
                .hint(LOOK)
        }
        russh::Error::Disconnect | russh::Error::HUP => dropped(guard.greeting(), parting.words()),
        russh::Error::IO(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
            ) =>
        {
            dropped(guard.greeting(), Some(error.to_string()))
        }
        other => new("handshake-failed", format!("keys could not be exchanged: {other}")).hint(LOOK),
    }
}

/// Something else answers there, and this was its first line.
pub(in crate::transport) fn not_ssh(greeting: Option<String>) -> TransportError {
    let says = greeting.map(|line| format!(": it says `{line}`")).unwrap_or_default();
    let cause = format!("what answers there is not an SSH server{says}");
    TransportError::new(Rung::KeyExchange, "not-ssh", cause).hint("check the address and ssh.port in the inventory")
}

/// The server hung up. sshd does so with whoever comes while too many others are logging in (MaxStartups), or who has
/// failed too often (PerSourcePenalties): without a word, or with one of these before its version.
pub(in crate::transport) fn dropped(greeting: Option<String>, why: Option<String>) -> TransportError {
    let sshd_says = |line: &String| line.starts_with("Exceeded MaxStartups") || line.starts_with("Not allowed at this");
    let why = match greeting {
        Some(line) if sshd_says(&line) => Some(line),
        Some(line) => return not_ssh(Some(line)),
        None => why,
    };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let cause = format!("the server hung up before keys were exchanged{why}");
    TransportError::new(Rung::KeyExchange, "handshake-dropped", cause).hint(DROPPED).retriable()
}

/// The hash for an RSA key's signature, by what the server says it takes.
pub(super) async fn rsa_hash(handle: &Handle<Doorman>) -> Option<HashAlg> {
    match handle.best_supported_rsa_hash().await {
        Ok(Some(hash)) => hash,
        // It says nothing: all servers of the last ten years take this one.
        _ => Some(HashAlg::Sha256),
    }
}
