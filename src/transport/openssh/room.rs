//! Where the sockets of a run's `ssh` processes are, and who ends these processes when hactl is gone.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::transport::error::out_of_files;
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

/// How long `ssh` may take to say its version.
const VERSION: Duration = Duration::from_secs(10);

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
    /// Of the `ssh` that is there, if it says so.
    version: Option<(u32, u32)>,
}

impl Room {
    pub(super) async fn open() -> Result<Self, TransportError> {
        // It prints that where errors go.
        let said = program("ssh", ["-V"]).stdin(Stdio::null()).output();
        let said = timeout(VERSION, said).await.ok();
        if let Some(ours) = said.as_ref().and_then(|said| out_of_files(Rung::Tcp, said.as_ref().err()?)) {
            return Err(ours);
        }
        let version = said.and_then(Result::ok);
        let version = version.and_then(|said| version_in(&String::from_utf8_lossy(&said.stderr)));
        let failed = |what: &str, error: &io::Error| {
            out_of_files(Rung::Tcp, error).unwrap_or_else(|| {
                TransportError::new(Rung::Tcp, "openssh-failed", format!("{what}: {error}"))
                    .hint("transport: openssh needs a folder of its own below XDG_RUNTIME_DIR or /tmp, and /bin/sh")
            })
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
            Some(alive) => Ok(Self { folder, guard, _alive: alive, sockets: AtomicU32::new(0), version }),
            None => Err(failed("/bin/sh has no pipe", &io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Can `ssh` be made to ask our program, even if there is a terminal? Since OpenSSH 8.4.
    pub(super) fn can_ask(&self) -> bool {
        self.version.is_some_and(|version| version >= (8, 4))
    }

    /// Does `ssh` say who asks, before it shows what a server wants to know? Since OpenSSH 8.5.
    pub(super) fn names_who_asks(&self) -> bool {
        self.version.is_some_and(|version| version >= (8, 5))
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

/// `OpenSSH_9.2p1 Debian-2, OpenSSL 3.0.19`, and on some systems with something before it.
fn version_in(said: &str) -> Option<(u32, u32)> {
    let (_, version) = said.split_once("OpenSSH_")?;
    let version = version.trim_start_matches("for_Windows_");
    let mut numbers = version.split(|sign: char| !sign.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
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
    fn the_version_is_known_by_what_ssh_says() {
        assert_eq!(version_in("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"), Some((9, 2)));
        assert_eq!(version_in("OpenSSH_10.0p2, LibreSSL 3.3.6\n"), Some((10, 0)));
        assert_eq!((version_in("Sun_SSH_1.1"), version_in("OpenSSH_x")), (None, None));
    }

    #[test]
    fn only_short_and_plain_places_are_taken() {
        assert!(is_plain(Path::new("/run/user/1000")));
        for path in ["run", "/a b", "/a%h", "/a'b", "/ü", &format!("/{}", "x".repeat(60))] {
            assert!(!is_plain(Path::new(path)), "{path}");
        }
    }
}
