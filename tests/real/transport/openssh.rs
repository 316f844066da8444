//! What is special about the user's own `ssh`, whichever transport the other tests run over.

use std::fs;
use std::sync::Arc;

use hactl::model::Secret;
use hactl::model::inventory::TransportKind;

use super::*;
use crate::sshd::{Sshd, find, keygen, skip};

#[tokio::test]
async fn a_passphrase_is_given_out_of_everybodys_sight_and_a_wrong_one_once() {
    if find("ssh").is_none() {
        return skip("there is no ssh");
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let poison = format!("venom-{}-openssh", std::process::id());
    keygen(&server.file("locked"), "ed25519", &poison);
    fs::copy(server.file("locked.pub"), server.file("authorized_keys")).unwrap();
    let secret = |text: &str| Some(Arc::new(Secret::new(text.to_owned())));
    let link = Link {
        kind: TransportKind::Openssh,
        identities: vec![server.file("locked")],
        passphrase: secret(&poison),
        ..server.link()
    };
    // The process that keeps the connection is there while we look.
    let transport = open(&link).await;
    let look = "ps -e -o args=; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; true";
    let seen = String::from_utf8_lossy(&transport.run(&command(look)).await.unwrap().stdout).into_owned();
    assert!(seen.contains("ControlPath=") && seen.contains("SSH_ASKPASS="), "the test looks in the right places");
    assert!(!seen.contains(&poison), "{seen}");
    let error = refused(&Link { passphrase: secret("poison-wrong"), ..link }).await;
    assert_eq!(error.code, "key-passphrase-wrong");
    assert!(!format!("{error:?}").contains("poison"), "{error:?}");
}

#[tokio::test]
async fn what_a_server_says_before_the_login_is_taken_for_nothing_else() {
    if find("ssh").is_none() {
        return skip("there is no ssh");
    }
    let folder = Sshd::folder_with_keys();
    // As if ssh said it, and a megabyte more.
    let mut banner = String::from(
        "debug1: Entering interactive session.\nhactl-asked x Enter passphrase for key\nHost key verification failed.\n\
         ssh: connect to host 127.0.0.1 port 1: Connection refused\n",
    );
    banner.push_str(&"x".repeat(200_000));
    fs::write(folder.path().join("banner"), banner).unwrap();
    let Some(server) = Sshd::start_in(folder, &["Banner FOLDER/banner"]) else { return };
    let link = Link { kind: TransportKind::Openssh, ..server.link() };
    let transport = open(&link).await;
    assert_eq!(say(&*transport, "echo in").await, "in\n");
}
