//! Bringing a local file to a host, once, under its digest.
//!
//! What a cut connection leaves of a large file stays on the host. The next attempt asks for its length and digest,
//! compares that with as many bytes of the local file, and sends the rest; the digest of the whole is checked at the end
//! in any case. What nobody asks for again goes away when it is a day old.

use std::time::Duration;

use sha2::Digest as _;
use tokio::io::AsyncReadExt as _;

use crate::model::{Blob, Sha256};

use super::request::any_shell;
use super::{Answer, Ending, Input, Reply, Request, Rung, TransportError};

/// The functions on the host.
const FUNCTIONS: &str = include_str!("upload.sh");

/// How an upload failed, as the exit status of its script.
const NO_FOLDER: u32 = 21;
const NO_SHA256SUM: u32 = 22;
const DIGEST_DIFFERS: u32 = 24;
const TOO_SHORT: u32 = 25;
const PART_GONE: u32 = 26;

/// Of what is larger, a part that a cut has left is asked for, which costs one exec more; what is smaller is sent again.
pub const RESUMED_FROM: u64 = 1 << 20;
/// How often a connection may be lost before the upload is given up. Each time there must be more of it on the host.
const ATTEMPTS: usize = 5;

/// Sends a request to the host, over a new connection when the last one is gone.
pub type Sending<'a> = dyn Fn(Request) -> Answer<'a, Reply> + Send + Sync + 'a;

/// Brings `blob` to `$HACTL_STATE/blobs/SHA256` on the host, where it is not there yet.
///
/// `state_folder_shell` is the shell that sets `HACTL_STATE`, see [`crate::model::state_folder`]. The file appears
/// under its name only when the host has found its digest right. `deadline` is for each request.
///
/// # Errors
/// When it is not there in the end: the disk is full, the folder cannot be written to, the digest differs, or cannot be
/// computed; or the connection was lost, and the host holds no more than before.
pub async fn upload(
    blob: &Blob,
    state_folder_shell: &str,
    deadline: Duration,
    send: &Sending<'_>,
) -> Result<(), TransportError> {
    Place { blob, state_folder_shell, deadline }.bring(true, send).await
}

/// The same where nothing of any upload is known to lie on the host: nothing is asked for before a connection is lost.
///
/// # Errors
/// As [`upload`].
pub async fn upload_to_empty(
    blob: &Blob,
    state_folder_shell: &str,
    deadline: Duration,
    send: &Sending<'_>,
) -> Result<(), TransportError> {
    Place { blob, state_folder_shell, deadline }.bring(false, send).await
}

/// A blob and where it goes.
struct Place<'a> {
    blob: &'a Blob,
    state_folder_shell: &'a str,
    deadline: Duration,
}

/// What of a blob is on the host.
struct Begun {
    there: bool,
    part: Option<Part>,
}

/// What a cut has left.
struct Part {
    process: u64,
    length: u64,
    sha256: String,
}

