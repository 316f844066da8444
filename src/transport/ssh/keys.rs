//! Private key files.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, PrivateKey, PublicKey, decode_secret_key};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::model::{Secret, Sha256};
use crate::transport::error::out_of_files;
use crate::transport::{Rung, TransportError};

fn error(code: &'static str, cause: String, hint: impl Into<String>) -> TransportError {
    TransportError::new(Rung::Authentication, code, cause).hint(hint)
}

/// The file's public half, without its passphrase: from the private file itself in OpenSSH's own format, else from
/// the `.pub` beside it. `None` where neither can be read.
pub(super) async fn public_half(path: &Path) -> Option<KeyData> {
    if let Ok(text) = tokio::fs::read(path).await.map(Zeroizing::new)
        && let Ok(key) = PrivateKey::from_openssh(&*text)
    {
        return Some(key.public_key().key_data().clone());
    }
    let text = tokio::fs::read_to_string(beside(path, ".pub")).await.ok()?;
    Some(PublicKey::from_openssh(&text).ok()?.key_data().clone())
}

/// The user certificate `PATH-cert.pub` that ssh-keygen writes beside a key.
pub(super) async fn certificate(path: &Path) -> Option<Certificate> {
    let text = tokio::fs::read_to_string(beside(path, "-cert.pub")).await.ok()?;
    Certificate::from_openssh(&text).ok()
}

/// Reads a key file, opening it with the passphrase where it is encrypted.
///
/// # Errors
/// When it is missing, readable by others, not a key, or its passphrase is missing or wrong.
pub(super) async fn load(path: &Path, passphrase: Option<Arc<Secret>>) -> Result<Arc<PrivateKey>, TransportError> {
    let shown = path.display();
    let unreadable = |problem: std::io::Error| {
        if let Some(ours) = out_of_files(Rung::Authentication, &problem) {
            return ours;
        }
        let cause = format!("the key file {shown} cannot be read: {problem}");
        error("key-file-unreadable", cause, "make it readable for you (chmod 600)")
    };
    let about = match tokio::fs::metadata(path).await {
        Ok(about) => about,
        Err(problem) if problem.kind() == ErrorKind::NotFound => {
            return Err(error(
                "key-file-missing",
                format!("there is no key file {shown}"),
                "check ssh.identity in the inventory, or make one with ssh-keygen",
            ));
        }
        Err(problem) => return Err(unreadable(problem)),
    };
    check_mode(path, &about)?;
    let text = tokio::fs::read_to_string(path).await.map(Zeroizing::new).map_err(unreadable)?;
    let encrypted = is_encrypted(&text);
    if encrypted && passphrase.is_none() {
        return Err(error(
            "key-passphrase-missing",
            format!("the key file {shown} is encrypted and the inventory names no passphrase"),
            "set ssh.passphrase, or add the key to the agent with ssh-add",
        ));
    }
    match passphrase.filter(|_| encrypted) {
        Some(passphrase) => opened(path, text, passphrase).await,
        None => decode_secret_key(&text, None).map(Arc::new).map_err(|problem| {
            error(
                "key-file-unreadable",
                format!("the file {shown} is not a private key that we can read: {problem}"),
                "name the private key and not the .pub; `ssh-keygen -p -f FILE` rewrites old formats",
            )
        }),
    }
}

/// An encrypted key file that was opened already in this process.
struct Opened {
    sha256: Sha256,
    passphrase: Arc<Secret>,
    key: Arc<PrivateKey>,
}

/// Deriving the key from a passphrase is slow on purpose. A hundred hosts that share a file must not pay for it a
/// hundred times, hence the one place in the process where opened keys are kept; the lock makes the others wait.
static OPENED: Mutex<Vec<Opened>> = Mutex::const_new(Vec::new());

async fn opened(
    path: &Path,
    text: Zeroizing<String>,
    passphrase: Arc<Secret>,
) -> Result<Arc<PrivateKey>, TransportError> {
    let shown = path.display();
    let sha256 = Sha256::of(text.as_bytes());
    let mut all = OPENED.lock().await;
    if let Some(found) = all.iter().find(|one| one.sha256 == sha256 && one.passphrase == passphrase) {
        return Ok(Arc::clone(&found.key));
    }
    let secret = Arc::clone(&passphrase);
    // On a thread of its own: it must not hold up the other hosts.
    let decoded = spawn_blocking(move || decode_secret_key(&text, Some(secret.expose())).map(Arc::new)).await;
    match decoded {
        Ok(Ok(key)) => {
            all.push(Opened { sha256, passphrase, key: Arc::clone(&key) });
            Ok(key)
        }
        Ok(Err(_)) => Err(error(
            "key-passphrase-wrong",
            format!("the passphrase does not open the key file {shown}"),
            format!("check the secret behind ssh.passphrase; `ssh-keygen -yf {shown}` asks for it"),
        )),
        Err(problem) => Err(error(
            "key-file-unreadable",
            format!("the key file {shown} could not be decoded: {problem}"),
            "report this: it should not happen",
        )),
    }
}

/// A private key that others can read is no longer private; OpenSSH refuses it as well.
fn check_mode(path: &Path, about: &Metadata) -> Result<(), TransportError> {
    let open = about.mode() & 0o077;
    if open == 0 || !about.is_file() {
        return Ok(());
    }
    Err(error(
        "key-file-open",
        format!("the key file {} is open to others (mode {:03o})", path.display(), about.mode() & 0o777),
        format!("chmod 600 {}", path.display()),
    ))
}

fn is_encrypted(text: &str) -> bool {
    match PrivateKey::from_openssh(text) {
        Ok(key) => key.is_encrypted(),
        // The older formats say so in words.
        Err(_) => text.contains("ENCRYPTED") || text.lines().any(|line| line.starts_with("Encryption: aes")),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
