//! The judgement on the host's key, in words.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::client::{self, ChannelOpenHandle, DisconnectReason, Msg, Session};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, ChannelOpenFailure};

use super::asking::Ask;
use super::guard::Guard;
use crate::transport::heard::heard;
use crate::transport::host_key::{HostKey, Standing};
use crate::transport::known_hosts::{KnownHosts, Verdict, fingerprint};
use crate::transport::{Climb, Rung, TransportError};

/// What a server says besides its answers: why a connection has ended, in its words or in those of the system, and its
/// banners.
#[derive(Debug, Clone)]
pub(super) struct Parting {
    said: Arc<Mutex<Said>>,
    pub(super) guard: Arc<Guard>,
}

#[derive(Debug, Default)]
struct Said {
    last: Option<String>,
    banner: Option<String>,
    banners: usize,
}

impl Parting {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        Self { said: Arc::default(), guard }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reason, where one is known.
    pub(super) fn words(&self) -> Option<String> {
        self.said().last.clone().filter(|words| !words.is_empty())
    }

    /// How many banners there were during the login.
    pub(super) fn banners(&self) -> usize {
        self.said().banners
    }

    /// The beginning of the last of them, in one line.
    pub(super) fn banner(&self) -> Option<String> {
        self.said().banner.clone()
    }
}

/// The key that the server has shown.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub(super) key: HostKey,
    /// How the server may be asked for another one, where this one will not do.
    pub(super) again: Option<Ask>,
}

/// Looks at the host's key before anything else is said.
pub(super) struct Doorman {
    known: KnownHosts,
    ask: Ask,
    // russh turns a refusal into its own error without a reason, so the reason leaves by this way.
    sight: Arc<Mutex<Option<Sight>>>,
    parting: Parting,
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
        let is_certificate = matches!(shown, PublicKeyOrCertificate::Certificate(_));
        let again = self.ask.again(&verdict, &key.algorithm(), is_certificate && self.known.has_key());
        let key = self.judge(verdict, key);
        let welcome = key.standing == Standing::Known && !self.ask.only_look;
        if welcome {
            self.climb.reached(Rung::HostKey, || format!("{} {}", key.kind, key.fingerprint));
        }
        *self.sight.lock().unwrap_or_else(PoisonError::into_inner) = Some(Sight { key, again });
        Ok(welcome)
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), russh::Error> {
        let mut said = self.parting.said();
        said.banners += 1;
        said.banner = Some(heard(banner)).filter(|text| !text.is_empty());
        Ok(())
    }

    async fn data(&mut self, _: ChannelId, data: &[u8], _: &mut Session) -> Result<(), russh::Error> {
        self.parting.guard.delivered(data.len());
        Ok(())
    }

    async fn extended_data(&mut self, _: ChannelId, _: u32, data: &[u8], _: &mut Session) -> Result<(), russh::Error> {
        self.parting.guard.delivered(data.len());
        Ok(())
    }

    // russh would accept them. We have asked for nothing that a server could open a channel for.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }
    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        refuse_channel(reply).await
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(said) => {
                self.parting.said().last = Some(heard(&said.message));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.parting.said().last = Some(heard(&error.to_string()));
                Err(error)
            }
        }
    }
}

/// What is wrong with a key that another program has shown to be in the way; `None` for a key that is known.
pub(in crate::transport) fn refusal(
    known: KnownHosts,
    verdict: Verdict,
    kind: &str,
    print: &str,
) -> Option<TransportError> {
    let parting = Parting::new(Arc::default());
    Doorman::new(known, Ask::default(), Arc::default(), parting, Climb::default()).refuse(verdict, kind, print)
}

async fn refuse_channel(reply: ChannelOpenHandle) -> Result<(), russh::Error> {
    reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
    Ok(())
}

impl Doorman {
    /// Leaves in `sight` what it saw, and in `parting` why the connection ended later.
    pub(super) fn new(
        known: KnownHosts,
        ask: Ask,
        sight: Arc<Mutex<Option<Sight>>>,
        parting: Parting,
        climb: Climb,
    ) -> Self {
        Self { known, ask, sight, parting, climb }
    }

    fn judge(&self, verdict: Verdict, key: &KeyData) -> HostKey {
        let print = fingerprint(key);
        let kind = match key.algorithm() {
            Algorithm::Rsa { .. } => "ssh-rsa".to_owned(),
            other => other.to_string(),
        };
        let recordable = matches!(&verdict, Verdict::Unknown { others } if others.is_empty());
        let standing = match self.refuse(verdict, &kind, &print) {
            None => Standing::Known,
            Some(error) if recordable => Standing::Unknown(error),
            Some(error) => Standing::Refused(error),
        };
        // A key that came over the wire can be written again.
        let line = PublicKey::new(key.clone(), "").to_openssh().unwrap_or_default();
        HostKey { name: self.known.name().to_owned(), kind, fingerprint: print, line, standing }
    }

    fn refuse(&self, verdict: Verdict, kind: &str, print: &str) -> Option<TransportError> {
        let name = self.known.name();
        let error = |code, cause: String| TransportError::new(Rung::HostKey, code, cause);
        // The same words for every host, so that they are told once.
        let compare = "what `ssh-keygen -lf` prints on the host's own console for its /etc/ssh/ssh_host_*_key.pub";
        match verdict {
            Verdict::Known => None,
            Verdict::Unknown { others } => Some(match others.first() {
                None => {
                    let cause = format!("no known_hosts file has the key of {name}: it shows {kind} {print}");
                    error("host-key-unknown", cause).hint(format!(
                        "`hactl hosts trust` shows all unknown keys and records them; compare each with {compare}"
                    ))
                }
                // It was asked for that kind first, and has none.
                Some(place) => {
                    let cause = format!(
                        "{name} shows the {kind} key {print}, and no longer one of the kind recorded in {place}"
                    );
                    error("host-key-changed", cause).hint(format!(
                        "compare {print} with {compare}; only if it is the same, remove line {} of {} by hand, then run \
                         `hactl hosts trust`",
                        place.line,
                        place.file.display()
                    ))
                }
            }),
            Verdict::NotPinned => {
                let cause = format!(
                    "{name} shows the {kind} key {print}, but the inventory pins {}: somebody may be in between",
                    self.known.pins().join(", ")
                );
                let hint = format!(
                    "compare {print} with {compare}; only if the host's key was renewed, change `host_keys` in the inventory"
                );
                Some(error("host-key-not-pinned", cause).hint(hint))
            }
            Verdict::Changed { recorded } => {
                let cause = format!(
                    "{name} shows the {kind} key {print}, but {recorded} is recorded: somebody may be in between"
                );
                let file = recorded.file.display();
                Some(error("host-key-changed", cause).hint(format!(
                    "compare {print} with {compare}, and ask who runs the host whether its key was renewed; only if it \
                     was, remove line {} of {file} by hand (`ssh-keygen -f {file} -R '{name}'` removes all of the host's), \
                     then run `hactl hosts trust`",
                    recorded.line
                )))
            }
            Verdict::Revoked { recorded } => Some(
                error("host-key-revoked", format!("{name} shows a key that is revoked in {recorded}"))
                    .hint("the key is no longer secret: give the host a new one, and record that"),
            ),
            Verdict::BadCertificate { authority, flaw } => {
                let cause = format!("{name} shows a certificate of the authority in {authority}, but {}", flaw.reason);
                Some(error("host-certificate-refused", cause).hint(flaw.hint))
            }
        }
    }
}