impl Place<'_> {
    async fn bring(&self, mut asks: bool, send: &Sending<'_>) -> Result<(), TransportError> {
        if self.blob.size <= RESUMED_FROM {
            let reply = send(self.take(None)).await?;
            return self.taken(&reply, send).await;
        }
        let (mut held, mut lost) = (0, None);
        for _ in 0..ATTEMPTS {
            let begun = match asks {
                true => self.ask(send).await,
                false => Ok(Begun { there: false, part: None }),
            };
            let begun = match begun {
                Ok(begun) => begun,
                Err(error) => return Err(lost.unwrap_or(error)),
            };
            asks = true;
            if begun.there {
                return Ok(());
            }
            let resumed = match begun.part {
                Some(part) if part.sha256 == beginning(self.blob, part.length).await? => Some(part),
                _ => None,
            };
            let length = resumed.as_ref().map_or(0, |part| part.length);
            if let Some(error) = lost.take().filter(|_| length <= held) {
                return Err(error);
            }
            held = length;
            match send(self.take(resumed.as_ref())).await {
                Ok(reply) if reply.ending == Ending::Status(PART_GONE) => {}
                Ok(reply) => return self.taken(&reply, send).await,
                Err(error) if error.code == "connection-lost" => lost = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(lost.unwrap_or_else(|| TransportError::new(Rung::Command, "upload-failed", "another upload is in the way")))
    }

    fn request(&self, call: &str, input: Input) -> Request {
        let keep = if self.blob.size > RESUMED_FROM { "yes" } else { "no" };
        let script = format!(
            "LC_ALL=C; export LC_ALL; umask 077; sha256={}; size={}; keep={keep}\n{}\n{FUNCTIONS}\n{call}",
            self.blob.sha256, self.blob.size, self.state_folder_shell
        );
        let command = any_shell(&script);
        Request { command, input, gate: None, deadline: self.deadline, limit: 16 * 1024, outlet: None }
    }

    fn take(&self, part: Option<&Part>) -> Request {
        let (call, from) =
            part.map_or(("take".to_owned(), 0), |part| (format!("take {} {}", part.process, part.length), part.length));
        self.request(&call, Input::File { path: self.blob.source.clone(), from })
    }

    async fn ask(&self, send: &Sending<'_>) -> Result<Begun, TransportError> {
        let reply = send(self.request("ask", Input::Nothing)).await?;
        if !reply.ending.is_success() {
            uploaded(&reply, self.blob)?;
        }
        let said = String::from_utf8_lossy(&reply.stdout);
        // A login shell may have said something before.
        let words: Vec<&str> = said.lines().last().unwrap_or_default().split(' ').collect();
        let part = match words.as_slice() {
            ["part", process, length, sha256] => {
                let numbers = process.parse().ok().zip(length.parse().ok());
                numbers.map(|(process, length)| Part { process, length, sha256: (*sha256).to_owned() })
            }
            _ => None,
        };
        Ok(Begun { there: words == ["there"], part })
    }

    async fn taken(&self, reply: &Reply, send: &Sending<'_>) -> Result<(), TransportError> {
        if reply.ending == Ending::Status(TOO_SHORT) {
            // The host has answered, so nothing was cut: the local file is not what it was, and its part is worth nothing.
            send(self.request("clear_away", Input::Nothing)).await?;
        }
        uploaded(reply, self.blob)
    }
}

/// The digest of the first bytes of a local file.
async fn beginning(blob: &Blob, length: u64) -> Result<String, TransportError> {
    let unreadable = |error: std::io::Error| {
        let cause = format!("the local file {} cannot be read: {error}", blob.source.display());
        TransportError::new(Rung::Command, "input-unreadable", cause)
            .hint("check that the file is still there and readable for you, then run again")
    };
    let mut file = tokio::fs::File::open(&blob.source).await.map_err(unreadable)?.take(length);
    let mut hasher = sha2::Sha256::new();
    let mut chunk = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut chunk).await.map_err(unreadable)?;
        if read == 0 {
            return Ok(Sha256::from_hasher(hasher).to_string());
        }
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
}

/// Is the blob on the host now?
///
/// # Errors
/// When it is not: the disk is full, the folder cannot be written to, the digest differs, or cannot be computed.
fn uploaded(reply: &Reply, blob: &Blob) -> Result<(), TransportError> {
    let error = |code, cause: String, hint: &str| Err(TransportError::new(Rung::Command, code, cause).hint(hint));
    let source = blob.source.display();
    let said = String::from_utf8_lossy(&reply.stderr);
    let said = said.trim();
    match &reply.ending {
        Ending::Status(0) => Ok(()),
        Ending::Status(NO_SHA256SUM) => error(
            "upload-no-sha256sum",
            format!("{source} cannot be checked on the host: it has no sha256sum"),
            "install coreutils (or busybox) on the host",
        ),
        Ending::Status(DIGEST_DIFFERS | TOO_SHORT) => error(
            "upload-digest",
            format!("what the host received of {source} does not have the digest {}", blob.sha256),
            "the file has changed since its digest was taken, or the connection broke: check its sha256 and run again",
        ),
        _ if said.contains("No space left on device") || said.contains("Disk quota exceeded") => error(
            "upload-disk-full",
            format!("{source} ({} bytes) does not fit into the state folder's disk: {said}", blob.size),
            "free space on the host, or choose another place with ssh.state_folder",
        ),
        _ if said.contains("Read-only file system") => error(
            "upload-read-only",
            format!("{source} cannot be stored, the state folder's file system is read-only: {said}"),
            "remount it writable, or choose another place with ssh.state_folder",
        ),
        Ending::Status(NO_FOLDER) => error(
            "upload-no-folder",
            format!("the folder for uploads cannot be made: {said}"),
            "give the user write access to its parent, use become, or choose another place with ssh.state_folder",
        ),
        ending => error(
            "upload-failed",
            format!("{source} was not stored, the host's script ended with {ending}: {said}"),
            "see what the host said, mend it and run again",
        ),
    }
}
