//! How nodes join: each holds a line to each other one, and a line that breaks is a member that left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use socket2::SockRef;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::configuration::Cluster;
use super::log::Log;

const AGENT: &str = "org.wso2.carbon.hazelcast.HazelcastClusteringAgent";
const LISTENER: &str = "org.wso2.carbon.hazelcast.wka.WKABasedMembershipScheme";

/// How long a silent member is tried. The real one takes 16 s of a start.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long two that could not reach one another take to merge once they can. The real ones take 35 s.
const MERGE: Duration = Duration::from_secs(3);
const BEAT: Duration = Duration::from_millis(200);

/// What two members tell one another, a line each; again when one of them has finished its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hello {
    domain: String,
    uuid: String,
    address: String,
    since: u64,
    ready: bool,
    coordinator: bool,
}

impl Hello {
    fn is_older_than(&self, other: &Self) -> bool {
        (self.since, &self.uuid) < (other.since, &other.uuid)
    }
}

/// A node's part in its cluster.
pub(super) struct Membership {
    cluster: Cluster,
    log: Log,
    /// While this file is there, the membership port is blocked.
    blocked: PathBuf,
    inner: Mutex<Inner>,
    own: watch::Sender<Hello>,
}

#[derive(Default)]
struct Inner {
    /// By uuid: what it last said, and how many lines there are to it.
    peers: BTreeMap<String, (Hello, usize)>,
}

