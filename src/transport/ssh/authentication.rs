//! Proving who we are: the agent's keys, key files, certificates, the password.

mod password;
mod questions;
mod refusals;
mod signing;

use std::path::PathBuf;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, PublicKey};
use russh::{MethodKind, MethodSet};
use tokio::time::timeout;

use super::agent::Agent;
use super::algorithms::takes_key;
use super::candidates::{Candidate, Possessions, Rank, What};
use super::handshake::rsa_hash;
use super::host_key::{Doorman, Parting};
use super::keyring::Opening;
use super::keys::KeyFile;
use super::{candidates, certificates};
use crate::transport::{Link, TransportError};
use signing::{Signatory, Unable};

/// How many refusals we let it come to. OpenSSH hangs up at the sixth (`MaxAuthTries`), and counts a password like a key.
const REFUSALS: usize = 5;

/// How long all of it may take where a person may have to do something, such as to touch a token.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a login has ended that was not refused.
pub(super) enum Entry {
    /// We are in.
    In,
    /// The server would take the key in this file, which a passphrase must open first.
    Locked(PathBuf),
}

/// How many times as long as a connection a login may take: a server may look names up or ask a directory.
pub(in crate::transport) const LOGIN: u32 = 6;

/// Logs in.
///
/// # Errors
/// When nothing that we have is accepted; says what was tried.
pub(super) async fn authenticate(
    link: &Link,
    handle: &mut Handle<Doorman>,
    parting: &Parting,
) -> Result<Entry, TransportError> {
    let mut login = Login {
        link,
        handle,
        parting,
        refusals: 0,
        greetings: None,
        tried: Vec::new(),
        offered: Vec::new(),
        refused_certificates: Vec::new(),
        faults: Vec::new(),
        wants: None,
    };
    let with_person = link.agent || link.password.is_some();
    let patience = (link.connect_timeout * LOGIN).max(if with_person { PATIENCE } else { Duration::ZERO });
    match timeout(patience, login.run()).await {
        Ok(Ok(Some(entry))) => Ok(entry),
        Ok(Ok(None)) => Err(login.refused()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(login.late(patience)),
    }
}

struct Login<'a> {
    link: &'a Link,
    handle: &'a mut Handle<Doorman>,
    parting: &'a Parting,
    /// How often the server has said no, by its own way of counting.
    refusals: usize,
    /// How many banners came before its first answer. They greet everybody; later ones are about us.
    greetings: Option<usize>,
    tried: Vec<String>,
    /// The bare keys that the server has seen.
    offered: Vec<KeyData>,
    refused_certificates: Vec<Certificate>,
    /// What could not be used, or not as it should.
    faults: Vec<TransportError>,
    /// What the server said that it takes, once it has refused something.
    wants: Option<MethodSet>,
}

