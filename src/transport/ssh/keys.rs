//! Private key files: what can be told without opening them.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use russh::keys::key::parse_public_key;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PrivateKey, PublicKey, decode_secret_key};
use zeroize::Zeroizing;

use crate::transport::error::out_of_files;
use crate::transport::{Rung, TransportError};

pub(super) fn error(code: &'static str, cause: String, hint: impl Into<String>) -> TransportError {
    TransportError::new(Rung::Authentication, code, cause).hint(hint)
}

/// A file that `ssh.identity` names.
pub(super) struct KeyFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its public half, as far as that can be read without a passphrase.
    pub(super) public: Option<PublicKey>,
    /// The certificates that ssh-keygen has written beside it.
    pub(super) certificates: Vec<Certificate>,
    /// Its private half.
    pub(super) private: Private,
}

/// The private half of a key file.
pub(super) enum Private {
    /// It is there for the taking.
    Plain(Arc<PrivateKey>),
    /// It is encrypted: this is the whole file.
    Locked(Zeroizing<String>),
    /// It is in a hardware token, of which the file is only the address.
    Token,
    /// The file holds the public half alone.
    Elsewhere,
}

impl KeyFile {
    /// Reads a file, without opening it where it is encrypted.
    ///
    /// # Errors
    /// When it is missing, readable by others, or not a key.
    pub(super) async fn read(path: &Path) -> Result<Self, TransportError> {
        let shown = path.display();
        let unreadable = |problem: std::io::Error| {
            if let Some(ours) = out_of_files(Rung::Authentication, &problem) {
                return ours;
            }
            let cause = format!("the key file {shown} cannot be read: {problem}");
            error("key-file-unreadable", cause, "make it readable for you (chmod 600)")
        };
        let beside = beside(path).await;
        let about = match tokio::fs::metadata(path).await {
            Ok(about) => about,
            // The agent may hold the private half.
            Err(problem) if problem.kind() == ErrorKind::NotFound && beside.public.is_some() => {
                return Ok(beside.with(path, Private::Elsewhere));
            }
            Err(problem) if problem.kind() == ErrorKind::NotFound => {
                return Err(error(
                    "key-file-missing",
                    format!("there is no key file {shown}"),
                    "check ssh.identity in the inventory, or make one with ssh-keygen",
                ));
            }
            Err(problem) => return Err(unreadable(problem)),
        };
        let text = tokio::fs::read_to_string(path).await.map(Zeroizing::new).map_err(unreadable)?;
        if let Ok(certificate) = Certificate::from_openssh(&text) {
            let public = Some(PublicKey::from(certificate.public_key().clone()));
            let certificates = vec![certificate];
            return Ok(Self { path: path.to_owned(), public, certificates, private: Private::Elsewhere });
        }
        if let Ok(public) = PublicKey::from_openssh(&text) {
            return Ok(Beside { public: Some(public), ..beside }.with(path, Private::Elsewhere));
        }
        check_mode(path, &about)?;
        if let Ok(key) = PrivateKey::from_openssh(&*text) {
            let public = Some(key.public_key().clone());
            let private = match key.algorithm() {
                Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => Private::Token,
                _ if key.is_encrypted() => Private::Locked(text),
                _ => Private::Plain(Arc::new(key)),
            };
            return Ok(Beside { public, ..beside }.with(path, private));
        }
        if is_outdated(&text) {
            return Err(error(
                "key-file-unreadable",
                format!("the file {shown} is encrypted in an old way that we do not know"),
                format!(
                    "`ssh-keygen -p -f {shown}` rewrites it in OpenSSH's own format, also with the same passphrase"
                ),
            ));
        }
        if is_encrypted(&text) {
            let public = putty_public(&text).or(beside.public);
            return Ok(Beside { public, ..beside }.with(path, Private::Locked(text)));
        }
        match decode_secret_key(&text, None) {
            Ok(key) => {
                let public = Some(key.public_key().clone());
                Ok(Beside { public, ..beside }.with(path, Private::Plain(Arc::new(key))))
            }
            Err(problem) => Err(error(
                "key-file-unreadable",
                format!("the file {shown} is not a private key that we can read: {problem}"),
                "`ssh-keygen -p -f FILE` rewrites older formats, `puttygen FILE -O private-openssh-new` those of PuTTY",
            )),
        }
    }

    /// The public half that tells keys from one another; comments do not.
    pub(super) fn data(&self) -> Option<&KeyData> {
        self.public.as_ref().map(PublicKey::key_data)
    }
}

/// What stands beside a key file.
struct Beside {
    public: Option<PublicKey>,
    certificates: Vec<Certificate>,
}

impl Beside {
    fn with(self, path: &Path, private: Private) -> KeyFile {
        KeyFile { path: path.to_owned(), public: self.public, certificates: self.certificates, private }
    }
}

/// Reads `PATH.pub` and `PATH-cert.pub`, which ssh-keygen writes.
async fn beside(path: &Path) -> Beside {
    let read = async |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        // Of `key.pub`, the certificate is `key-cert.pub`.
        if let Some(stem) = path.to_str().and_then(|path| path.strip_suffix(".pub")) {
            name = stem.into();
        }
        name.push(ending);
        tokio::fs::read_to_string(PathBuf::from(name)).await.ok()
    };
    let public = read(".pub").await.and_then(|text| PublicKey::from_openssh(&text).ok());
    let certificate = read("-cert.pub").await.and_then(|text| Certificate::from_openssh(&text).ok());
    Beside { public, certificates: certificate.into_iter().collect() }
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

/// The older formats, and PuTTY's, say so in words.
fn is_encrypted(text: &str) -> bool {
    text.contains("ENCRYPTED") || text.lines().any(|line| line.starts_with("Encryption: aes"))
}

/// Of the ciphers and kinds that the oldest format could have, only this pair was ever common.
fn is_outdated(text: &str) -> bool {
    text.contains("Proc-Type: 4,ENCRYPTED")
        && !(text.contains("BEGIN RSA PRIVATE KEY") && text.contains("DEK-Info: AES-128-CBC,"))
}

/// PuTTY keeps the public half in the clear.
fn putty_public(text: &str) -> Option<PublicKey> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("Public-Lines: "));
    let count: usize = lines.next()?.strip_prefix("Public-Lines: ")?.trim().parse().ok()?;
    let blob: String = lines.take(count).map(str::trim).collect();
    parse_public_key(&Base64::decode_vec(&blob).ok()?).ok()
}