impl Membership {
    pub(super) fn new(cluster: Cluster, log: Log, blocked: PathBuf) -> Arc<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let own = Hello {
            domain: cluster.domain.clone(),
            uuid: uuid(),
            address: format!("{}:{}", cluster.host, cluster.port),
            since: u64::try_from(since).unwrap_or(u64::MAX),
            ready: false,
            coordinator: false,
        };
        Arc::new(Self { cluster, log, blocked, inner: Mutex::default(), own: watch::Sender::new(own) })
    }

    fn is_blocked(&self) -> bool {
        self.blocked.exists()
    }

    /// Joins those who are there, and goes on alone where nobody is. Returns when the node may go on with its start.
    ///
    /// # Errors
    /// When the port is another's.
    pub(super) async fn join(self: &Arc<Self>) -> Result<(), String> {
        let started = tokio::time::Instant::now();
        let own = self.own.borrow().clone();
        let info = |text: &str| self.log.info(AGENT, text);
        info(&format!("Cluster domain: {}", own.domain));
        info(&format!("Using {} based membership management scheme", self.cluster.scheme));
        for member in &self.cluster.members {
            let (host, port) = member.rsplit_once(':').unwrap_or((member, "4000"));
            self.log.info(LISTENER, &format!("Added member: Host:{host}, Remote Host:null, Port: {port}, HTTP:-1, HTTPS:-1, Domain: null, Sub-domain:null, Active:true"));
        }
        info("Hazelcast cluster is initializing...");
        if ["127.0.0.1", "localhost"].contains(&self.cluster.host.as_str()) {
            let text = "localMemberHost is configured to use the loopback address. Hazelcast Clustering needs ip addresses for localMemberHost and well-known members.";
            self.log.warn(AGENT, text);
        }
        let (listener, port) = self.bind().await?;
        tokio::spawn(self.clone().accept(listener));
        let others: Vec<String> = self.cluster.members.iter().filter(|one| **one != own.address).cloned().collect();
        // Everybody is tried once before anything is decided; what fails is tried again for ever, behind our back.
        let (tell, mut tried) = tokio::sync::mpsc::channel(others.len().max(1));
        for other in others {
            tokio::spawn(self.clone().keep(other, tell.clone()));
        }
        drop(tell);
        while tried.recv().await.is_some() {}
        sleep(BEAT).await;
        info(&format!("Hazelcast initialized in {}ms", started.elapsed().as_millis()));
        info(&format!(
            "Local member: [{}] - Host:{}, Remote Host:null, Port: {}, HTTP:9763, HTTPS:9443, Domain: {}, Sub-domain:null, Active:true",
            own.uuid, self.cluster.host, port, own.domain
        ));
        self.own.send_modify(|own| own.ready = true);
        self.elect();
        info("Cluster initialization completed");
        Ok(())
    }

    /// Takes the membership port, or in silence the next one that is free, where no peer looks for it.
    async fn bind(&self) -> Result<(TcpListener, u16), String> {
        let Cluster { host, port, .. } = &self.cluster;
        let mut last = String::new();
        for port in (*port..).take(100) {
            match TcpListener::bind((host.as_str(), port)).await {
                Ok(listener) => return Ok((listener, port)),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => last = error.to_string(),
                Err(error) => return Err(format!("{host}:{port}: {error}")),
            }
        }
        Err(last)
    }

    /// The oldest member coordinates.
    fn elect(&self) {
        let own = self.own.borrow().clone();
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let older = inner.peers.values().any(|(peer, _)| peer.is_older_than(&own));
        drop(inner);
        let elected = own.ready && !older;
        if elected && !own.coordinator {
            self.log.info(AGENT, &format!("Elected this member [{}] as the Coordinator node", own.uuid));
        }
        if elected != own.coordinator {
            self.own.send_modify(|own| own.coordinator = elected);
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            if self.is_blocked() {
                // A port that drops what comes is silent. A queue that is full and that nobody empties is silent too,
                // and the socket is still seen to listen.
                let _ = SockRef::from(&listener).listen(0);
                let mut full = Vec::new();
                if let Ok(own) = listener.local_addr() {
                    while let Ok(Ok(stream)) = timeout(BEAT, TcpStream::connect(own)).await {
                        full.push(stream);
                    }
                }
                while self.is_blocked() {
                    sleep(BEAT).await;
                }
                let _ = SockRef::from(&listener).listen(128);
            }
            if let Ok(Ok((stream, _))) = timeout(BEAT, listener.accept()).await {
                tokio::spawn(self.clone().link(stream, None));
            }
        }
    }

    /// Tries a member until there is a line to it, for ever.
    async fn keep(self: Arc<Self>, address: String, tell: tokio::sync::mpsc::Sender<()>) {
        let mut first = Some(tell);
        let mut was_silent = false;
        loop {
            let known = {
                let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                inner.peers.values().any(|(peer, _)| peer.address == address)
            };
            if !known {
                let connecting = async {
                    if self.is_blocked() {
                        std::future::pending::<()>().await;
                    }
                    TcpStream::connect(&address).await
                };
                match timeout(PATIENCE, connecting).await {
                    Err(_) => was_silent = true,
                    Ok(Err(_)) => {}
                    Ok(Ok(stream)) => {
                        if was_silent && first.is_none() {
                            sleep(MERGE).await;
                        }
                        was_silent = false;
                        self.clone().link(stream, first.take()).await;
                    }
                }
            }
            first = None;
            sleep(BEAT).await;
        }
    }

    /// One line to a peer, until it breaks.
    async fn link(self: Arc<Self>, stream: TcpStream, mut tell: Option<tokio::sync::mpsc::Sender<()>>) {
        let _ = stream.set_nodelay(true);
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut own = self.own.subscribe();
        let mut known: Option<Hello> = None;
        loop {
            let hello = own.borrow_and_update().clone();
            let Ok(line) = serde_json::to_string(&hello) else { break };
            if writer.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                break;
            }
            let mut broken = false;
            loop {
                tokio::select! {
                    line = lines.next_line() => {
                        let peer = line.ok().flatten().and_then(|line| serde_json::from_str::<Hello>(&line).ok());
                        match peer {
                            Some(peer) if peer.domain == hello.domain && peer.uuid != hello.uuid => {
                                if let Some(old) = known.take_if(|old| old.uuid != peer.uuid) {
                                    self.lost(&old);
                                }
                                if self.heard(&peer, known.is_none()) {
                                    known = Some(peer);
                                }
                                tell = None;
                            }
                            _ => broken = true,
                        }
                    }
                    changed = own.changed() => {
                        broken = changed.is_err();
                        if !broken { break; }
                    }
                    () = sleep(BEAT) => {
                        if self.is_blocked() {
                            // What is under way is lost, and a while later the others notice.
                            sleep(PATIENCE).await;
                            broken = self.is_blocked();
                        }
                    }
                }
                if broken {
                    break;
                }
            }
            if broken {
                break;
            }
        }
        drop(tell);
        if let Some(peer) = known {
            self.lost(&peer);
        }
    }

    /// Takes note of what a peer says of itself; `false` when it must first come under another id.
    fn heard(&self, peer: &Hello, is_new: bool) -> bool {
        let own = self.own.borrow().clone();
        if own.coordinator && peer.coordinator {
            // Two clusters become one: the younger one comes back to the older under a new id.
            if own.is_older_than(peer) {
                return false;
            }
            self.own.send_modify(|own| {
                own.uuid = uuid();
                own.coordinator = false;
            });
        }
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let first = || (Hello { ready: false, ..peer.clone() }, 0);
            let (said, lines) = inner.peers.entry(peer.uuid.clone()).or_insert_with(first);
            *lines += usize::from(is_new);
            // Whoever comes to a cluster does not name those who were there before.
            if own.ready && peer.ready && !said.ready {
                self.log.info(LISTENER, &format!("Member joined [{}]: /{}", peer.uuid, peer.address));
            }
            *said = peer.clone();
        }
        self.elect();
        true
    }

    fn lost(&self, peer: &Hello) {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((said, lines)) = inner.peers.get_mut(&peer.uuid) else { return };
            *lines -= 1;
            if *lines > 0 {
                return;
            }
            if said.ready && self.own.borrow().ready {
                self.log.info(LISTENER, &format!("Member left [{}]: /{}", peer.uuid, peer.address));
            }
            inner.peers.remove(&peer.uuid);
        }
        self.elect();
    }

    /// The addresses of the members that are there, the own one first.
    pub(super) fn members(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let others = inner.peers.values().filter(|(peer, _)| peer.ready).map(|(peer, _)| peer.address.clone());
        std::iter::once(self.own.borrow().address.clone()).chain(others).collect()
    }
}

fn uuid() -> String {
    let bytes: [u8; 16] = rand::RngExt::random(&mut rand::rng());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}
