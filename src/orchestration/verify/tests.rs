//! Clusters of small servers in this process, with all the ways in which one can fail to work.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::asks::asks;
use super::*;
use crate::model::Secret;
use crate::model::inventory::{Place as Where, Secrets, read};
use crate::model::profile::Profile;
use crate::orchestration::link::Links;
use crate::orchestration::{Controller, Exit, FleetOptions, Selection};
use crate::steps::Allow;
use crate::steps::verify::{Asks, Shared};
use crate::transport::Keyring;
use crate::transport::user_config::SshConfig;

const PASSWORD: &str = "s3cret-word";

/// What all nodes of a cluster store.
type Store = Arc<Mutex<Vec<String>>>;

/// A node: what it says to a request, given as its whole text.
#[derive(Clone)]
struct Fake {
    name: &'static str,
    store: Store,
    /// Says something else to requests that hold these words.
    instead: BTreeMap<&'static str, &'static str>,
}

impl Fake {
    fn new(name: &'static str, store: &Store) -> Self {
        Self { name, store: store.clone(), instead: BTreeMap::new() }
    }

    fn but(mut self, request: &'static str, answer: &'static str) -> Self {
        self.instead.insert(request, answer);
        self
    }

    fn answer(&self, request: &str) -> String {
        if let Some((_, answer)) = self.instead.iter().find(|(words, _)| request.contains(*words)) {
            return (*answer).to_owned();
        }
        let value = |request: &str| request.split("args0>").nth(1).unwrap().trim_end_matches("</").to_owned();
        let said = match request {
            r if r.contains("GET /services/Version ") => "<getVersionResponse>".to_owned(),
            r if r.contains("urn:login") && r.contains(PASSWORD) => "<ns:return>true</ns:return>".to_owned(),
            r if r.contains("urn:login") => format!("<ns:return>false</ns:return>{r}"),
            r if r.contains("urn:addServerRoles") => {
                self.store.lock().unwrap().push(value(r));
                "<addServerRolesResponse><ns:return>false</ns:return>".to_owned()
            }
            r if r.contains("urn:removeServerRoles") => {
                self.store.lock().unwrap().retain(|known| *known != value(r));
                "<ns:return>true</ns:return>".to_owned()
            }
            r if r.contains("urn:readServerRoles") => {
                let known = self.store.lock().unwrap().clone();
                let list: String = known.iter().map(|value| format!("<ns:return>{value}</ns:return>")).collect();
                format!("<readServerRolesResponse>{list}")
            }
            _ => String::new(),
        };
        answer("200 OK", "", &said)
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Serves one request a connection, for as long as the test runs.
async fn serve(say: impl Fn(&str) -> String + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let say = Arc::new(say);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let say = say.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !is_whole(&String::from_utf8_lossy(&seen)) {
                    if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let _ = stream.write_all(say(&String::from_utf8_lossy(&seen)).as_bytes()).await;
            });
        }
    });
    port
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn place(port: u16) -> Place {
    Place::new(vec![Door::direct("127.0.0.1", port)], Tls::Plain, "sso.example.com".to_owned())
}

async fn node(fake: &Fake) -> NodePlace {
    let (name, fake) = (fake.name.parse().unwrap(), fake.clone());
    NodePlace { name, place: place(serve(move |request| fake.answer(request)).await) }
}

/// A balancer that sends each request to the next of `turns`, and says to whom.
async fn front(turns: Vec<Fake>, one_for_us: bool) -> Front {
    let next = AtomicUsize::new(0);
    let port = serve(move |request| {
        let fake = &turns[next.fetch_add(1, Ordering::Relaxed) % turns.len()];
        let header = format!("\r\nX-Hactl-Node: {}\r\n", fake.name);
        fake.answer(request).replacen("\r\n", if fake.name.is_empty() { "\r\n" } else { &header }, 1)
    })
    .await;
    Front { name: "sso.example.com".to_owned(), by: None, place: place(port), one_for_us }
}

