//! Where the sockets of a run's `ssh` processes are, and who ends these processes when hactl is gone.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::{Child, ChildStdin, Command};

use crate::transport::program::program;
use crate::transport::{Rung, TransportError};

/// Waits until hactl is gone, in whatever way, and then ends its process group: every `ssh` and whatever that has
/// started, in order at first and then by force. The folder goes with them.
const GUARD: &str = "trap '' HUP INT TERM
while read -r hactl_gone; do :; done
kill -s TERM 0
rm -rf -- \"$1\"
sleep 1
kill -s KILL 0";

/// The longest path of a folder for sockets: a socket's own may have 104 bytes on some systems, and ssh first makes it
/// with 17 characters more.
const LONGEST: usize = 64;

/// A private folder, and the process group of all `ssh` processes of a run.
pub(super) struct Room {
    folder: PathBuf,
    /// The leader of the group. While it lives, nobody else's processes can be in a group of that number.
    guard: Child,
    /// Closed by whatever ends this process: then the guard does its work.
    _alive: ChildStdin,
    sockets: AtomicU32,
}

impl Room {
    pub(super) fn open() -> Result<Self, TransportError> {
        let failed = |what: &str, error: &io::Error| {
            TransportError::new(Rung::Tcp, "openssh-failed", format!("{what}: {error}"))
                .hint("transport: openssh needs a folder of its own below XDG_RUNTIME_DIR or /tmp, and /bin/sh")
        };
        let folder = folder().map_err(|error| failed("no folder can be made for the sockets of ssh", &error))?;
        let mut guard = program("/bin/sh", ["-c", GUARD, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It has its work to do when we are gone.
            .kill_on_drop(false)
            .spawn()
            .map_err(|error| failed("/bin/sh does not start", &error))?;
        match guard.stdin.take() {
            Some(alive) => Ok(Self { folder, guard, _alive: alive, sockets: AtomicU32::new(0) }),
            None => Err(failed("/bin/sh has no pipe", &io::ErrorKind::BrokenPipe.into())),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path for a socket that has not been given to anybody.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join(self.sockets.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// A program that ends with this room: by the guard at the latest, whatever becomes of us.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = program(name, [""; 0]);
        let group = self.guard.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        command.process_group(group);
        command
    }
}

/// Makes a folder that only we can look into, under a name that nobody can foresee.
fn folder() -> io::Result<PathBuf> {
    let name = format!("hactl-{:016x}", rand::random::<u64>());
    let make = |parent: &Path| {
        let folder = parent.join(&name);
        DirBuilder::new().mode(0o700).create(&folder).map(|()| folder)
    };
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| is_plain(path));
    match runtime.map(|runtime| make(&runtime)) {
        Some(Ok(folder)) => Ok(folder),
        // It may be another user's, after su.
        _ => make(Path::new("/tmp")),
    }
}

/// Is it short, and the same to every shell and to ssh's own configuration?
fn is_plain(path: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_.-".contains(byte);
    path.to_str()
        .is_some_and(|text| text.starts_with('/') && text.len() <= LONGEST - 23 && text.bytes().all(|b| plain(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_plain_places_are_taken() {
        assert!(is_plain(Path::new("/run/user/1000")));
        for path in ["run", "/a b", "/a%h", "/a'b", "/ü", &format!("/{}", "x".repeat(60))] {
            assert!(!is_plain(Path::new(path)), "{path}");
        }
    }
}
