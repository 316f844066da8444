//! What a server shows and says of its own accord: its key, banners, last words, and channels that nobody asked for.

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
use crate::transport::known_hosts::{KnownHosts, Verdict, fingerprint, refusal};
use crate::transport::{Climb, Rung};

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

/// Ways in for a server, each of which is closed: what russh hands over besides the channel and the session.
macro_rules! refuse_channels {
    ($($way:ident($($what:ty),*);)*) => {$(
        async fn $way(
            &mut self,
            _: Channel<Msg>,
            $(_: $what,)*
            reply: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), russh::Error> {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            Ok(())
        }
    )*};
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
    refuse_channels! {
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_agent_forward();
        server_channel_open_session();
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_direct_streamlocal(&str);
        server_channel_open_x11(&str, u32);
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
        let standing = match refusal(&self.known, verdict, &kind, &print) {
            None => Standing::Known,
            Some(error) if recordable => Standing::Unknown(error),
            Some(error) => Standing::Refused(error),
        };
        // A key that came over the wire can be written again.
        let line = PublicKey::new(key.clone(), "").to_openssh().unwrap_or_default();
        HostKey { name: self.known.name().to_owned(), kind, fingerprint: print, line, standing }
    }
}
