//! Signing what a server wants signed, by the agent or with a key file.

use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey};

use crate::transport::ssh::agent::{Agent, Unsigned};
use crate::transport::ssh::candidates::{Hand, Possessions};
use crate::transport::ssh::host_key::Parting;
use crate::transport::ssh::keyring::Opening;
use crate::transport::ssh::keys::{KeyFile, Private, error};
use crate::transport::{Link, TransportError};

/// Who signs for one candidate.
pub(super) struct Signatory<'a> {
    agent: Option<(&'a mut Agent, AgentIdentity)>,
    file: Option<&'a KeyFile>,
    link: &'a Link,
    parting: Parting,
    /// How many banners had come when the server first took a key.
    pub(super) greetings: Option<usize>,
}

/// Why nothing was signed.
pub(super) enum Unable {
    /// The connection has ended.
    Gone,
    /// The agent did not.
    Agent(Unsigned),
    /// A passphrase must be asked for first.
    Locked,
    /// The file could not be used.
    Fault(TransportError),
}

impl From<russh::SendError> for Unable {
    fn from(_: russh::SendError) -> Self {
        Self::Gone
    }
}

impl<'a> Signatory<'a> {
    pub(super) fn new(link: &'a Link, parting: &Parting, own: &'a mut Possessions, hand: &Hand) -> Option<Self> {
        let parting = parting.clone();
        Some(match hand {
            Hand::Agent(identity) => Self {
                agent: Some((own.agent.as_mut()?, (**identity).clone())),
                file: None,
                link,
                parting,
                greetings: None,
            },
            Hand::File(index) => {
                Self { agent: None, file: Some(own.files.get(*index)?), link, parting, greetings: None }
            }
        })
    }

    /// The private key of the file.
    pub(super) async fn open(&self) -> Result<Opening, TransportError> {
        let nothing = || error("key-file-unreadable", "there is no private key".to_owned(), "check ssh.identity");
        let file = self.file.ok_or_else(nothing)?;
        match &file.private {
            Private::Plain(key) => Ok(Opening::Open(key.clone())),
            Private::Locked(text) => self.link.keyring.open(&file.path, text, self.link.passphrase.as_ref()).await,
            Private::Token | Private::Elsewhere => Err(nothing()),
        }
    }

    fn sign(&self, key: &PrivateKey, hash: Option<HashAlg>, mut data: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let signature = match key.key_data() {
            KeypairData::Rsa(pair) => (pair, hash).try_sign(&data),
            pair => pair.try_sign(&data),
        };
        let path = self.file.map(|file| file.path.display().to_string()).unwrap_or_default();
        let unable = |problem: String| {
            let cause = format!("the key in {path} cannot sign for this server: {problem}");
            error(
                "key-cannot-sign",
                cause,
                "make a new one (`ssh-keygen -t ed25519`), or bring the host's OpenSSH up to date",
            )
        };
        let signature = signature.map_err(|problem| unable(problem.to_string()))?;
        signature.encode_prefixed(&mut data).map_err(|problem| unable(problem.to_string()))?;
        Ok(data)
    }
}

impl Signer for Signatory<'_> {
    type Error = Unable;

    async fn auth_sign(
        &mut self,
        shown: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, Unable> {
        self.greetings = Some(self.parting.banners());
        if let Some((agent, identity)) = &mut self.agent {
            return agent.sign(identity, hash, data).await.map_err(Unable::Agent);
        }
        let key = match self.open().await.map_err(Unable::Fault)? {
            Opening::Open(key) => key,
            Opening::Askable => return Err(Unable::Locked),
        };
        let expected = match shown {
            AgentIdentity::PublicKey { key, .. } => key.key_data(),
            AgentIdentity::Certificate { certificate, .. } => certificate.public_key(),
        };
        if key.public_key().key_data() != expected {
            let path = self.file.map(|file| file.path.display().to_string()).unwrap_or_default();
            return Err(Unable::Fault(error(
                "key-file-unreadable",
                format!("{path}.pub is not the public half of {path}"),
                format!("`ssh-keygen -yf {path} > {path}.pub` writes it anew"),
            )));
        }
        self.sign(&key, hash, data).map_err(Unable::Fault)
    }
}
