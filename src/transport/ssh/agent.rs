//! The keys of the user's SSH agent.

use std::path::Path;
use std::time::Duration;

use russh::AgentAuthError;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::public::KeyData;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::handshake::rsa_hash;
use super::host_key::Doorman;

/// How long an agent may take to name its keys. Signing has the longer time of a login: the user may have to touch
/// a token.
const PATIENCE: Duration = Duration::from_secs(5);

/// An agent that has named its keys.
pub(super) struct Agent {
    client: AgentClient<UnixStream>,
    identities: Vec<AgentIdentity>,
}

impl Agent {
    /// Asks the agent at `socket`, or behind `SSH_AUTH_SOCK`. Keys among `first`, those of the configured files, come first.
    ///
    /// # Errors
    /// Says in a few words why there is no agent.
    pub(super) async fn ask(
        handle: &Handle<Doorman>,
        socket: Option<&Path>,
        first: &[KeyData],
    ) -> Result<Self, &'static str> {
        if socket.is_none() && std::env::var_os("SSH_AUTH_SOCK").is_none_or(|path| path.is_empty()) {
            return Err("agent (none: SSH_AUTH_SOCK is not set)");
        }
        let asking = async {
            let client = match socket {
                Some(socket) => AgentClient::connect_uds(socket).await,
                None => AgentClient::connect_env().await,
            };
            let mut client = client.map_err(|_| "agent (not running)")?;
            // Keys that were added for certain hosts only are shown after this alone; other agents refuse it.
            if let Some(binding) = handle.agent_session_binding() {
                drop(client.bind_session(binding, false).await);
            }
            let identities = client.request_identities().await.map_err(|_| "agent (names no keys)")?;
            Ok(Self { client, identities })
        };
        let mut agent = timeout(PATIENCE, asking).await.unwrap_or(Err("agent (does not answer)"))?;
        agent.identities.sort_by_key(|identity| !first.contains(identity.public_key().key_data()));
        Ok(agent)
    }

    /// The keys in the order in which they should be offered.
    pub(super) fn identities(&self) -> &[AgentIdentity] {
        &self.identities
    }

    /// Offers one key.
    pub(super) async fn offer(
        &mut self,
        handle: &mut Handle<Doorman>,
        user: &str,
        identity: &AgentIdentity,
    ) -> Result<AuthResult, AgentAuthError> {
        let hash = match identity.public_key().algorithm().is_rsa() {
            true => rsa_hash(handle).await,
            false => None,
        };
        match identity {
            AgentIdentity::PublicKey { key, .. } => {
                let key = key.clone();
                handle.authenticate_publickey_with(user, key, hash, &mut self.client).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                let certificate = certificate.clone();
                handle.authenticate_certificate_with(user, certificate, hash, &mut self.client).await
            }
        }
    }
}
