//! Proving who we are: the agent's keys, key files, the password.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::PrivateKeyWithHashAlg;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::public::KeyData;
use russh::{MethodKind, MethodSet};
use tokio::time::timeout;

use super::agent::Agent;
use super::algorithms::takes_key;
use super::handshake::rsa_hash;
use super::host_key::{Doorman, Parting};
use super::keys;
use crate::model::Secret;
use crate::transport::{Link, Rung, TransportError};

/// How many keys are offered at most. OpenSSH hangs up at the sixth refusal (`MaxAuthTries`), and the password may
/// still have to come.
const KEYS: usize = 5;

/// How long all of it may take: a server may look names up or ask a directory, a user may have to touch a token.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a server may ask questions before we stop answering them with the password.
const QUESTIONS: usize = 4;

/// Logs in.
///
/// # Errors
/// When nothing that we have is accepted; says what was tried.
pub(super) async fn authenticate(
    link: &Link,
    handle: &mut Handle<Doorman>,
    parting: &Parting,
) -> Result<(), TransportError> {
    let mut login = Login { link, handle, parting, offered: Vec::new(), tried: Vec::new(), failure: None, wants: None };
    match timeout(PATIENCE.max(link.connect_timeout), login.run()).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(login.refused()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(TransportError::new(
            Rung::Authentication,
            "authentication-timeout",
            format!("the login of {} was neither accepted nor refused in time; tried {}", link.user, login.tried()),
        )
        .hint("the host may be waiting for a directory server or for DNS (UseDNS no in sshd_config), or your agent for you")),
    }
}

struct Login<'a> {
    link: &'a Link,
    handle: &'a mut Handle<Doorman>,
    parting: &'a Parting,
    /// The keys that the server has seen.
    offered: Vec<KeyData>,
    tried: Vec<String>,
    /// The first of our own files that could not be used.
    failure: Option<TransportError>,
    /// What the server said that it takes, once it has refused something.
    wants: Option<MethodSet>,
}

