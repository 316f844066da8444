//! Adding keys to a known_hosts file while others add to it too.
//!
//! Lines are only ever appended, in one write: what stands in the file stays as it is, and a line that `ssh` appends at
//! the same time is not lost. A lock on the file keeps two of us from adding a line twice.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use russh::keys::PublicKey;

use super::line::Line;
use super::{KnownHosts, Verdict, names};
use crate::transport::HostKey;

/// How long the file may be locked by another of us, who holds the lock for as long as one write takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the file may be replaced under our hands before we give up.
const TRIES: u32 = 5;

/// What came of recording keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How many lines were added.
    pub added: usize,
    /// How many keys were there already: somebody else was faster.
    pub there: usize,
    /// The fingerprints of keys that were not recorded, because the file holds another key of that host by now, or says
    /// that this one is revoked.
    pub refused: Vec<String>,
}

/// A known_hosts file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {cause}", .file.display())]
pub struct RecordError {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub cause: String,
}

/// Adds the keys to the file; those that it holds already are left out. The file and its folder are made where they are
/// missing. Blocks for as long as another of us writes.
///
/// # Errors
/// When the file cannot be read or written. It is as it was then.
pub fn record(file: &Path, keys: &[HostKey]) -> Result<Recorded, RecordError> {
    let failed = |error: io::Error| RecordError { file: file.to_owned(), cause: error.to_string() };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let end = Instant::now() + PATIENCE;
    for _ in 0..TRIES {
        let mut open = locked(file, end).map_err(failed)?;
        if !open.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("it is no ordinary file")));
        }
        let mut content = Vec::new();
        open.read_to_end(&mut content).map_err(failed)?;
        let (lines, done) = missing(&String::from_utf8_lossy(&content), keys);
        if done.added > 0 {
            append(&mut open, &content, &lines).map_err(failed)?;
        }
        // `ssh` and `ssh-keygen` change a file by putting another in its place. If that was made before our lines were
        // there, they are gone with the old one, and are added to the new one.
        if done.added == 0 || is_same(&open, file) {
            return Ok(done);
        }
    }
    Err(failed(io::Error::other("somebody else replaces it again and again")))
}

/// The line of a known_hosts file that makes a key known; the name is hashed if `hashed`.
pub fn known_hosts_line(key: &HostKey, hashed: bool) -> String {
    let name = if hashed { names::hash(&key.name, &rand::random()) } else { key.name.clone() };
    format!("{name} {}\n", key.line)
}

/// The file, made if need be, locked, and still the one of this name.
fn locked(file: &Path, end: Instant) -> io::Result<File> {
    loop {
        let open = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
        match open.try_lock() {
            Ok(()) if is_same(&open, file) => return Ok(open),
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                return Err(io::Error::new(ErrorKind::TimedOut, "another process keeps it locked"));
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(10)),
        }
    }
}

/// Is the open file the one that the name leads to?
fn is_same(open: &File, file: &Path) -> bool {
    match (open.metadata(), file.metadata()) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}

/// Writes whole lines or none.
fn append(open: &mut File, before: &[u8], lines: &str) -> io::Result<()> {
    let gap = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
    let text = format!("{gap}{lines}");
    let length = open.metadata()?.len();
    let written = open.write(text.as_bytes())?;
    if written < text.len() {
        // The disk is full. Half a line would be read as another key; what others appended meanwhile stays.
        if open.metadata()?.len() == length + written as u64 {
            open.set_len(length)?;
        }
        return Err(io::Error::new(ErrorKind::WriteZero, "the disk took only a part of it"));
    }
    open.sync_all()
}

/// The lines that a file of this text lacks, and what becomes of each key.
fn missing(text: &str, keys: &[HostKey]) -> (String, Recorded) {
    let (mut lines, mut done) = (String::new(), Recorded::default());
    let hashed = is_hashed(text);
    for key in keys {
        let judge = |text: &str, public: &PublicKey| {
            let mut known = KnownHosts::named(&key.name);
            known.add(Path::new(""), text);
            known.check_key(public.key_data())
        };
        let verdict = PublicKey::from_openssh(&key.line).map(|public| match judge(&lines, &public) {
            // The same server by two names; but several servers may also be recorded under one alias.
            Verdict::Known => Verdict::Known,
            _ => judge(text, &public),
        });
        match verdict {
            Ok(Verdict::Known) => done.there += 1,
            Ok(Verdict::Unknown { others }) if others.is_empty() && names::is_plain(&key.name) => {
                lines.push_str(&known_hosts_line(key, hashed));
                done.added += 1;
            }
            _ => done.refused.push(key.fingerprint.clone()),
        }
    }
    (lines, done)
}

/// Are names hidden in this file? As its last line about a host has it.
fn is_hashed(text: &str) -> bool {
    let mut hosts = text.lines().rev().filter_map(Line::read).filter(|line| line.marker.is_none());
    hosts.next().is_some_and(|line| line.is_hashed())
}

#[cfg(test)]
mod tests;
