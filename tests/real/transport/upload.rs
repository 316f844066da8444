//! Files that go to a host whole.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hactl::model::{Blob, Sha256, quote};
use tempfile::TempDir;

use super::*;
use crate::sshd::{Sshd, is_root, output, skip};

const PATIENCE: Duration = Duration::from_secs(60);

/// A file of this many bytes, none of which says much about the next.
pub(super) fn blob(folder: &Path, size: u32) -> Blob {
    let source = folder.join("driver 'x'.jar");
    let content: Vec<u8> = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::File::create(&source).unwrap().write_all(&content).unwrap();
    Blob { source, sha256: Sha256::of(&content), size: content.len() as u64 }
}

pub(super) fn state(folder: &Path) -> String {
    format!("HACTL_STATE={}", quote(folder.to_str().unwrap()))
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub(super) async fn upload(transport: &dyn Transport, blob: &Blob, state: &str) -> Result<(), TransportError> {
    upload_as(transport, blob, state, |request| request).await
}

/// The same, with requests that the test changes on the way.
async fn upload_as(
    transport: &dyn Transport,
    blob: &Blob,
    state: &str,
    change: impl Fn(Request) -> Request + Send + Sync,
) -> Result<(), TransportError> {
    let send = |request: Request| -> Answer<'_, Reply> {
        let request = change(request);
        Box::pin(async move { transport.run(&request).await })
    };
    hactl::transport::upload(blob, state, PATIENCE, &send).await
}

#[tokio::test]
async fn a_file_arrives_whole_under_its_digest_and_private() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 10 * 1024 * 1024);
    let place = folder.path().join("state of $HOME");
    let transport = open(&server.link()).await;
    upload(&*transport, &blob, &state(&place)).await.unwrap();
    let file = place.join("blobs").join(blob.sha256.to_string());
    assert!(fs::read(&file).unwrap() == fs::read(&blob.source).unwrap());
    assert_eq!(names(&place.join("blobs")), [blob.sha256.to_string()]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&place.join("blobs")), mode(&file)), (0o700, 0o700, 0o600));
    // The second time it is there; a broken one is replaced.
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    upload(&*transport, &blob, &state(&place)).await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    fs::write(&file, "half").unwrap();
    upload(&*transport, &blob, &state(&place)).await.unwrap();
    assert!(fs::read(&file).unwrap() == fs::read(&blob.source).unwrap());
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_leaves_nothing_behind() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 100_000);
    let transport = open(&server.link()).await;
    fs::write(&blob.source, "changed meanwhile").unwrap();
    let error = upload(&*transport, &blob, &state(folder.path())).await.unwrap_err();
    assert_eq!(error.code, "upload-digest");
    assert!(names(&folder.path().join("blobs")).is_empty());
    fs::remove_file(&blob.source).unwrap();
    let error = upload(&*transport, &blob, &state(folder.path())).await.unwrap_err();
    assert_eq!(error.code, "input-unreadable");
    assert!(error.cause.contains("driver"), "{error}");
}

#[tokio::test]
async fn what_a_killed_upload_left_is_cleared_away_by_the_next() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 100_000);
    let blobs = folder.path().join("blobs");
    fs::create_dir(&blobs).unwrap();
    // No process has this number, and the test's own is alive.
    let dead = format!("{}.4194999.part", blob.sha256);
    let alive = format!("{}.{}.part", blob.sha256, std::process::id());
    fs::write(blobs.join(dead), "half").unwrap();
    fs::write(blobs.join(&alive), "half").unwrap();
    let transport = open(&server.link()).await;
    upload(&*transport, &blob, &state(folder.path())).await.unwrap();
    let mut left = names(&blobs);
    left.sort();
    assert_eq!(left, [blob.sha256.to_string(), alive]);
}

#[tokio::test]
async fn a_connection_that_dies_on_the_way_leaves_no_file_under_the_name() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 30 * 1024 * 1024);
    let transport = open(&server.link()).await;
    let state = state(folder.path());
    let kill = async {
        let begun = |entry: &PathBuf| fs::metadata(entry).is_ok_and(|about| about.len() > 0);
        let blobs = folder.path().join("blobs");
        while !blobs.exists() || !names(&blobs).iter().any(|name| begun(&blobs.join(name))) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.signal("KILL");
    };
    let (result, ()) = tokio::join!(upload(&*transport, &blob, &state), kill);
    assert_eq!(result.unwrap_err().code, "connection-lost");
    let file = folder.path().join("blobs").join(blob.sha256.to_string());
    assert!(!file.exists());
}

#[tokio::test]
async fn a_host_without_sha256sum_is_told_apart() {
    let Some(server) = Sshd::start(&["SetEnv PATH=/nowhere HOME=FOLDER"]) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 10);
    let transport = open(&server.link()).await;
    let bare = |mut request: Request| {
        request.command = request.command.replacen("exec sh", "exec /bin/sh", 1);
        request
    };
    let error = upload_as(&*transport, &blob, &state(folder.path()), bare).await.unwrap_err();
    assert_eq!(error.code, "upload-no-sha256sum");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_apart() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 10);
    let transport = open(&server.link()).await;
    let error = upload(&*transport, &blob, &state(&blob.source)).await.unwrap_err();
    assert_eq!(error.code, "upload-no-folder");
}

/// A small file system of its own, unmounted when this is dropped.
struct Mount(TempDir);

impl Mount {
    fn new(options: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        if !is_root() {
            skip("only root can mount");
            return None;
        }
        let path = folder.path().to_str().unwrap();
        output("mount", &["-t", "tmpfs", "-o", options, "hactl-test", path]);
        Some(Self(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        output("umount", &[self.0.path().to_str().unwrap()]);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_left_clean() {
    let Some(mount) = Mount::new("size=1m") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 5_000_000);
    let transport = open(&server.link()).await;
    let error = upload(&*transport, &blob, &state(mount.0.path())).await.unwrap_err();
    assert_eq!(error.code, "upload-disk-full");
    assert!(error.cause.contains("5000000 bytes"), "{error}");
    assert!(names(&mount.0.path().join("blobs")).is_empty());
}

#[tokio::test]
async fn a_read_only_file_system_is_told_apart() {
    let Some(mount) = Mount::new("ro") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 10);
    let transport = open(&server.link()).await;
    let error = upload(&*transport, &blob, &state(mount.0.path())).await.unwrap_err();
    assert_eq!(error.code, "upload-read-only");
}

#[tokio::test]
async fn the_local_machine_takes_uploads_too() {
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 3_000_000);
    let transport = open(&super::local::link()).await;
    upload(&*transport, &blob, &state(folder.path())).await.unwrap();
    let file = folder.path().join("blobs").join(blob.sha256.to_string());
    assert!(fs::read(file).unwrap() == fs::read(&blob.source).unwrap());
}
