//! Whether a server is the one we know.

use std::fs;

use hactl::transport::Rung;

use super::*;
use crate::sshd::{Sshd, by_openssh, keygen, output};

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
    let hint = error.hint.unwrap();
    let name = format!("[127.0.0.1]:{}", server.port());
    for text in [&print, "ssh-keyscan -p", "-t ed25519", "ssh-keygen -lf", &name] {
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
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused_with_the_reason() {
    for (words, reason) in [
        (&["-h", "-n", "127.0.0.2"][..], if by_openssh() { "it is not for 127.0.0.1" } else { "it is for 127.0.0.2" }),
        (&["-h", "-n", "127.0.0.1", "-V", "-2h:-1h"], "expired"),
        (&["-h", "-n", "127.0.0.1", "-V", "+1h:+2h"], "not valid yet"),
        (&["-h"], "names no host"),
    ] {
        let Some(server) = certified(words) else { return };
        if by_openssh() && reason == "names no host" {
            // To the user's own ssh that is a certificate for all hosts.
            open(&server.link()).await;
            continue;
        }
        let error = refused(&server.link()).await;
        assert_eq!((error.rung, error.code), (Rung::HostKey, "host-certificate-refused"));
        assert!(error.cause.contains(reason), "{error}");
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
