//! How a server is asked for its key. It has several and shows one: where that one will not do, another may.

use std::sync::Arc;

use russh::keys::Algorithm;

use super::algorithms::key_kinds;
use super::host_key::Sight;
use super::proxy_command::State;
use super::{Opened, attempt};
use crate::transport::host_key::{HostKey, Standing};
use crate::transport::known_hosts::{Verdict, same_kind};
use crate::transport::person::Turn;
use crate::transport::{Link, Rung, TransportError};

/// How a server is asked for its key.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    /// Look at the key and go away.
    pub(super) only_look: bool,
    /// Ask for no certificate.
    pub(super) plain: bool,
    /// The kinds of keys that were shown before.
    seen: Vec<Algorithm>,
    /// The right to ask a person what the server asks.
    pub(super) turn: Option<Arc<Turn>>,
}

impl Ask {
    /// For whoever lives as long as the connection: the right to ask ends with the login.
    pub(super) fn without_turn(&self) -> Self {
        Self { turn: None, ..self.clone() }
    }

    /// Is this a kind of key that was not shown before?
    pub(super) fn wants(&self, kind: &Algorithm) -> bool {
        !self.seen.iter().any(|seen| same_kind(seen, kind))
    }

    /// How to ask for another key after this one; `None` when no other could do better. `instead_of_certificate`: a
    /// certificate was shown, but a key is recorded too.
    pub(super) fn again(&self, verdict: &Verdict, kind: &Algorithm, instead_of_certificate: bool) -> Option<Self> {
        match verdict {
            // The server may have the recorded key, and did not show it because a certificate was asked for first.
            Verdict::Unknown { .. } | Verdict::BadCertificate { .. } if instead_of_certificate => {
                Some(Self { plain: true, ..self.clone() })
            }
            // Of a pinned key, the kind is not known: each is asked for in turn.
            Verdict::NotPinned => {
                let mut next = self.clone();
                next.seen.push(kind.clone());
                Some(next).filter(|next| key_kinds().iter().any(|kind| next.wants(kind)))
            }
            _ => None,
        }
    }
}

/// Why we did not get in.
#[derive(Debug)]
pub(super) struct Failed {
    error: TransportError,
    sight: Option<Sight>,
}

impl Failed {
    /// With the host's key at fault, that is the reason; else `error`.
    pub(super) fn new(error: TransportError, sight: Option<Sight>) -> Box<Self> {
        let refusal = sight.as_ref().and_then(|sight| sight.key.standing.error()).cloned();
        Box::new(Self { error: refusal.unwrap_or(error), sight })
    }

    /// As the command that carried the connection explains it.
    pub(super) async fn explained(mut self: Box<Self>, by: &State) -> Box<Self> {
        self.error = by.explain(self.error.clone()).await;
        self
    }

    /// Does the server only have no other key than those that it has shown?
    fn is_last(&self) -> bool {
        self.error.rung == Rung::HostKey || self.error.code == "no-common-algorithm"
    }
}

impl From<TransportError> for Box<Failed> {
    fn from(error: TransportError) -> Self {
        Self::new(Failed { error, sight: None })
    }
}

/// One try to get in; the server is asked for each of its keys that could be the right one.
pub(super) async fn open(link: &Link, turn: Option<Arc<Turn>>) -> Result<Opened, TransportError> {
    let mut ask = Ask { turn, ..Ask::default() };
    let mut first: Option<TransportError> = None;
    loop {
        let failed = match attempt(link, &ask).await {
            Ok(opened) => return Ok(opened),
            Err(failed) => failed,
        };
        match failed.sight.as_ref().and_then(|sight| sight.again.clone()) {
            Some(next) => {
                first.get_or_insert(failed.error);
                ask = Ask { turn: ask.turn, ..next };
            }
            None if failed.is_last() => return Err(first.unwrap_or(failed.error)),
            None => return Err(failed.error),
        }
    }
}

/// The key that a server shows to whoever asks as [`open`] does. Nobody logs in there.
pub(in crate::transport) async fn look(link: &Link) -> Result<HostKey, TransportError> {
    let mut ask = Ask { only_look: true, ..Ask::default() };
    let mut first: Option<HostKey> = None;
    loop {
        let failed = match attempt(link, &ask).await {
            // The doorman turns away everybody who only looks.
            Ok(_) => {
                let cause = "the server's key was not looked at";
                return Err(TransportError::new(Rung::HostKey, "handshake-failed", cause));
            }
            Err(failed) => failed,
        };
        let is_last = failed.is_last();
        match (failed.sight, first.take()) {
            (Some(Sight { key, again: Some(next) }), before) => {
                first = before.or(Some(key));
                ask = next;
            }
            (Some(Sight { key, again: None }), before) => {
                return Ok(before.filter(|_| key.standing != Standing::Known).unwrap_or(key));
            }
            (None, Some(before)) if is_last => return Ok(before),
            (None, _) => return Err(failed.error),
        }
    }
}
