//! Bringing a local file to a host, once, under its digest.

use std::time::Duration;

use crate::model::{Blob, quote};

use super::{Ending, Input, Reply, Request, Rung, TransportError};

/// How an upload failed, as the exit status of its script.
const NO_FOLDER: u32 = 21;
const NO_SHA256SUM: u32 = 22;
const NOT_WRITTEN: u32 = 23;
const DIGEST_DIFFERS: u32 = 24;

/// A request that streams `blob` to `$HACTL_STATE/blobs/SHA256` on the host.
///
/// `state_folder_shell` is the shell that sets `HACTL_STATE`, see [`crate::model::state_folder`]. The file appears
/// under its name only when the host has found its digest right; where it is there already, nothing is sent.
/// What the reply means, [`uploaded`] says.
// A `.part` carries the process's number: two uploads at once cannot write into one another, and what a killed one
// left behind is recognised by its process being gone.
pub fn upload_request(blob: &Blob, state_folder_shell: &str, deadline: Duration) -> Request {
    let sha256 = blob.sha256;
    let script = format!(
        r#"LC_ALL=C; export LC_ALL; umask 077
command -v sha256sum >/dev/null || exit {NO_SHA256SUM}
{state_folder_shell}
folder=$HACTL_STATE/blobs; file=$folder/{sha256}; part=$file.$$.part
[ -d "$folder" ] || mkdir -p "$folder" || exit {NO_FOLDER}
digest() {{ set -- $(sha256sum <"$1"); [ "$1" = {sha256} ]; }}
[ -f "$file" ] && digest "$file" && exit 0
for old in "$file".*.part; do
  number=${{old%.part}}; number=${{number##*.}}
  [ -f "$old" ] && ! kill -0 "$number" 2>/dev/null && rm -f "$old"
done
trap 'rm -f "$part"' EXIT
trap 'exit {NOT_WRITTEN}' HUP INT TERM
cat >"$part" || exit {NOT_WRITTEN}
digest "$part" || exit {DIGEST_DIFFERS}
sync "$part" 2>/dev/null || :
mv -f "$part" "$file" || exit {NOT_WRITTEN}
trap - EXIT"#
    );
    Request {
        command: format!("exec sh -c {}", quote(&script)),
        input: Input::File(blob.source.clone()),
        gate: None,
        deadline,
        limit: 16 * 1024,
    }
}

/// Is the blob on the host now?
///
/// # Errors
/// When it is not: the disk is full, the folder cannot be written to, the digest differs, or cannot be computed.
pub fn uploaded(reply: &Reply, blob: &Blob) -> Result<(), TransportError> {
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
        Ending::Status(DIGEST_DIFFERS) => error(
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
