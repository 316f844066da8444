//! hactl's own folder on a host: backups, the lock, uploads, the audit log.

use super::{RemotePath, quote};

/// Shell that sets `HACTL_STATE` to hactl's own folder on a host; it makes nothing.
// `-w` and not `id -u`: it costs no process, and says what counts, which is whether we may write there.
pub fn state_folder(chosen: Option<&RemotePath>) -> String {
    match chosen {
        Some(folder) => format!("HACTL_STATE={}", quote(folder.as_str())),
        None => "if [ -w /var/lib ] || [ -w /var/lib/hactl ]; then HACTL_STATE=/var/lib/hactl; \
                 else HACTL_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/hactl; fi"
            .to_owned(),
    }
}
