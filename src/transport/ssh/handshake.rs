//! Key exchange.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::Preferred;
use russh::client::{self, Config, Handle};
use russh::keys::{Algorithm, HashAlg};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::asking::{Ask, Failed};
use super::host_key::{Doorman, Parting};
use super::{algorithms, files};
use crate::transport::known_hosts::KnownHosts;
use crate::transport::{Keepalive, Link, Rung, TransportError};

/// A server that hangs up at once says nothing about why.
const DROPPED: &str = "too many may be logging in at once: lower --concurrency, or raise MaxStartups in the host's sshd_config; \
                       or it is no SSH server that answers there: check ssh.port";

/// Bounds what the keepalive does not: an exchange of keys that was given up, and a socket that takes no more bytes.
const INACTIVITY: Duration = Duration::from_secs(60);

/// Exchanges keys over `stream`, which may be a TCP connection or a channel through another host.
///
/// # Errors
/// When no algorithm is common, the host's key is not to be trusted, or the server hangs up or does not answer.
pub(super) async fn handshake<S>(link: &Link, stream: S, ask: &Ask) -> Result<(Handle<Doorman>, Parting), Box<Failed>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let known = files::known_hosts(link).await?;
    let config = Arc::new(config(link, &known, ask));
    let sight = Arc::new(Mutex::new(None));
    let parting = Parting::default();
    let doorman = Doorman::new(known, ask.clone(), Arc::clone(&sight), parting.clone(), link.climb.clone());
    match timeout(link.connect_timeout, client::connect_stream(config, stream, doorman)).await {
        Ok(Ok(handle)) => Ok((handle, parting)),
        Ok(Err(error)) => {
            let sight = sight.lock().unwrap_or_else(PoisonError::into_inner).take();
            let sight = sight.filter(|_| matches!(error, russh::Error::UnknownKey));
            Err(Failed::new(failed(&error, &parting), sight))
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
    let Keepalive { interval, count } = link.options.keepalive;
    // Silence alone must not end what is still being asked about.
    let asked = interval.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX).saturating_add(2));
    Config {
        preferred: Preferred {
            key: Cow::Owned(key),
            host_key_certificates: Cow::Owned(certificates),
            ..algorithms::preferred(&link.options.algorithms)
        },
        nodelay: true,
        keepalive_interval: Some(interval),
        keepalive_max: count,
        inactivity_timeout: Some(INACTIVITY.max(asked)),
        // A window of messages must fit into the channel's buffer, or a slow reader stalls the connection.
        channel_buffer_size: 256,
        ..Config::default()
    }
}

fn failed(error: &russh::Error, parting: &Parting) -> TransportError {
    let new = |code, cause: String| TransportError::new(Rung::KeyExchange, code, cause);
    match error {
        russh::Error::NoCommonAlgo { kind, ours, theirs } => new(
            "no-common-algorithm",
            format!(
                "the server has no {} in common with us: it offers {}, we {}",
                format!("{kind:?}").to_lowercase(),
                theirs.join(", "),
                ours.join(", ")
            ),
        )
        .hint("bring the host's OpenSSH up to date, or allow one of ours in its sshd_config"),
        russh::Error::Version => {
            new("not-ssh", "what answers there is not an SSH server".to_owned()).hint("check ssh.port in the inventory")
        }
        // sshd hangs up on whoever comes while too many others are logging in (MaxStartups).
        russh::Error::Disconnect | russh::Error::HUP => new(
            "handshake-dropped",
            match parting.words() {
                Some(words) => format!("the server hung up before keys were exchanged: {words}"),
                None => "the server hung up before keys were exchanged".to_owned(),
            },
        )
        .hint(DROPPED)
        .retriable(),
        russh::Error::IO(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
            ) =>
        {
            new("handshake-dropped", format!("the server hung up before keys were exchanged: {error}"))
                .hint(DROPPED)
                .retriable()
        }
        other => new("handshake-failed", format!("keys could not be exchanged: {other}"))
            .hint("try `ssh -v` to the same host; the server's log may say more"),
    }
}

/// The hash for an RSA key's signature, by what the server says it takes.
pub(super) async fn rsa_hash(handle: &Handle<Doorman>) -> Option<HashAlg> {
    match handle.best_supported_rsa_hash().await {
        Ok(Some(hash)) => hash,
        // It says nothing: all servers of the last ten years take this one.
        _ => Some(HashAlg::Sha256),
    }
}
