//! The judgement on the host's key, in words.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::client::{self, DisconnectReason};
use russh::keys::{Algorithm, PublicKeyOrCertificate};

use crate::transport::known_hosts::{KnownHosts, Verdict, fingerprint};
use crate::transport::{Climb, Link, Rung, TransportError};

/// Why a connection has ended, in the server's words or in those of the system.
#[derive(Debug, Clone, Default)]
pub(super) struct Parting(Arc<Mutex<Option<String>>>);

impl Parting {
    fn set(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    /// The reason, where one is known.
    pub(super) fn words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks at the host's key before anything else is said.
pub(super) struct Doorman {
    known: KnownHosts,
    // russh turns a refusal into its own error without a reason, so the reason leaves by this way.
    refusal: Arc<Mutex<Option<TransportError>>>,
    parting: Parting,
    address: String,
    port: u16,
    file: String,
    climb: Climb,
}

impl client::Handler for Doorman {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let (verdict, key) = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => (self.known.check_key(key.key_data()), key.key_data()),
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                (self.known.check_certificate(certificate, now), certificate.public_key())
            }
        };
        self.climb.reached(Rung::KeyExchange, String::new);
        let refusal = self.refuse(verdict, &key.algorithm(), &fingerprint(key));
        let welcome = refusal.is_none();
        if welcome {
            self.climb.reached(Rung::HostKey, || format!("{} {}", kind_of(&key.algorithm()), fingerprint(key)));
        }
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        Ok(welcome)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(said) => {
                self.parting.set(said.message);
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.parting.set(error.to_string());
                Err(error)
            }
        }
    }
}

impl Doorman {
    /// Leaves in `refusal` why it turned a host away, and in `parting` why the connection ended later.
    pub(super) fn new(
        known: KnownHosts,
        link: &Link,
        refusal: Arc<Mutex<Option<TransportError>>>,
        parting: Parting,
    ) -> Self {
        let file = link.known_hosts.first().map_or("a known_hosts file".to_owned(), |file| file.display().to_string());
        let climb = link.climb.clone();
        Self { known, refusal, parting, address: link.address.clone(), port: link.port, file, climb }
    }

    fn refuse(&self, verdict: Verdict, kind: &Algorithm, print: &str) -> Option<TransportError> {
        let name = self.known.name();
        let Self { address, port, .. } = self;
        let kind = kind_of(kind);
        let error = |code, cause: String| TransportError::new(Rung::HostKey, code, cause);
        match verdict {
            Verdict::Known => None,
            Verdict::Unknown { others } => {
                let also = match others.first() {
                    Some(place) => format!("; a key of another kind is recorded in {place}"),
                    None => String::new(),
                };
                Some(
                    error(
                        "host-key-unknown",
                        format!("no known_hosts file has the key of {name}: it shows {kind} {print}{also}"),
                    )
                    .hint(format!(
                        "compare {print} with what `ssh-keygen -lf` prints for the key on the host's console; if it is \
                         the same, add the line that `ssh-keyscan -p {port} -t {} {address}` prints to {}, \
                         under the name {name}",
                        scan_type(kind),
                        self.file
                    )),
                )
            }
            Verdict::Changed { recorded } => Some(
                error(
                    "host-key-changed",
                    format!("{name} shows the {kind} key {print}, but {recorded} is recorded: somebody may be in between"),
                )
                .hint(format!(
                    "ask who runs the host whether its key was renewed; only if it was, remove line {} of {} by hand and \
                     record the new key",
                    recorded.line,
                    recorded.file.display()
                )),
            ),
            Verdict::Revoked { recorded } => Some(
                error(
                    "host-key-revoked",
                    format!("{name} shows a key that is revoked in {recorded}"),
                )
                .hint("the key is no longer secret: give the host a new one, and record that"),
            ),
            Verdict::BadCertificate { authority, reason } => Some(
                error(
                    "host-certificate-refused",
                    format!("{name} shows a certificate of the authority in {authority}, but {reason}"),
                )
                .hint("have the host's certificate issued anew (ssh-keygen -h -s CA -n NAMES)"),
            ),
        }
    }
}

/// What known_hosts files call a kind of key.
fn kind_of(kind: &Algorithm) -> &str {
    match kind {
        Algorithm::Rsa { .. } => "ssh-rsa",
        other => other.as_str(),
    }
}

/// What `ssh-keyscan -t` calls a kind of key.
fn scan_type(kind: &str) -> &str {
    match kind {
        "ssh-ed25519" => "ed25519",
        "ssh-rsa" => "rsa",
        kind if kind.starts_with("ecdsa") => "ecdsa",
        other => other,
    }
}