fn asks_for(product: &str, admin: bool) -> Arc<Asks> {
    let admin = if admin { "admin: { username: admin, password: { env: ADMIN } }\n" } else { "" };
    let text = format!("version: 1\ncluster: iam\nhosts: {{ is-1: {{ address: 10.0.0.1 }} }}\n{admin}");
    let lies = Where { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(&text, &lies).unwrap();
    let cluster = inventory.clusters[0].clone();
    let mut secrets = Secrets::default();
    for used in inventory.secrets(&cluster) {
        secrets.insert(used.source.clone(), Secret::new(PASSWORD.to_owned()));
    }
    asks(&cluster, &Profile::find(product, "4.5.1").unwrap(), &secrets).unwrap()
}

async fn proved(nodes: &[Fake], front: Option<Front>) -> Result<Proof, Failure> {
    let mut places = Vec::new();
    for fake in nodes {
        places.push(node(fake).await);
    }
    prove(&Ground::new(places, front), &asks_for("wso2carbon", true), &Stop::new()).await
}

fn pair() -> (Store, [Fake; 2]) {
    let store = Store::default();
    let nodes = [Fake::new("is-1", &store), Fake::new("is-2", &store)];
    (store, nodes)
}

#[tokio::test]
async fn a_cluster_that_works_is_proved_to_and_left_as_it_was() {
    let (store, nodes) = pair();
    store.lock().unwrap().push("mine".to_owned());
    let proof = proved(&nodes, Some(front(nodes.to_vec(), false).await)).await.unwrap();
    assert_eq!(proof.words(), "both nodes answer through sso.example.com; what is-1 wrote is-2 reads");
    assert_eq!(proof.not_proved, [""; 0]);
    assert_eq!(*store.lock().unwrap(), ["mine"]);
    // Two probes of each node, as many through the balancer, and four for what is written.
    assert_eq!(proof.requests, 4 + 4 + 4);
}

#[tokio::test]
async fn what_a_stopping_node_answers_is_no_answer() {
    for (wrong, told) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 without `return>true<`, with an empty body"),
        (
            "HTTP/1.1 302 \r\nLocation: /carbon/admin/login.jsp\r\nContent-Length: 0\r\n\r\n",
            "302 to /carbon/admin/login.jsp",
        ),
    ] {
        let (_, [first, second]) = pair();
        let failure = proved(&[first, second.but("urn:login", wrong)], None).await.unwrap_err();
        assert_eq!((failure.code, failure.step), ("verify-wrong-answer", Some(VERIFY)));
        assert!(
            failure.cause.starts_with("is-2 answered `login` with ") && failure.cause.contains(told),
            "{failure:?}"
        );
    }
    // The same through the balancer alone, whose node is named.
    let (_, [first, second]) = pair();
    let stopping = second.clone().but("GET /services/Version", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let front = front(vec![first.clone(), stopping], false).await;
    let failure = proved(&[first, second], Some(front)).await.unwrap_err();
    assert!(
        failure.cause.starts_with("sso.example.com (is-2) answered `ready` with 502 instead of 200"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_node_that_the_balancer_leaves_out_is_found() {
    let (_, nodes) = pair();
    let lame = front(vec![nodes[0].clone()], false).await;
    let failure = proved(&nodes, Some(lame)).await.unwrap_err();
    assert_eq!(failure.code, "verify-node-silent", "{failure:?}");

    // With one client for one node that is how it should be, and told.
    let proof = proved(&nodes, Some(front(vec![nodes[0].clone()], true).await)).await.unwrap();
    assert!(proof.words().starts_with("both nodes answer when asked directly, and is-1 through sso.example.com; "));
    assert!(proof.not_proved[0].contains("ip_hash"), "{:?}", proof.not_proved);

    let silent: Vec<Fake> = nodes.iter().map(|fake| Fake { name: "", ..fake.clone() }).collect();
    let proof = proved(&nodes, Some(front(silent, false).await)).await.unwrap();
    assert!(proof.not_proved[0].contains("show_node"), "{:?}", proof.not_proved);

    let stranger = Fake { name: "old-9", ..nodes[0].clone() };
    let failure = proved(&nodes, Some(front(vec![stranger], false).await)).await.unwrap_err();
    assert_eq!(failure.code, "verify-stranger");
    assert!(failure.cause.contains("`old-9`"), "{failure:?}");
}

#[tokio::test]
async fn two_nodes_that_share_nothing_are_found_and_nothing_is_left_on_either() {
    let (mine, theirs) = (Store::default(), Store::default());
    let nodes = [Fake::new("is-1", &mine), Fake::new("is-2", &theirs)];
    let places = vec![node(&nodes[0]).await, node(&nodes[1]).await];
    let ground = Ground { spreading: Duration::from_millis(700), ..Ground::new(places, None) };
    let failure = prove(&ground, &asks_for("wso2carbon", true), &Stop::new()).await.unwrap_err();
    assert_eq!(failure.code, "verify-not-shared", "{failure:?}");
    assert!(failure.cause.starts_with("is-1 wrote a server role, and is-2 does not read it: "), "{failure:?}");
    assert!(mine.lock().unwrap().is_empty() && theirs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_written_is_taken_away_also_when_nobody_can_say_that_it_was() {
    let (store, [first, second]) = pair();
    let late = second.but("urn:readServerRoles", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    let failure = proved(&[first, late], None).await.unwrap_err();
    assert!(failure.cause.contains("is-2 does not read it"), "{failure:?}");
    assert!(store.lock().unwrap().is_empty());

    let (store, [first, second]) = pair();
    let stuck = first.but("urn:removeServerRoles", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let failure = proved(&[stuck, second], None).await.unwrap_err();
    assert_eq!(failure.code, "verify-left-behind");
    assert_eq!(store.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_product_without_a_shared_place_is_told_and_no_failure() {
    let (_, [first, second]) = pair();
    let missing = "HTTP/1.1 500 \r\nContent-Length: 85\r\n\r\n\
                   <f>The service cannot be found for the endpoint reference (EPR) https://x/services/X</f";
    let without = first.but("ServerRolesManager", missing);
    let proof = proved(&[without.clone(), second], None).await.unwrap();
    assert_eq!(proof.words(), "both nodes answer when asked directly");
    assert!(matches!(&proof.shared, Shared::NotTried { because } if because == "is-1 has no place for a server role"));
    assert_eq!(proof.not_proved.len(), 1);
    let alone = proved(&[without], None).await.unwrap();
    assert_eq!(alone.words(), "is-1 answers when asked directly");
    assert!(alone.not_proved[0].contains("it takes two nodes"), "{:?}", alone.not_proved);
}

#[tokio::test]
async fn no_word_of_a_failure_holds_a_secret() {
    let (_, [first, second]) = pair();
    // A server that gives back what it got.
    let echo = Fake { instead: BTreeMap::new(), ..second };
    let asks = asks_for("wso2carbon", true);
    let mirror = serve(|request| answer("500 Oops", "", request.split("<username>").nth(1).unwrap_or("-"))).await;
    let mirror = NodePlace { name: echo.name.parse().unwrap(), place: place(mirror) };
    let mut only_login = Arc::into_inner(asks).unwrap();
    only_login.probes.retain(|ask| ask.name == "login");
    let ground = Ground::new(vec![node(&first).await, mirror], None);
    let failure = prove(&ground, &Arc::new(only_login), &Stop::new()).await.unwrap_err();
    assert!(failure.cause.contains("admin</username><password>[redacted]</password>"), "{failure:?}");
    assert!(!format!("{failure:?}").contains(PASSWORD));
}

#[tokio::test]
async fn nothing_more_is_asked_once_somebody_wants_to_stop() {
    let (store, nodes) = pair();
    let stop = Stop::new();
    stop.ask(Exit::Interrupted);
    let ground = Ground::new(vec![node(&nodes[0]).await, node(&nodes[1]).await], None);
    let failure = prove(&ground, &asks_for("wso2carbon", true), &stop).await.unwrap_err();
    assert_eq!(failure.code, "interrupted");
    assert!(store.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_node_that_is_not_there_is_named_with_the_way_to_it() {
    let (_, nodes) = pair();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let gone = NodePlace { name: "is-2".parse().unwrap(), place: place(gone) };
    let ground = Ground::new(vec![node(&nodes[0]).await, gone], None);
    let failure = prove(&ground, &asks_for("wso2carbon", false), &Stop::new()).await.unwrap_err();
    assert_eq!(failure.code, "port-closed");
    assert!(failure.cause.starts_with("is-2 did not answer `ready`: 127.0.0.1 port "), "{failure:?}");
}

/// A cluster whose hosts are behind ports that are forwarded from this machine, beside one that is where its address says.
async fn ways() -> BTreeMap<String, Vec<String>> {
    let text = "version: 1\ncluster: iam\nproduct: { name: wso2carbon, version: 4.5.1, home: /opt/carbon }\nhosts:\n\
        \x20 is-1: { address: 127.0.0.1, ssh: { port: 2201 }, member_address: 10.0.0.1 }\n\
        \x20 is-2: { address: 192.0.2.2, member_address: 10.0.0.2 }\n\
        \x20 lb-1: { address: 127.0.0.1, ssh: { port: 2203 }, member_address: 10.0.0.3, roles: [load-balancer] }\n\
        endpoint: { hostname: sso.invalid, https_port: 8443 }\n\
        load_balancer: { kind: nginx, certificate: sso.crt, key: { file: sso.key } }\n";
    let lies = Where { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(text, &lies).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let cluster = Arc::new(inventory.clusters[0].clone());
    let nobody = String::new;
    let controller = Controller {
        user: nobody(),
        machine: nobody(),
        home: None,
        runs: "runs".into(),
        boot: nobody(),
        process: nobody(),
    };
    let options = FleetOptions {
        selection: Selection::default(),
        allow: Allow::default(),
        concurrency: 1,
        timeout: Duration::from_secs(1),
        connect_timeout: None,
        known_hosts: None,
        ssh_config: Some(SshConfig::None),
        keyring: Keyring::default(),
    };
    let secrets = Secrets::default();
    let links = Links::new(&cluster, &[], &secrets, &controller, &options).unwrap();
    let profile = Arc::new(Profile::find("wso2carbon", "4.5.1").unwrap());
    let words = |place: &Place| place.doors.iter().map(Door::words).collect::<Vec<_>>();
    let mut all = BTreeMap::new();
    for host in &cluster.hosts {
        let node = Arc::new(Node::new(host, Vec::new(), &links, Arc::new(tokio::sync::Semaphore::new(1))));
        let doors = match Subject::new(&cluster, host, Some(&profile), Allow::default()) {
            Some(subject) => words(&node_place(&cluster, &node, &subject).place),
            None => {
                let at_its_address = is_at_its_address(&cluster, host);
                let hosts = vec![(host, Some(&node))];
                let balancing = Balancing { hosts, at_its_address, certificate: None, one_for_us: false };
                words(&super::front(cluster.endpoint.as_ref().unwrap(), &balancing).await.unwrap().unwrap().place)
            }
        };
        all.insert(host.name.to_string(), doors);
    }
    all
}

#[tokio::test]
async fn who_is_behind_a_forwarded_port_is_asked_through_its_own_ssh_server() {
    let ways = ways().await;
    // At 127.0.0.1, any node may answer whose port is published there.
    assert_eq!(ways["is-1"], ["is-1 to 10.0.0.1:9443", "is-1 to 127.0.0.1:9443"]);
    assert_eq!(ways["is-2"], ["is-2 to 10.0.0.2:9443", "is-2 to 127.0.0.1:9443", "192.0.2.2:9443"]);
    assert_eq!(ways["lb-1"], ["lb-1 to 10.0.0.3:8443", "lb-1 to 127.0.0.1:8443", "127.0.0.1:8443"]);
}
