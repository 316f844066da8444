//! Who may come in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use hactl::model::Secret;
use hactl::transport::Rung;

use super::*;
use crate::sshd::{Sshd, by_openssh, keygen};

fn secret(text: &str) -> Option<Arc<Secret>> {
    Some(Arc::new(Secret::new(text.to_owned())))
}

/// Makes the key in a file of the server's folder the only one that may log in.
fn admit(server: &Sshd, name: &str) {
    fs::copy(server.file(&format!("{name}.pub")), server.file("authorized_keys")).unwrap();
}

#[tokio::test]
async fn an_encrypted_key_is_opened_with_its_passphrase() {
    let Some(server) = Sshd::start(&[]) else { return };
    keygen(&server.file("locked"), "ed25519", "venom-passphrase");
    admit(&server, "locked");
    let mut link =
        Link { identities: vec![server.file("locked")], passphrase: secret("venom-passphrase"), ..server.link() };
    // Twice: the second host with the same key does not open it again.
    let begun = open(&link).await;
    open(&link).await;
    let seen = say(&*begun, "ps -e -o args=").await;
    assert!(seen.contains("sshd") && !seen.contains("venom-passphrase"), "{seen}");
    link.passphrase = secret("poison-wrong");
    let error = refused(&link).await;
    assert_eq!((error.rung, error.code), (Rung::Authentication, "key-passphrase-wrong"));
    assert!(error.cause.contains(server.file("locked").to_str().unwrap()), "{error}");
    assert!(!format!("{error:?}").contains("poison"), "{error:?}");
    link.passphrase = None;
    assert_eq!(refused(&link).await.code, "key-passphrase-missing");
}

#[tokio::test]
async fn all_kinds_of_keys_are_accepted() {
    let Some(server) = Sshd::start(&[]) else { return };
    for kind in ["rsa", "ecdsa"] {
        keygen(&server.file(kind), kind, "");
        admit(&server, kind);
        open(&Link { identities: vec![server.file(kind)], ..server.link() }).await;
    }
}

#[tokio::test]
async fn a_refused_key_is_named() {
    let Some(server) = Sshd::start(&[]) else { return };
    keygen(&server.file("stranger"), "ed25519", "");
    let error = refused(&Link { identities: vec![server.file("stranger")], ..server.link() }).await;
    assert_eq!((error.rung, error.code, error.retry), (Rung::Authentication, "authentication-refused", false));
    let stranger = server.file("stranger");
    assert!(error.cause.contains(&format!("tried {}; the server takes publickey", stranger.display())), "{error}");
}

#[tokio::test]
async fn a_key_file_that_is_missing_open_to_others_or_no_key_is_named_as_that() {
    let Some(server) = Sshd::start(&[]) else { return };
    let link = |name: &str| Link { identities: vec![server.file(name)], ..server.link() };
    assert_eq!(refused(&link("missing")).await.code, "key-file-missing");
    fs::copy(server.identity(), server.file("open")).unwrap();
    fs::set_permissions(server.file("open"), fs::Permissions::from_mode(0o640)).unwrap();
    let error = refused(&link("open")).await;
    assert_eq!(error.code, "key-file-open");
    assert_eq!(error.hint.unwrap(), format!("chmod 600 {}", server.file("open").display()));
    fs::write(server.file("text"), "not a key").unwrap();
    fs::set_permissions(server.file("text"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(refused(&link("text")).await.code, "key-file-unreadable");
    // A broken file is no reason not to try the next one.
    let mut both = link("missing");
    both.identities.push(server.identity());
    open(&both).await;
}

#[tokio::test]
async fn too_many_keys_never_reach_the_servers_limit() {
    let Some(server) = Sshd::start(&[]) else { return };
    let mut link = server.link();
    for number in 0..7 {
        let file = server.file(&format!("stranger-{number}"));
        keygen(&file, "ed25519", "");
        link.identities.insert(0, file);
    }
    let error = refused(&link).await;
    if by_openssh() {
        // It offers all that it is told of, and is turned away.
        return assert_eq!(error.code, "too-many-authentication-failures");
    }
    assert_eq!(error.code, "authentication-refused");
    assert!(error.cause.contains("not offered, too many keys"), "{error}");
}

#[tokio::test]
async fn a_server_with_less_patience_hangs_up_and_that_is_said() {
    let Some(server) = Sshd::start(&["MaxAuthTries 2"]) else {
        return;
    };
    let mut link = server.link();
    for number in 0..3 {
        let file = server.file(&format!("stranger-{number}"));
        keygen(&file, "ed25519", "");
        link.identities.insert(0, file);
    }
    let error = refused(&link).await;
    assert_eq!((error.rung, error.code), (Rung::Authentication, "too-many-authentication-failures"));
    assert!(error.cause.contains("stranger-1"), "{error}");
}
