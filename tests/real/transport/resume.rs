//! Uploads that go on where a cut has ended them, counted by a wire that the test holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hactl::model::Blob;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::upload::{blob, names, state, upload};
use super::*;
use crate::sshd::Sshd;

const SIZE: u32 = 24 * 1024 * 1024;
/// What goes over the wire besides the file: key exchange, log-in, packets' heads.
const BESIDES: u64 = 512 * 1024;

/// A wire to a server that counts what goes up, and is cut after so many bytes.
struct Wire {
    link: Link,
    sent: Arc<AtomicU64>,
}

impl Wire {
    async fn to(server: &Sshd, cut_after: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut link = server.link();
        let (there, here) = (link.port, listener.local_addr().unwrap().port());
        let known = fs::read_to_string(server.known_hosts()).unwrap();
        let own = server.file(&format!("known_hosts.{here}"));
        fs::write(&own, known.replace(&format!(":{there} "), &format!(":{here} "))).unwrap();
        (link.port, link.known_hosts) = (here, vec![own]);
        let sent = Arc::new(AtomicU64::new(0));
        let count = sent.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", there)).await.unwrap();
                tokio::spawn(carry(client, server, count.clone(), cut_after));
            }
        });
        Self { link, sent }
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Carries bytes both ways until an end closes or the wire is cut; then both ends are closed.
async fn carry(client: TcpStream, server: TcpStream, count: Arc<AtomicU64>, cut_after: u64) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let up = async {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut chunk).await {
            if to_server.write_all(&chunk[..read]).await.is_err()
                || count.fetch_add(read as u64, Ordering::Relaxed) + read as u64 > cut_after
            {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

/// The part that a cut has left: its path and length.
fn part(folder: &Path) -> (PathBuf, u64) {
    let blobs = folder.join("blobs");
    let names = names(&blobs);
    assert!(names.len() == 1 && names[0].ends_with(".part"), "{names:?}");
    let path = blobs.join(&names[0]);
    let length = fs::metadata(&path).unwrap().len();
    (path, length)
}

fn is_whole(folder: &Path, blob: &Blob) {
    assert_eq!(names(&folder.join("blobs")), [blob.sha256.to_string()], "nothing but the file is there");
    let file = folder.join("blobs").join(blob.sha256.to_string());
    assert!(fs::read(file).unwrap() == fs::read(&blob.source).unwrap());
}

/// A server, and a part of a file that a cut upload has left in a folder.
async fn cut() -> Option<(Sshd, TempDir, Blob)> {
    let server = Sshd::start(&[])?;
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), SIZE);
    let wire = Wire::to(&server, u64::from(SIZE) / 2).await;
    let transport = open(&wire.link).await;
    let error = upload(&*transport, &blob, &state(folder.path())).await.unwrap_err();
    assert_eq!(error.code, "connection-lost");
    Some((server, folder, blob))
}

#[tokio::test]
async fn the_next_upload_sends_only_what_the_cut_one_has_not() {
    let Some((server, folder, blob)) = cut().await else { return };
    let again = Wire::to(&server, u64::MAX).await;
    let transport = open(&again.link).await;
    // The server reads what has reached it before it notices the end.
    let mut length = 0;
    for _ in 0..200 {
        let now = part(folder.path()).1;
        if now == length && now > 0 {
            break;
        }
        length = now;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(length > u64::from(SIZE) / 4, "{length} bytes had arrived");
    upload(&*transport, &blob, &state(folder.path())).await.unwrap();
    is_whole(folder.path(), &blob);
    let rest = u64::from(SIZE) - length;
    assert!((rest..rest + BESIDES).contains(&again.sent()), "{} bytes were sent for {rest}", again.sent());
    // What is there is not sent at all.
    let third = Wire::to(&server, u64::MAX).await;
    upload(&*open(&third.link).await, &blob, &state(folder.path())).await.unwrap();
    assert!(third.sent() < BESIDES, "{}", third.sent());
}

#[tokio::test]
async fn an_upload_goes_on_by_itself_while_each_connection_brings_it_further() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), SIZE);
    // Two connections of the four are cut; the last bytes go over the third.
    let wires = [
        Wire::to(&server, u64::from(SIZE) / 3).await,
        Wire::to(&server, u64::from(SIZE) * 2 / 3).await,
        Wire::to(&server, u64::MAX).await,
    ];
    let links: Vec<&Link> = wires.iter().map(|wire| &wire.link).collect();
    let current: tokio::sync::Mutex<(usize, Option<Box<dyn Transport>>)> = tokio::sync::Mutex::new((0, None));
    let send = |request: Request| -> Answer<'_, Reply> {
        Box::pin(async {
            let request = request;
            let mut current = current.lock().await;
            if current.1.is_none() {
                current.1 = Some(connect(links[current.0.min(2)]).await?);
            }
            let result = current.1.as_ref().unwrap().run(&request).await;
            if result.is_err() {
                *current = (current.0 + 1, None);
            }
            result
        })
    };
    hactl::transport::upload(&blob, &state(folder.path()), Duration::from_secs(60), &send).await.unwrap();
    is_whole(folder.path(), &blob);
    assert_eq!(current.lock().await.0, 2, "two connections were cut");
    // What was on its way when a connection was cut is sent twice.
    let sent: u64 = wires.iter().map(Wire::sent).sum();
    assert!(sent < u64::from(SIZE) * 3 / 2, "{sent} bytes were sent for {SIZE}");
}

#[tokio::test]
async fn a_part_that_is_not_the_beginning_of_the_file_is_thrown_away() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 3_000_000);
    let blobs = folder.path().join("blobs");
    fs::create_dir(&blobs).unwrap();
    let content = fs::read(&blob.source).unwrap();
    let transport = open(&server.link()).await;
    // No process has this number. Another content, and more than there should be.
    for (what, left) in [("another", vec![b'x'; 2_000_000]), ("longer", [&content[..], b"x"].concat())] {
        fs::write(blobs.join(format!("{}.4194999.part", blob.sha256)), left).unwrap();
        upload(&*transport, &blob, &state(folder.path())).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        is_whole(folder.path(), &blob);
        fs::remove_file(blobs.join(blob.sha256.to_string())).unwrap();
    }
}

#[tokio::test]
async fn a_part_that_is_already_whole_and_the_longest_of_several_are_taken() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 3_000_000);
    let blobs = folder.path().join("blobs");
    fs::create_dir(&blobs).unwrap();
    let content = fs::read(&blob.source).unwrap();
    for lengths in [[3_000_000, 1_500_000], [1_200_000, 2_900_000]] {
        for (process, length) in [4_194_998, 4_194_999].into_iter().zip(lengths) {
            fs::write(blobs.join(format!("{}.{process}.part", blob.sha256)), &content[..length]).unwrap();
        }
        let wire = Wire::to(&server, u64::MAX).await;
        upload(&*open(&wire.link).await, &blob, &state(folder.path())).await.unwrap();
        assert!(wire.sent() < BESIDES, "{} bytes were sent", wire.sent());
        is_whole(folder.path(), &blob);
        fs::remove_file(blobs.join(blob.sha256.to_string())).unwrap();
    }
}

#[tokio::test]
async fn a_large_file_that_has_become_shorter_leaves_nothing_behind() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let blob = blob(folder.path(), 3_000_000);
    fs::write(&blob.source, vec![b'x'; 2_000_000]).unwrap();
    let error = upload(&*open(&server.link()).await, &blob, &state(folder.path())).await.unwrap_err();
    assert_eq!(error.code, "upload-digest");
    assert!(names(&folder.path().join("blobs")).is_empty());
}
