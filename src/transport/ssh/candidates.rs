//! The keys and certificates that may be offered, in the order in which they are.

use std::path::PathBuf;

use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, PublicKey};

use super::agent::Agent;
use super::certificates::describe;
use super::keys::{KeyFile, Private, error};
use crate::transport::heard::heard;
use crate::transport::{Link, TransportError};

/// One thing to offer, and who signs for it.
pub(super) struct Candidate {
    pub(super) what: What,
    pub(super) hand: Hand,
    /// What it is called where an error lists what was tried.
    pub(super) name: String,
    pub(super) rank: Rank,
}

/// Why something is offered; in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Somebody named it.
    Wanted,
    /// The agent happens to hold it.
    Held,
    /// It is one of the usual files.
    Usual,
    /// It must be opened before it can be offered.
    Locked,
}

/// What the server gets to see.
#[derive(Clone)]
pub(super) enum What {
    Key(PublicKey),
    Certificate(Box<Certificate>),
    /// The public half is inside the encrypted file.
    Unknown,
}

/// Who signs.
pub(super) enum Hand {
    Agent(Box<AgentIdentity>),
    File(usize),
}

/// Everything of the user's own that a login may use.
pub(super) struct Possessions {
    pub(super) agent: Option<Agent>,
    pub(super) files: Vec<KeyFile>,
    /// How many of the files were configured; the others are the usual ones.
    pub(super) configured: usize,
    pub(super) certificates: Vec<Certificate>,
}

impl Possessions {
    /// Puts in order what there is. What cannot be used is told in `faults`.
    pub(super) fn candidates(&self, link: &Link, faults: &mut Vec<TransportError>) -> Vec<Candidate> {
        let mut list = List { of: self, all: Vec::new(), locked: Vec::new() };
        for certificate in &self.certificates {
            if !list.certificate(certificate, Rank::Wanted) {
                faults.push(error(
                    "certificate-without-key",
                    format!("neither the agent nor a key file has the private key to the {}", describe(certificate)),
                    "add the key to the agent with ssh-add, or name its file as ssh.identity",
                ));
            }
        }
        let (configured, usual) = self.files.split_at(self.configured.min(self.files.len()));
        for (index, file) in configured.iter().enumerate() {
            list.file(index, file, Rank::Wanted, faults);
        }
        if !link.identities_only {
            let mut held: Vec<&AgentIdentity> = self.agent.iter().flat_map(|agent| &agent.held).collect();
            // Whoever gives certificates to an agent wants them to be used; the bare keys come with them.
            held.sort_by_key(|one| {
                let is_usual = usual.iter().any(|file| file.data() == Some(data(one)));
                (!is_usual, matches!(one, AgentIdentity::PublicKey { .. }))
            });
            for identity in held {
                list.held(identity);
            }
        }
        for (index, file) in usual.iter().enumerate() {
            // Nobody has asked for these: one that cannot be used is none.
            list.file(configured.len() + index, file, Rank::Usual, &mut Vec::new());
        }
        // These cost a question before the server has said that it takes the key.
        list.all.append(&mut list.locked);
        list.all
    }
}

struct List<'a> {
    of: &'a Possessions,
    all: Vec<Candidate>,
    locked: Vec<Candidate>,
}