impl Login<'_> {
    async fn run(&mut self) -> Result<Option<Entry>, TransportError> {
        let mut own = self.possessions().await;
        let all = own.candidates(self.link, &mut self.faults);
        let entry = self.keys(&mut own, &all).await?;
        if entry.is_some() {
            return Ok(entry);
        }
        if let Some(password) = self.link.password.clone()
            && self.password(&password).await?
        {
            return Ok(Some(Entry::In));
        }
        if self.wants.is_none() {
            // Some servers know us by where we come from. The others say at least what they want to see.
            let result = self.handle.authenticate_none(self.link.user.as_str()).await;
            return Ok(self.checked(result)?.then_some(Entry::In));
        }
        Ok(None)
    }

    /// What the user has: looked at on this side alone.
    async fn possessions(&mut self) -> Possessions {
        let link = self.link;
        let agent = match link.agent {
            true => Agent::ask(self.handle, link.agent_socket.as_deref()).await,
            false => Err(""),
        };
        let agent = agent.map_err(|why| self.tried.extend((!why.is_empty()).then(|| why.to_owned()))).ok();
        let (mut files, mut configured) = (Vec::new(), 0);
        for (index, path) in link.identities.iter().chain(&link.usual_identities).enumerate() {
            match KeyFile::read(path).await {
                Ok(file) => {
                    files.push(file);
                    configured += usize::from(index < link.identities.len());
                }
                Err(fault) => {
                    self.tried.push(format!("{} (not usable)", path.display()));
                    self.faults.push(fault);
                }
            }
        }
        let mut named = Vec::new();
        for path in &link.certificates {
            match certificates::read(path).await {
                Ok(certificate) => named.push(certificate),
                Err(fault) => self.faults.push(fault),
            }
        }
        Possessions { agent, files, configured, certificates: named }
    }

    /// Offers the keys, until one is taken or there is no more room.
    async fn keys(&mut self, own: &mut Possessions, all: &[Candidate]) -> Result<Option<Entry>, TransportError> {
        // The password is to be the last try that the server counts, not one too many.
        let room = REFUSALS - usize::from(self.link.password.is_some());
        let after_the_agents = all.iter().filter(|one| matches!(one.rank, Rank::Usual | Rank::Locked)).count();
        let held = all.iter().filter(|one| one.rank == Rank::Held).count();
        let mut shown = 0;
        let mut entry = None;
        for candidate in all {
            // An agent full of other servers' keys must leave room for the files that it does not hold.
            let room = match candidate.rank {
                Rank::Held => room.saturating_sub(after_the_agents).max(1),
                _ => room,
            };
            if !self.takes(MethodKind::PublicKey) {
                break;
            }
            if self.refusals >= room {
                if candidate.rank != Rank::Held {
                    self.tried.push(format!("{} (not offered, too many keys)", candidate.name));
                }
                continue;
            }
            shown += usize::from(candidate.rank == Rank::Held);
            entry = self.offer(own, candidate).await?;
            if entry.is_some() {
                break;
            }
        }
        if let Some(agent) = own.agent.as_ref().filter(|_| held > 0 || all.is_empty()) {
            let keys = if shown == 1 { "key" } else { "keys" };
            let left = if self.link.identities_only { agent.held.len() } else { held - shown };
            self.tried.push(match left {
                0 => format!("agent ({shown} {keys})"),
                left => format!("agent ({shown} {keys}, {left} not offered)"),
            });
        }
        Ok(entry)
    }

    async fn offer(&mut self, own: &mut Possessions, candidate: &Candidate) -> Result<Option<Entry>, TransportError> {
        let path = candidates::path_of(own, &candidate.hand);
        if candidate.rank != Rank::Held {
            self.tried.push(candidate.name.clone());
        }
        let Some(mut signatory) = Signatory::new(self.link, self.parting, own, &candidate.hand) else {
            return Ok(None);
        };
        let what = match &candidate.what {
            What::Unknown => match signatory.open().await {
                Ok(Opening::Open(key)) => What::Key(key.public_key().clone()),
                Ok(Opening::Askable) => return Ok(path.map(Entry::Locked)),
                Err(fault) => {
                    self.faults.push(fault);
                    return Ok(None);
                }
            },
            known => known.clone(),
        };
        let wanted = &self.link.options.algorithms;
        let wanted = match &what {
            What::Key(key) => takes_key(wanted, &key.algorithm(), false),
            What::Certificate(certificate) => takes_key(wanted, &certificate.public_key().algorithm(), true),
            What::Unknown => true,
        };
        if !wanted {
            self.tried.push(format!("{} (not among PubkeyAcceptedAlgorithms)", candidate.name));
            return Ok(None);
        }
        let user = self.link.user.as_str();
        let result = match what {
            What::Key(key) => {
                if self.offered.contains(key.key_data()) {
                    return Ok(None);
                }
                self.offered.push(key.key_data().clone());
                let hash = self.hash(&key).await;
                // Without its comment, which nobody compares.
                let key = PublicKey::from(key.key_data().clone());
                self.handle.authenticate_publickey_with(user, key, hash, &mut signatory).await
            }
            What::Certificate(certificate) => {
                let hash = self.hash(&certificate.public_key().clone().into()).await;
                let shown = (*certificate).clone();
                let result = self.handle.authenticate_certificate_with(user, shown, hash, &mut signatory).await;
                if matches!(result, Ok(AuthResult::Failure { partial_success: false, .. })) {
                    self.refused_certificates.push(*certificate);
                }
                result
            }
            What::Unknown => return Ok(None),
        };
        self.greetings = self.greetings.or(signatory.greetings);
        match result {
            Ok(result) => Ok(self.judge(result)?.then_some(Entry::In)),
            Err(Unable::Gone) => Err(self.hung_up()),
            Err(_) if self.handle.is_closed() => Err(self.hung_up()),
            Err(Unable::Locked) => Ok(path.map(Entry::Locked)),
            Err(Unable::Fault(fault)) => {
                self.faults.push(fault);
                Ok(None)
            }
            Err(Unable::Agent(why)) => {
                self.faults.push(refusals::unsigned(&candidate.name, why));
                Ok(None)
            }
        }
    }

    async fn hash(&self, key: &PublicKey) -> Option<russh::keys::HashAlg> {
        match key.algorithm().is_rsa() {
            true => rsa_hash(self.handle).await,
            false => None,
        }
    }

    /// Is it worth trying this? Yes, unless the server has said otherwise.
    fn takes(&self, method: MethodKind) -> bool {
        self.wants.as_ref().is_none_or(|wants| wants.contains(&method))
    }

    fn checked(&mut self, result: Result<AuthResult, russh::Error>) -> Result<bool, TransportError> {
        match result {
            Ok(result) => self.judge(result),
            Err(_) => Err(self.hung_up()),
        }
    }

    fn judge(&mut self, result: AuthResult) -> Result<bool, TransportError> {
        match result {
            AuthResult::Success => Ok(true),
            AuthResult::Failure { remaining_methods, partial_success } => {
                // russh reports a connection that has ended as a refusal that leaves nothing to try.
                if remaining_methods.is_empty() && self.handle.is_closed() {
                    return Err(self.hung_up());
                }
                self.answered(remaining_methods, partial_success);
                Ok(false)
            }
        }
    }

    /// The server has said what it still wants.
    fn answered(&mut self, remaining: MethodSet, partial_success: bool) {
        self.refusals += usize::from(!partial_success);
        self.greetings.get_or_insert(self.parting.banners());
        self.wants = Some(remaining);
    }
}
