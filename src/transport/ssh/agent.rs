//! The keys of the user's SSH agent.

use std::path::Path;
use std::time::Duration;

use russh::client::Handle;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::key::parse_public_key;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, HashAlg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::host_key::Doorman;

/// How long an agent may take to name its keys.
const NAMING: Duration = Duration::from_secs(5);

/// How long it may take to sign: the user may have to touch a token, or to click.
const SIGNING: Duration = Duration::from_secs(30);

/// The longest list of keys that is read; OpenSSH's own bound.
const MOST_BYTES: u32 = 256 * 1024;

/// The question for the list, and what its answer begins with.
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;

/// How the kinds of certificates are named.
const CERTIFICATE: &[u8] = b"-cert-v01@openssh.com";

/// An agent that has named its keys.
pub(super) struct Agent {
    stream: UnixStream,
    /// The keys and certificates that it holds, in its own order.
    pub(super) held: Vec<AgentIdentity>,
    /// It did not answer in time: what it says from now on may answer an older question.
    silent: bool,
}

/// Why an agent has not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// It said no, or nonsense.
    Refused,
    /// It said nothing.
    Silent,
}

impl Agent {
    /// Asks the agent behind `socket`, or behind `SSH_AUTH_SOCK`.
    ///
    /// # Errors
    /// Says in a few words why there is no agent.
    pub(super) async fn ask(handle: &Handle<Doorman>, socket: Option<&Path>) -> Result<Self, &'static str> {
        let from_environment = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty());
        let path = match (socket, &from_environment) {
            (Some(path), _) => path,
            (None, Some(path)) => Path::new(path),
            (None, None) => return Err("agent (none: SSH_AUTH_SOCK is not set)"),
        };
        let asking = async {
            let mut stream = UnixStream::connect(path).await.map_err(|_| "agent (not running)")?;
            // Keys that were added for certain hosts only are shown after this alone; other agents refuse it.
            if let Some(binding) = handle.agent_session_binding() {
                drop(AgentClient::connect(&mut stream).bind_session(binding, false).await);
            }
            let held = list(&mut stream).await.ok_or("agent (names no keys)")?;
            Ok(Self { stream, held, silent: false })
        };
        timeout(NAMING, asking).await.unwrap_or(Err("agent (does not answer)"))
    }

    /// Does it hold this key, bare?
    pub(super) fn holds(&self, key: &KeyData) -> bool {
        self.held.iter().any(|one| matches!(one, AgentIdentity::PublicKey { key: held, .. } if held.key_data() == key))
    }

    /// Appends to `data` its signature by one of the agent's keys.
    ///
    /// # Errors
    /// When it does not sign; then it is not asked again where it was silent.
    pub(super) async fn sign(
        &mut self,
        with: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, Unsigned> {
        if self.silent {
            return Err(Unsigned::Silent);
        }
        let length = data.len();
        let signing = async { AgentClient::connect(&mut self.stream).sign_request(with, hash, data).await };
        match timeout(SIGNING, signing).await {
            // An answer of the same length is none: nothing would be sent, and nothing would ever come back.
            Ok(Ok(signed)) if signed.len() > length => Ok(signed),
            Ok(Ok(_) | Err(russh::keys::Error::AgentFailure)) => Err(Unsigned::Refused),
            // Half an answer may still be under way.
            Ok(Err(_)) => {
                self.silent = true;
                Err(Unsigned::Refused)
            }
            Err(_) => {
                self.silent = true;
                Err(Unsigned::Silent)
            }
        }
    }
}

/// Asks for the list of keys. One of a kind that we do not know is passed over; it is no reason to have none.
async fn list(stream: &mut UnixStream) -> Option<Vec<AgentIdentity>> {
    stream.write_all(&[0, 0, 0, 1, REQUEST_IDENTITIES]).await.ok()?;
    let length = stream.read_u32().await.ok().filter(|length| *length <= MOST_BYTES)?;
    let mut answer = vec![0; length.try_into().ok()?];
    stream.read_exact(&mut answer).await.ok()?;
    let (kind, rest) = answer.split_first()?;
    let (_count, mut rest) = rest.split_first_chunk::<4>().filter(|_| *kind == IDENTITIES_ANSWER)?;
    let mut held = Vec::new();
    while let Some((blob, comment)) = string(&mut rest).zip(string(&mut rest)) {
        held.extend(identity(blob, String::from_utf8_lossy(comment).into_owned()));
    }
    Some(held)
}

/// Takes one string of the protocol: its length, then its bytes.
fn string<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let (string, rest) = rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
    *from = rest;
    Some(string)
}

fn identity(blob: &[u8], comment: String) -> Option<AgentIdentity> {
    let name = string(&mut &*blob)?;
    if name.ends_with(CERTIFICATE) {
        // The reader of certificates follows a certificate that is signed by a certificate, however deep; none is.
        let is_nested = blob.windows(CERTIFICATE.len()).filter(|part| *part == CERTIFICATE).count() > 1;
        let certificate = Certificate::from_bytes(blob).ok().filter(|_| !is_nested)?;
        return Some(AgentIdentity::Certificate { certificate, comment });
    }
    let key = parse_public_key(blob).ok()?;
    let known = !matches!(key.key_data(), KeyData::Other(_) | KeyData::Certificate(_) | KeyData::Dsa(_));
    known.then_some(AgentIdentity::PublicKey { key, comment })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_is_cut_off_is_none() {
        let mut bytes: &[u8] = &[0, 0, 0, 2, b'o', b'k', 0, 0, 0, 9, b'x'];
        assert_eq!(string(&mut bytes), Some(&b"ok"[..]));
        assert_eq!(string(&mut bytes), None);
        assert_eq!(string(&mut [255, 255, 255, 255].as_slice()), None);
    }

    #[test]
    fn what_is_no_key_is_passed_over() {
        assert!(identity(b"nonsense", String::new()).is_none());
        let mut unknown = vec![0, 0, 0, 11];
        unknown.extend_from_slice(b"ssh-unknown\0\0\0\x01x");
        assert!(identity(&unknown, String::new()).is_none());
    }
}
