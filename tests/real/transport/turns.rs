//! Who may log in behind a jump host, and who waits for that.

use std::sync::{Arc, Mutex};

use russh::keys::PrivateKey;
use russh::server::{Auth, Config, Handler, PublicKeyOffer, VerifiedPublicKey, run_stream};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::sshd::{Sshd, is_left_to_openssh, keygen};
use hactl::transport::JumpHosts;

const HOSTS: usize = 24;

/// How far the clients of all servers have got.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    /// They are connected, and have not logged in.
    outside: usize,
    /// Of these, they offer a key.
    asking: usize,
    most_outside: usize,
    most_asking: usize,
}

#[derive(Clone)]
struct Door {
    count: Arc<Mutex<Count>>,
    changed: watch::Sender<Count>,
    /// Nobody is let in before it is.
    open: watch::Receiver<bool>,
}

impl Door {
    fn count(&self, change: impl FnOnce(&mut Count)) {
        let mut count = self.count.lock().unwrap();
        change(&mut count);
        count.most_outside = count.most_outside.max(count.outside);
        count.most_asking = count.most_asking.max(count.asking);
        self.changed.send_replace(*count);
    }
}

impl Handler for Door {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, _: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        self.count(|count| count.asking += 1);
        drop(self.open.wait_for(|open| *open).await);
        Ok(Auth::Accept)
    }

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.count(|count| (count.asking, count.outside) = (count.asking - 1, count.outside - 1));
        Ok(Auth::Accept)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_log_in_at_once_behind_a_hop_and_the_next_eight_are_connected_by_then() {
    if is_left_to_openssh("connections that are opened before it is their turn") {
        return;
    }
    let Some(hop) = Sshd::start(&[]) else { return };
    let folder = tempfile::TempDir::new().unwrap();
    keygen(&folder.path().join("host"), "ed25519", "");
    let key = PrivateKey::read_openssh_file(folder.path().join("host")).unwrap();
    let public = std::fs::read_to_string(folder.path().join("host.pub")).unwrap();
    let config = Arc::new(Config { keys: vec![key], ..Config::default() });
    let (changed, mut counts) = watch::channel(Count::default());
    let (opener, open) = watch::channel(false);
    let door = Door { count: Arc::default(), changed, open };

    let jump_hosts = JumpHosts::default();
    let via = Some(Arc::new(Link { name: "hop-1".to_owned(), jump_hosts: jump_hosts.clone(), ..hop.link() }));
    let mut records = String::new();
    let mut links = Vec::new();
    for _ in 0..HOSTS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        records += &format!("[127.0.0.1]:{port} {public}");
        links.push(Link { port, via: via.clone(), jump_hosts: jump_hosts.clone(), ..hop.link() });
        let (config, door) = (config.clone(), door.clone());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            door.count(|count| count.outside += 1);
            if let Ok(session) = run_stream(config, stream, door).await {
                drop(session.await);
            }
        });
    }
    let known = folder.path().join("known_hosts");
    std::fs::write(&known, records).unwrap();
    let crowd: Vec<_> = links
        .into_iter()
        .map(|link| {
            let link = Link { known_hosts: vec![known.clone()], ..link };
            tokio::spawn(async move { connect(&link).await.map(drop) })
        })
        .collect();

    let full = counts.wait_for(|count| count.outside >= 16 && count.asking >= 8);
    let full = tokio::time::timeout(Duration::from_secs(20), full).await.map(|count| *count.unwrap());
    assert_eq!(full.map(|count| (count.outside, count.asking)), Ok((16, 8)), "{:?}", door.count.lock().unwrap());
    opener.send(true).unwrap();
    for one in crowd {
        one.await.unwrap().unwrap();
    }
    let count = *door.count.lock().unwrap();
    assert_eq!((count.outside, count.asking), (0, 0), "{count:?}");
    assert_eq!((count.most_outside, count.most_asking), (16, 8), "{count:?}");
}