impl List<'_> {
    /// A key file: its certificates first, as they are what the host's owner wants to see.
    fn file(&mut self, index: usize, file: &KeyFile, rank: Rank, faults: &mut Vec<TransportError>) {
        for certificate in &file.certificates {
            self.certificate(certificate, rank);
        }
        let Some(key) = &file.public else {
            let name = file.path.display().to_string();
            self.locked.push(Candidate { what: What::Unknown, hand: Hand::File(index), name, rank: Rank::Locked });
            return;
        };
        let held = self.of.agent.iter().flat_map(|agent| &agent.held);
        let certified =
            |one: &&AgentIdentity| matches!(one, AgentIdentity::Certificate { .. }) && data(one) == key.key_data();
        for identity in held.filter(certified) {
            self.push(what(identity), Hand::Agent(Box::new(identity.clone())), named(identity), rank);
        }
        let name = file.path.display().to_string();
        match self.hand(key.key_data()) {
            Some(Hand::Agent(identity)) => {
                self.push(What::Key(key.clone()), Hand::Agent(identity), format!("{name} through the agent"), rank);
            }
            Some(hand) => self.push(What::Key(key.clone()), hand, name, rank),
            None => faults.push(nowhere(file)),
        }
    }

    /// A key or certificate that the agent holds.
    fn held(&mut self, identity: &AgentIdentity) {
        self.push(what(identity), Hand::Agent(Box::new(identity.clone())), named(identity), Rank::Held);
    }

    /// A certificate from a file; false when nobody can sign for it.
    fn certificate(&mut self, certificate: &Certificate, rank: Rank) -> bool {
        let same = |one: &&AgentIdentity| matches!(one, AgentIdentity::Certificate { certificate: held, .. } if equal(held, certificate));
        let held = self.of.agent.iter().flat_map(|agent| &agent.held).find(same);
        let hand = held
            .map(|identity| Hand::Agent(Box::new(identity.clone())))
            .or_else(|| self.hand(certificate.public_key()));
        let Some(hand) = hand else { return false };
        self.push(What::Certificate(Box::new(certificate.clone())), hand, describe(certificate), rank);
        true
    }

    /// Who has the private half of a key.
    fn hand(&self, key: &KeyData) -> Option<Hand> {
        if let Some(agent) = self.of.agent.as_ref().filter(|agent| agent.holds(key)) {
            let same = |one: &&AgentIdentity| matches!(one, AgentIdentity::PublicKey { .. }) && data(one) == key;
            return agent.held.iter().find(same).map(|identity| Hand::Agent(Box::new(identity.clone())));
        }
        let has =
            |file: &KeyFile| file.data() == Some(key) && matches!(file.private, Private::Plain(_) | Private::Locked(_));
        self.of.files.iter().position(has).map(Hand::File)
    }

    fn push(&mut self, what: What, hand: Hand, name: String, rank: Rank) {
        let known = |one: &Candidate| match (&one.what, &what) {
            (What::Key(one), What::Key(other)) => one.key_data() == other.key_data(),
            (What::Certificate(one), What::Certificate(other)) => equal(one, other),
            _ => false,
        };
        if !self.all.iter().any(known) {
            self.all.push(Candidate { what, hand, name, rank });
        }
    }
}

fn data(identity: &AgentIdentity) -> &KeyData {
    match identity {
        AgentIdentity::PublicKey { key, .. } => key.key_data(),
        AgentIdentity::Certificate { certificate, .. } => certificate.public_key(),
    }
}

fn what(identity: &AgentIdentity) -> What {
    match identity {
        AgentIdentity::PublicKey { key, .. } => What::Key(key.clone()),
        AgentIdentity::Certificate { certificate, .. } => What::Certificate(Box::new(certificate.clone())),
    }
}

/// Are these the same, whatever comment a file adds?
fn equal(one: &Certificate, other: &Certificate) -> bool {
    one.to_bytes().is_ok_and(|one| other.to_bytes().is_ok_and(|other| one == other))
}

/// What the agent calls a key.
fn named(identity: &AgentIdentity) -> String {
    let comment = heard(identity.comment());
    if comment.is_empty() { "a key without a comment".to_owned() } else { comment }
}

/// Nobody can sign with this file's key.
fn nowhere(file: &KeyFile) -> TransportError {
    let shown = file.path.display();
    match file.private {
        Private::Token => error(
            "key-needs-token",
            format!("the private half of {shown} is in a hardware token, which hactl reaches through the agent alone"),
            format!(
                "`ssh-add {shown}` with ssh.agent on, or `transport: openssh` for this host, which uses your own ssh"
            ),
        ),
        _ => error(
            "key-not-in-agent",
            format!("{shown} is the public half of a key, and no agent holds the private one"),
            "`ssh-add` the key, see whether SSH_AUTH_SOCK names the right agent, or name the private key file",
        ),
    }
}

/// The file that signs for a candidate.
pub(super) fn path_of(possessions: &Possessions, hand: &Hand) -> Option<PathBuf> {
    match hand {
        Hand::Agent(_) => None,
        Hand::File(index) => possessions.files.get(*index).map(|file| file.path.clone()),
    }
}
