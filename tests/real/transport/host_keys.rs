//! Whether a server is the one we know.

use std::fs;

use std::sync::Arc;

use hactl::transport::{JumpHosts, Rung, Standing, host_key};

use super::*;
use crate::sshd::{Sshd, is_left_to_openssh, keygen, output};

fn fingerprint(server: &Sshd, file: &str) -> String {
    let line = output("ssh-keygen", &["-lf", server.file(file).to_str().unwrap()]);
    line.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn an_unknown_key_is_refused_with_its_fingerprint_and_nothing_is_written() {
    let Some(server) = Sshd::start(&[]) else { return };
    fs::remove_file(server.known_hosts()).unwrap();
    let error = refused(&server.link()).await;
    assert_eq!((error.rung, error.code, error.retry), (Rung::HostKey, "host-key-unknown", false));
    let print = fingerprint(&server, "host_ed25519.pub");
    assert!(error.cause.contains(&print), "{error}");
    assert!(error.cause.contains(&format!("[127.0.0.1]:{}", server.port())), "{error}");
    let hint = error.hint.unwrap();
    for text in ["hactl hosts trust", "ssh-keygen -lf"] {
        assert!(hint.contains(text), "{text} in {hint}");
    }
    assert!(!server.known_hosts().exists());
}

#[tokio::test]
async fn a_changed_key_is_refused_with_both_fingerprints_and_the_line() {
    let Some(server) = Sshd::start(&[]) else { return };
    keygen(&server.file("other"), "ed25519", "");
    server.record("other.pub");
    let recorded = fs::read_to_string(server.known_hosts()).unwrap();
    fs::write(server.known_hosts(), format!("# ours\n\n{recorded}")).unwrap();
    let error = refused(&server.link()).await;
    assert_eq!((error.rung, error.code), (Rung::HostKey, "host-key-changed"));
    let line = format!("{}:3", server.known_hosts().display());
    for text in [fingerprint(&server, "host_ed25519.pub"), fingerprint(&server, "other.pub"), line] {
        assert!(error.cause.contains(&text), "{text} in {error}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_though_it_is_recorded_too() {
    let Some(server) = Sshd::start(&[]) else { return };
    let recorded = fs::read_to_string(server.known_hosts()).unwrap();
    let key = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    fs::write(server.known_hosts(), format!("{recorded}@revoked * {key}")).unwrap();
    assert_eq!(refused(&server.link()).await.code, "host-key-revoked");
}

#[tokio::test]
async fn a_hashed_name_is_found() {
    let Some(server) = Sshd::start(&[]) else { return };
    output("ssh-keygen", &["-q", "-H", "-f", server.known_hosts().to_str().unwrap()]);
    assert!(fs::read_to_string(server.known_hosts()).unwrap().starts_with("|1|"));
    assert_eq!(say(&*open(&server.link()).await, "echo in").await, "in\n");
}

#[tokio::test]
async fn what_ssh_keyscan_prints_is_what_is_wanted() {
    let Some(server) = Sshd::start(&[]) else { return };
    let port = server.port().to_string();
    let scanned = output("ssh-keyscan", &["-p", &port, "-t", "ed25519", "127.0.0.1"]);
    fs::write(server.known_hosts(), scanned).unwrap();
    open(&server.link()).await;
}

#[tokio::test]
async fn the_server_is_asked_for_the_kind_of_key_that_is_recorded() {
    let Some(server) = Sshd::start(&[]) else { return };
    server.record("host_ecdsa.pub");
    assert_eq!(say(&*open(&server.link()).await, "echo in").await, "in\n");
}

#[tokio::test]
async fn an_alias_stands_for_address_and_port() {
    let Some(server) = Sshd::start(&[]) else { return };
    let key = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    fs::write(server.known_hosts(), format!("node-1,node-2\t{key}")).unwrap();
    let link = Link { host_key_alias: Some("Node-1".into()), ..server.link() };
    open(&link).await;
    assert_eq!(refused(&server.link()).await.code, "host-key-unknown");
}

#[tokio::test]
async fn an_unreadable_file_is_an_error_and_a_missing_one_is_empty() {
    let Some(server) = Sshd::start(&[]) else { return };
    let mut link = server.link();
    link.known_hosts.insert(0, server.file("missing"));
    open(&link).await;
    // A folder cannot be read, not even by root.
    link.known_hosts.push(server.folder().to_owned());
    let error = refused(&link).await;
    assert_eq!((error.rung, error.code), (Rung::HostKey, "known-hosts-unreadable"));
}

/// A server with a certificate for these names, and its authority as the only thing that is known.
fn certified(extra: &[&str]) -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    keygen(&folder.path().join("ca"), "ed25519", "");
    let (ca, key) = (path("ca"), path("host_ed25519.pub"));
    let mut words = vec!["-q", "-s", &ca, "-I", "host-1"];
    words.extend(extra);
    words.push(&key);
    output("ssh-keygen", &words);
    let server = Sshd::start_in(folder, &["HostCertificate FOLDER/host_ed25519-cert.pub"])?;
    let authority = fs::read_to_string(server.file("ca.pub")).unwrap();
    fs::write(server.known_hosts(), format!("@cert-authority 127.0.* {authority}")).unwrap();
    Some(server)
}

#[tokio::test]
async fn a_certificate_of_a_known_authority_is_as_good_as_a_key() {
    let Some(server) = certified(&["-h", "-n", "127.0.0.1", "-V", "-1h:+1h"]) else {
        return;
    };
    assert_eq!(say(&*open(&server.link()).await, "echo in").await, "in\n");
    assert_eq!(host_key(&server.link()).await.unwrap().standing, Standing::Known);
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused_with_the_reason() {
    if is_left_to_openssh("how a host's certificate is judged, and whether another key is asked for") {
        return;
    }
    for (words, reason) in [
        (&["-h", "-n", "127.0.0.2"][..], "it is for 127.0.0.2"),
        (&["-h", "-n", "127.0.0.1", "-V", "-2h:-1h"], "expired at 2"),
        (&["-h", "-n", "127.0.0.1", "-V", "+1h:+2h"], "not valid before 2"),
        (&["-h"], "names no host"),
    ] {
        let Some(server) = certified(words) else { return };
        let error = refused(&server.link()).await;
        assert_eq!((error.rung, error.code), (Rung::HostKey, "host-certificate-refused"));
        assert!(error.cause.contains(reason), "{error}");
        assert_eq!(host_key(&server.link()).await.unwrap().standing, Standing::Refused(error), "nothing to trust");
    }
}

#[tokio::test]
async fn a_revoked_authority_vouches_for_nobody() {
    let Some(server) = certified(&["-h", "-n", "127.0.0.1"]) else {
        return;
    };
    let authority = fs::read_to_string(server.file("ca.pub")).unwrap();
    let recorded = fs::read_to_string(server.known_hosts()).unwrap();
    fs::write(server.known_hosts(), format!("{recorded}@revoked * {authority}")).unwrap();
    assert_eq!(refused(&server.link()).await.code, "host-key-revoked");
}

#[tokio::test]
async fn a_certificate_may_name_hosts_by_a_pattern() {
    if is_left_to_openssh("how a host's certificate is judged, and whether another key is asked for") {
        return;
    }
    let Some(server) = certified(&["-h", "-n", "10.0.0.1,127.0.*"]) else { return };
    open(&server.link()).await;
}

#[tokio::test]
async fn a_certificate_that_was_signed_with_sha_1_is_refused() {
    if is_left_to_openssh("how a host's certificate is judged, and whether another key is asked for") {
        return;
    }
    let folder = Sshd::folder_with_keys();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    keygen(&folder.path().join("ca"), "rsa", "");
    let words = ["-q", "-s", &path("ca"), "-t", "ssh-rsa", "-I", "host-1", "-h", "-n", "127.0.0.1"];
    output("ssh-keygen", &[&words[..], &[&path("host_ed25519.pub")]].concat());
    let Some(server) = Sshd::start_in(folder, &["HostCertificate FOLDER/host_ed25519-cert.pub"]) else { return };
    let authority = fs::read_to_string(server.file("ca.pub")).unwrap();
    fs::write(server.known_hosts(), format!("@cert-authority * {authority}")).unwrap();
    let error = refused(&server.link()).await;
    assert!(error.code == "host-certificate-refused" && error.cause.contains("SHA-1"), "{error}");
}

#[tokio::test]
async fn the_recorded_key_will_do_where_the_certificate_does_not() {
    if is_left_to_openssh("how a host's certificate is judged, and whether another key is asked for") {
        return;
    }
    // An expired one, and one of an authority that is not ours: the server has the recorded key beside it.
    let Some(server) = certified(&["-h", "-n", "127.0.0.1", "-V", "-2h:-1h"]) else { return };
    let key = fs::read_to_string(server.file("host_ecdsa.pub")).unwrap();
    keygen(&server.file("other_ca"), "ed25519", "");
    for authority in ["ca.pub", "other_ca.pub"] {
        let authority = fs::read_to_string(server.file(authority)).unwrap();
        let name = format!("[127.0.0.1]:{}", server.port());
        fs::write(server.known_hosts(), format!("@cert-authority * {authority}{name} {key}")).unwrap();
        open(&server.link()).await;
    }
    // But not another recorded one.
    keygen(&server.file("other"), "ecdsa", "");
    let (authority, other) = (fs::read_to_string(server.file("ca.pub")).unwrap(), server.file("other.pub"));
    let other = fs::read_to_string(other).unwrap();
    fs::write(server.known_hosts(), format!("@cert-authority * {authority}[127.0.0.1]:{} {other}", server.port()))
        .unwrap();
    assert_eq!(refused(&server.link()).await.code, "host-certificate-refused");
}

#[tokio::test]
async fn a_host_that_has_no_key_of_the_recorded_kind_any_more_has_changed() {
    let Some(server) = Sshd::start(&[]) else { return };
    keygen(&server.file("old"), "rsa", "");
    server.record("old.pub");
    let error = refused(&server.link()).await;
    assert_eq!(error.code, "host-key-changed", "{error}");
    assert!(error.cause.contains(&format!("{}:1", server.known_hosts().display())), "{error}");
    assert!(error.cause.contains(&fingerprint(&server, "old.pub")), "{error}");
}

#[tokio::test]
async fn pinned_keys_are_the_only_truth() {
    let Some(server) = Sshd::start(&[]) else { return };
    let pin = |file: &str| vec![fingerprint(&server, file)];
    let link = |pins: Vec<String>, known: bool| {
        let files = if known { vec![server.known_hosts()] } else { Vec::new() };
        Link { host_keys: pins, known_hosts: files, ..server.link() }
    };
    open(&link(pin("host_ed25519.pub"), false)).await;
    // The server shows ed25519 unless it is asked for ecdsa.
    open(&link(pin("host_ecdsa.pub"), false)).await;
    open(&link(pin("host_ecdsa.pub"), true)).await;
    keygen(&server.file("other"), "ed25519", "");
    open(&link([pin("other.pub"), pin("host_ecdsa.pub")].concat(), false)).await;
    // That the key is recorded does not count.
    let error = refused(&link(pin("other.pub"), true)).await;
    assert_eq!((error.rung, error.code, error.retry), (Rung::HostKey, "host-key-not-pinned", false));
    for text in [fingerprint(&server, "host_ed25519.pub"), fingerprint(&server, "other.pub")] {
        assert!(error.cause.contains(&text), "{text} in {error}");
    }
    let key = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    fs::write(server.known_hosts(), format!("@revoked * {key}")).unwrap();
    assert_eq!(refused(&link(pin("host_ed25519.pub"), true)).await.code, "host-key-revoked");
}

#[tokio::test]
async fn a_pinned_host_is_not_known_by_its_authority() {
    let Some(server) = certified(&["-h", "-n", "127.0.0.1"]) else { return };
    open(&server.link()).await;
    let pins = vec![fingerprint(&server, "ca.pub")];
    assert_eq!(refused(&Link { host_keys: pins, ..server.link() }).await.code, "host-key-not-pinned");
    let pins = vec![fingerprint(&server, "host_ed25519.pub")];
    open(&Link { host_keys: pins, ..server.link() }).await;
}

#[tokio::test]
async fn a_key_can_be_looked_at_without_logging_in_also_behind_a_jump_host() {
    let (Some(hop), Some(server)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let seen = host_key(&server.link()).await.unwrap();
    assert_eq!((seen.standing, seen.fingerprint), (Standing::Known, fingerprint(&server, "host_ed25519.pub")));
    server.record("host_ecdsa.pub");
    let seen = host_key(&server.link()).await.unwrap();
    assert_eq!((seen.standing, seen.kind.as_str()), (Standing::Known, "ecdsa-sha2-nistp256"));
    fs::remove_file(server.known_hosts()).unwrap();
    let via = Some(Arc::new(Link { name: "hop-1".to_owned(), ..hop.link() }));
    let link = Link { via, jump_hosts: JumpHosts::default(), ..server.link() };
    let seen = host_key(&link).await.unwrap();
    assert!(matches!(&seen.standing, Standing::Unknown(error) if error.code == "host-key-unknown"), "{seen:?}");
    assert_eq!(seen.name, format!("[127.0.0.1]:{}", server.port()));
    let public = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    assert!(public.starts_with(&seen.line), "{} of {public}", seen.line);
    assert!(!server.log().contains("Accepted"), "{}", server.log());

    fs::remove_file(hop.known_hosts()).unwrap();
    let error = host_key(&Link { jump_hosts: JumpHosts::default(), ..link }).await.unwrap_err();
    assert_eq!((error.code, error.hop.as_deref()), ("host-key-unknown", Some("hop-1")), "{error}");
}