impl Login<'_> {
    async fn run(&mut self) -> Result<bool, TransportError> {
        if self.link.agent && self.agent().await? {
            return Ok(true);
        }
        for path in &self.link.identities {
            if self.takes(MethodKind::PublicKey) && self.file(path).await? {
                return Ok(true);
            }
        }
        if let Some(password) = self.link.password.clone() {
            return self.password(&password).await;
        }
        Ok(false)
    }

    async fn agent(&mut self) -> Result<bool, TransportError> {
        let mut of_files = Vec::new();
        for path in &self.link.identities {
            of_files.extend(keys::public_half(path).await);
        }
        let mut agent = match Agent::ask(self.handle, self.link.agent_socket.as_deref(), &of_files).await {
            Ok(agent) => agent,
            Err(why) => {
                self.tried.push(why.to_owned());
                return Ok(false);
            }
        };
        let wanted = &self.link.options.algorithms;
        let takes = |identity: &&AgentIdentity| {
            let certified = matches!(identity, AgentIdentity::Certificate { .. });
            takes_key(wanted, &identity.public_key().algorithm(), certified)
        };
        let identities: Vec<AgentIdentity> = agent.identities().iter().filter(takes).cloned().collect();
        let holds = |key: &KeyData| identities.iter().any(|identity| identity.public_key().key_data() == key);
        // An agent full of other servers' keys must leave room for the files that it does not hold.
        let files = self.link.identities.len()
            - of_files.iter().filter(|key| holds(key)).count().min(self.link.identities.len());
        let room = KEYS.saturating_sub(files).max(1);
        let mut count = 0;
        let mut accepted = false;
        for identity in identities.iter().take(room) {
            if !self.takes(MethodKind::PublicKey) {
                break;
            }
            count += 1;
            self.offered.push(identity.public_key().key_data().clone());
            match agent.offer(self.handle, &self.link.user, identity).await {
                Ok(result) => accepted = self.judge(result)?,
                // It does not hold the key any more, or its owner said no.
                Err(_) if !self.handle.is_closed() => {}
                Err(_) => return Err(self.hung_up()),
            }
            if accepted {
                break;
            }
        }
        let keys = if count == 1 { "key" } else { "keys" };
        self.tried.push(match identities.len() - count {
            0 => format!("agent ({count} {keys})"),
            left => format!("agent ({count} {keys}, {left} not offered)"),
        });
        Ok(accepted)
    }

    async fn file(&mut self, path: &Path) -> Result<bool, TransportError> {
        let certificate = keys::certificate(path).await;
        let seen = keys::public_half(path).await.is_some_and(|key| self.offered.contains(&key));
        if seen && certificate.is_none() {
            return Ok(false);
        }
        let shown = path.display().to_string();
        if self.offered.len() >= KEYS {
            self.tried.push(format!("{shown} (not offered, too many keys)"));
            return Ok(false);
        }
        let key = match keys::load(path, self.link.passphrase.clone()).await {
            Ok(key) => key,
            Err(error) => {
                self.tried.push(format!("{shown} (not usable)"));
                self.failure.get_or_insert(error);
                return Ok(false);
            }
        };
        let wanted = &self.link.options.algorithms;
        let certificate = certificate.filter(|_| takes_key(wanted, &key.algorithm(), true));
        let plain = takes_key(wanted, &key.algorithm(), false);
        if certificate.is_none() && !plain {
            self.tried.push(format!("{shown} (not among PubkeyAcceptedAlgorithms)"));
            return Ok(false);
        }
        self.tried.push(shown);
        self.offered.push(key.public_key().key_data().clone());
        let user = self.link.user.as_str();
        if let Some(certificate) = certificate {
            let result = self.handle.authenticate_openssh_cert(user, Arc::clone(&key), certificate).await;
            if self.checked(result)? {
                return Ok(true);
            }
        }
        if seen || !plain {
            return Ok(false);
        }
        let hash = match key.algorithm().is_rsa() {
            true => rsa_hash(self.handle).await,
            false => None,
        };
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = self.handle.authenticate_publickey(user, key).await;
        self.checked(result)
    }

    async fn password(&mut self, password: &Secret) -> Result<bool, TransportError> {
        let user = self.link.user.as_str();
        if self.takes(MethodKind::Password) {
            self.tried.push("password".to_owned());
            let result = self.handle.authenticate_password(user, password.expose()).await;
            if self.checked(result)? {
                return Ok(true);
            }
        }
        if !self.takes(MethodKind::KeyboardInteractive) {
            return Ok(false);
        }
        self.tried.push("keyboard-interactive".to_owned());
        let mut reply = self.handle.authenticate_keyboard_interactive_start(user, None).await;
        for _ in 0..QUESTIONS {
            let prompts = match reply {
                Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(true),
                Ok(KeyboardInteractiveAuthResponse::Failure { .. }) => return Ok(false),
                Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => prompts,
                Err(_) => return Err(self.hung_up()),
            };
            // What is shown while it is typed is not a password; such a question has no answer here.
            let answers = prompts
                .iter()
                .map(|prompt| match prompt.echo {
                    true => String::new(),
                    false => password.expose().to_owned(),
                })
                .collect();
            reply = self.handle.authenticate_keyboard_interactive_respond(answers).await;
        }
        Ok(false)
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
            AuthResult::Failure { remaining_methods, .. } => {
                // russh reports a connection that has ended as a refusal that leaves nothing to try.
                if remaining_methods.is_empty() && self.handle.is_closed() {
                    return Err(self.hung_up());
                }
                self.wants = Some(remaining_methods);
                Ok(false)
            }
        }
    }

    fn tried(&self) -> String {
        match self.tried.is_empty() {
            true => "nothing".to_owned(),
            false => self.tried.join(", "),
        }
    }

    fn hung_up(&self) -> TransportError {
        let words = self.parting.words().unwrap_or_else(|| "without a reason".to_owned());
        if words.contains("Too many authentication failures") {
            return TransportError::new(
                Rung::Authentication,
                "too-many-authentication-failures",
                format!("the server let {} try no further; tried {}", self.link.user, self.tried()),
            )
            .hint(
                "name the one right key as ssh.identity and set ssh.agent to false, or raise MaxAuthTries on the host",
            );
        }
        TransportError::new(
            Rung::Authentication,
            "authentication-dropped",
            format!("the server hung up during the login of {}: {words}; tried {}", self.link.user, self.tried()),
        )
        .hint("the server's log says why; it may be shutting down, or turn the user away")
    }

    /// Nothing was accepted. A file of our own that could not be used is the likelier reason.
    fn refused(&mut self) -> TransportError {
        let takes = match &self.wants {
            Some(wants) if !wants.is_empty() => {
                let names: Vec<&str> = wants.iter().map(<&str>::from).collect();
                format!("; the server takes {}", names.join(", "))
            }
            _ => String::new(),
        };
        let tried = self.tried();
        if let Some(mut error) = self.failure.take() {
            error.cause = format!("{}; tried {tried}{takes}", error.cause);
            return error;
        }
        TransportError::new(
            Rung::Authentication,
            "authentication-refused",
            format!("the host does not let {} in; tried {tried}{takes}", self.link.user),
        )
        .hint("is the public key in the user's ~/.ssh/authorized_keys on the host, and is ssh.user right?")
    }
}
