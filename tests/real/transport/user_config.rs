//! What a user's ssh_config can ask of a connection: a command that carries it, addresses, algorithms, keepalives.

use std::fs;
use std::path::Path;
use std::time::Instant;

use hactl::transport::{AddressFamily, Algorithms, ConnectionOptions, Keepalive};

use super::*;
use crate::sshd::{Sshd, find, keygen, skip};

fn with(server: &Sshd, options: ConnectionOptions) -> Link {
    Link { options, ..server.link() }
}

/// A link over a command; its address leads nowhere by itself.
fn over(server: &Sshd, command: &str) -> Link {
    let options = ConnectionOptions { proxy_command: Some(command.to_owned()), ..ConnectionOptions::default() };
    let host_key_alias = Some(format!("[127.0.0.1]:{}", server.port()));
    Link { address: "192.0.2.1".to_owned(), host_key_alias, ..with(server, options) }
}

fn netcat() -> Option<String> {
    let busybox = find("busybox");
    if busybox.is_none() {
        skip("there is no busybox");
    }
    busybox.map(|path| format!("{} nc 127.0.0.1", path.display()))
}

/// Waits until the process whose number stands in a file has ended.
async fn has_ended(file: &Path) {
    let number = fs::read_to_string(file).unwrap();
    let process = Path::new("/proc").join(number.trim());
    let end = Instant::now() + Duration::from_secs(20);
    // A process that has ended and was not looked after yet is gone as well.
    let lives = || fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() {
        assert!(Instant::now() < end, "process {number} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection_and_is_killed_with_it() {
    let (Some(server), Some(netcat)) = (Sshd::start(&[]), netcat()) else { return };
    let file = server.file("process");
    // It would stay for ever: what it started does not read its input.
    let command = format!("sh -c 'echo $$ > {}; sleep 1000 & {netcat} {}; wait'", file.display(), server.port());
    let transport = open(&over(&server, &command)).await;
    assert_eq!(say(&*transport, "echo in").await, "in\n");
    let reply = transport.run(&command_with("cat", vec![7; 3_000_000])).await.unwrap();
    assert!(reply.ending.is_success());
    drop(transport);
    has_ended(&file).await;
}

#[tokio::test]
async fn a_proxy_command_that_ends_early_says_why_in_its_own_words() {
    let Some(server) = Sshd::start(&[]) else { return };
    let error = refused(&over(&server, "sh -c 'echo no route to the gate >&2; exit 7'")).await;
    assert_eq!((error.rung, error.code), (Rung::Tcp, "proxy-command-ended"));
    assert!(error.cause.contains("ended with status 7") && error.cause.contains("no route to the gate"), "{error}");
    // However much it says, its first words are told, and memory is bounded.
    let error = refused(&over(&server, "sh -c 'echo first words >&2; yes | head -c 5000000 >&2; exit 1'")).await;
    assert!(error.cause.contains("first words") && error.cause.len() < 10_000, "{}", error.cause.len());

    let error = refused(&over(&server, "/no/such/program")).await;
    assert_eq!(error.code, "proxy-command-failed", "{error}");
    let words = "sh -c 'echo not a server; echo a word of its own >&2; exec sleep 1000'";
    let link = Link { connect_timeout: Duration::from_secs(2), ..over(&server, words) };
    let error = refused(&link).await;
    assert!(error.rung == Rung::KeyExchange && error.cause.contains("ProxyCommand says: a word of its own"), "{error}");
}

#[tokio::test]
async fn a_host_key_is_checked_behind_a_proxy_command_too() {
    let (Some(server), Some(netcat)) = (Sshd::start(&[]), netcat()) else { return };
    let link = Link { host_key_alias: None, ..over(&server, &format!("{netcat} {}", server.port())) };
    let error = refused(&link).await;
    assert_eq!((error.rung, error.code), (Rung::HostKey, "host-key-unknown"), "{error}");
}

#[tokio::test]
async fn only_addresses_of_the_wanted_family_are_tried() {
    let Some(server) = Sshd::start(&[]) else { return };
    let family = |address_family| with(&server, ConnectionOptions { address_family, ..ConnectionOptions::default() });
    open(&family(AddressFamily::V4)).await;
    let error = refused(&family(AddressFamily::V6)).await;
    assert_eq!(error.code, "name-not-found");
    assert!(error.cause.contains("it has no IPv6 address, and AddressFamily is inet6"), "{error}");
}

#[tokio::test]
async fn the_connection_comes_from_the_wanted_address() {
    let Some(server) = Sshd::start(&[]) else { return };
    let from = |address: &str| {
        let bind_address = Some(address.to_owned());
        with(&server, ConnectionOptions { bind_address, ..ConnectionOptions::default() })
    };
    open(&from("127.0.0.1")).await;
    if cfg!(target_os = "linux") {
        open(&from("127.0.0.77")).await;
        assert!(server.log().contains("Connection from 127.0.0.77"), "{}", server.log());
    }
    let error = refused(&from("192.0.2.1")).await;
    assert_eq!((error.rung, error.code), (Rung::Tcp, "unreachable"), "{error}");
}

#[tokio::test]
async fn algorithms_are_those_that_are_wanted() {
    let strict = ["Ciphers aes192-ctr", "KexAlgorithms ecdh-sha2-nistp384", "MACs hmac-sha2-512"];
    let Some(server) = Sshd::start(&strict) else { return };
    let list = |name: &str| Some(vec![name.to_owned()]);
    let wanted = |algorithms| with(&server, ConnectionOptions { algorithms, ..ConnectionOptions::default() });
    let fitting = Algorithms {
        key_exchanges: list("ecdh-sha2-nistp384"),
        ciphers: list("aes192-ctr"),
        macs: list("hmac-sha2-512"),
        ..Algorithms::default()
    };
    open(&wanted(fitting.clone())).await;
    for other in [
        Algorithms { key_exchanges: list("curve25519-sha256"), ..fitting.clone() },
        Algorithms { ciphers: list("aes256-ctr"), ..fitting.clone() },
        Algorithms { macs: list("hmac-sha2-256"), ..fitting.clone() },
        Algorithms { host_keys: list("rsa-sha2-512"), ..fitting.clone() },
    ] {
        let error = refused(&wanted(other.clone())).await;
        assert_eq!(error.code, "no-common-algorithm", "{other:?}: {error}");
    }
    // The server would show its ed25519 key, which alone is recorded.
    let error = refused(&wanted(Algorithms { host_keys: list("ecdsa-sha2-nistp256"), ..fitting.clone() })).await;
    assert_eq!(error.rung, Rung::HostKey, "{error}");
    server.record("host_ecdsa.pub");
    open(&wanted(Algorithms { host_keys: list("ecdsa-sha2-nistp256"), ..fitting.clone() })).await;

    keygen(&server.file("ecdsa"), "ecdsa", "");
    let keys = fs::read_to_string(server.file("ecdsa.pub")).unwrap()
        + &fs::read_to_string(server.file("id_ed25519.pub")).unwrap();
    fs::write(server.file("authorized_keys"), keys).unwrap();
    let both = vec![server.file("ecdsa"), server.identity()];
    let link = Link { identities: both, ..wanted(Algorithms { user_keys: list("ssh-ed25519"), ..fitting }) };
    open(&link).await;
    assert!(server.log().contains("Accepted publickey") && !server.log().contains("ssh2: ECDSA"), "{}", server.log());
}

#[tokio::test]
async fn a_silent_server_is_given_up_as_soon_as_the_user_wants() {
    let Some(server) = Sshd::start(&[]) else { return };
    let keepalive = Keepalive { interval: Duration::from_secs(1), count: 1 };
    let transport = open(&with(&server, ConnectionOptions { keepalive, ..ConnectionOptions::default() })).await;
    // With hactl's own keepalive it would take longer than the command may.
    let request = Request { deadline: Duration::from_secs(15), ..command("sleep 1000") };
    let running = tokio::spawn(async move { transport.run(&request).await });
    while server.execs() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.signal("STOP");
    let error = running.await.unwrap().unwrap_err();
    server.signal("CONT");
    assert_eq!(error.code, "connection-lost", "{error}");
}
