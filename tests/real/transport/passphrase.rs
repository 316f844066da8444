//! Encrypted key files, and who is asked for their passphrases.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hactl::model::Secret;
use hactl::transport::{JumpHosts, Keyring};

use super::agent::refusals;
use super::*;
use crate::sshd::{Sshd, by_openssh, find, is_left_to_openssh, keygen, output, skip};

const PASSPHRASE: &str = "venom-passphrase";

/// A keyring that gives these answers, one after another, and counts the questions.
fn answering(answers: &'static [&'static str]) -> (Keyring, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let keyring = Keyring::asking(move |question| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(question.again, number > 0);
        answers.get(number).map(|answer| Secret::new((*answer).to_owned()))
    });
    (keyring, asked)
}

/// A server that lets an encrypted key in.
fn server() -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    keygen(&folder.path().join("locked"), "ed25519", PASSPHRASE);
    fs::copy(folder.path().join("locked.pub"), folder.path().join("authorized_keys")).unwrap();
    Sshd::start_in(folder, &[])
}

fn link(server: &Sshd, keyring: &Keyring) -> Link {
    Link { identities: vec![server.file("locked")], keyring: keyring.clone(), ..server.link() }
}

#[tokio::test]
async fn it_is_asked_for_once_for_all_hosts() {
    let Some(server) = server() else { return };
    let (keyring, asked) = answering(&[PASSPHRASE]);
    let link = link(&server, &keyring);
    let all = futures_util::future::join_all((0..6).map(|_| connect(&link))).await;
    assert!(all.iter().all(Result::is_ok), "{:?}", all.iter().filter_map(|one| one.as_ref().err()).collect::<Vec<_>>());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(refusals(&server), 0);
}

#[tokio::test]
async fn three_answers_are_tried_and_the_file_is_then_left_alone() {
    let Some(server) = server() else { return };
    let (keyring, asked) = answering(&["poison-1", "poison-2", PASSPHRASE]);
    open(&link(&server, &keyring)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let (keyring, asked) = answering(&["poison-1", "poison-2", "poison-3", PASSPHRASE]);
    for _ in 0..2 {
        let error = refused(&link(&server, &keyring)).await;
        assert_eq!(error.code, "key-passphrase-wrong");
        assert!(error.cause.contains(server.file("locked").to_str().unwrap()), "{error}");
        assert!(!format!("{error:?}").contains("poison"), "{error:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
    // Whoever gives no answer goes on without the key.
    let (keyring, asked) = answering(&[]);
    let mut two = link(&server, &keyring);
    let error = refused(&two).await;
    assert_eq!((error.code, asked.load(Ordering::SeqCst)), ("key-passphrase-missing", 1));
    assert!(error.hint.unwrap().contains("--no-input"));
    keygen(&server.file("second"), "ed25519", "");
    fs::copy(server.file("second.pub"), server.file("authorized_keys")).unwrap();
    two.identities.push(server.file("second"));
    open(&two).await;
}

#[tokio::test]
async fn nobody_is_asked_for_a_key_that_the_server_does_not_take() {
    let Some(server) = server() else { return };
    keygen(&server.file("other"), "ed25519", PASSPHRASE);
    let (keyring, asked) = answering(&[PASSPHRASE]);
    let mut link = Link { identities: vec![server.file("other")], ..link(&server, &keyring) };
    assert_eq!(refused(&link).await.code, "authentication-refused");
    link.identities.push(server.identity());
    assert_eq!(refused(&link).await.code, "authentication-refused");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn it_is_asked_for_at_a_jump_host_too() {
    let Some(server) = server() else { return };
    let (keyring, asked) = answering(&[PASSPHRASE]);
    let via = Link { name: "gateway".to_owned(), ..link(&server, &keyring) };
    let jump_hosts = JumpHosts::default();
    let behind = |name: &str| Link {
        name: name.to_owned(),
        via: Some(Arc::new(Link { jump_hosts: jump_hosts.clone(), ..via.clone() })),
        jump_hosts: jump_hosts.clone(),
        ..via.clone()
    };
    let (one, two) = (behind("one"), behind("two"));
    let (first, second) = tokio::join!(connect(&one), connect(&two));
    first.unwrap_or_else(|error| panic!("{error}"));
    second.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_older_formats_work_too() {
    let Some(server) = server() else { return };
    for kind in ["rsa", "ecdsa", "ed25519"] {
        for format in ["PEM", "PKCS8", "RFC4716"] {
            for passphrase in ["", PASSPHRASE] {
                let name = format!("{kind}-{format}-{}", passphrase.len());
                let file = server.file(&name);
                let words = ["-q", "-t", kind, "-m", format, "-a", "1", "-N", passphrase, "-f", file.to_str().unwrap()];
                output("ssh-keygen", &words);
                let public = server.file(&format!("{name}.pub"));
                fs::copy(&public, server.file("authorized_keys")).unwrap();
                let (keyring, asked) = answering(&[PASSPHRASE]);
                let link = Link { identities: vec![file], ..link(&server, &keyring) };
                if (kind, format, passphrase) == ("ecdsa", "PEM", PASSPHRASE) {
                    if by_openssh() {
                        // What hactl can't read, ssh can.
                        open(&link).await;
                        assert_eq!(asked.load(Ordering::SeqCst), 1);
                        continue;
                    }
                    let error = refused(&link).await;
                    assert_eq!((error.code, asked.load(Ordering::SeqCst)), ("key-file-unreadable", 0));
                    assert!(error.hint.unwrap().contains("ssh-keygen -p -f"));
                    continue;
                }
                open(&link).await;
                // Without the public half beside it, an older format must be opened first.
                fs::remove_file(public).unwrap();
                open(&link).await;
                assert_eq!(asked.load(Ordering::SeqCst), usize::from(!passphrase.is_empty()), "{name}");
                if !passphrase.is_empty() {
                    let error = refused(&Link { keyring: Keyring::default(), ..link.clone() }).await;
                    assert_eq!(error.code, "key-passphrase-missing", "{name}");
                    let passphrase = Some(Arc::new(Secret::new("poison-wrong".to_owned())));
                    assert_eq!(refused(&Link { passphrase, ..link }).await.code, "key-passphrase-wrong", "{name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn those_of_putty_work_too() {
    if is_left_to_openssh("which formats of key files are read") {
        return;
    }
    if find("puttygen").is_none() {
        skip("there is no puttygen");
        return;
    }
    let Some(server) = server() else { return };
    let secret = server.file("secret");
    fs::write(&secret, PASSPHRASE).unwrap();
    for version in ["2", "3"] {
        for new in ["/dev/null", secret.to_str().unwrap()] {
            let file = server.file(&format!("putty-{version}-{}", new.len()));
            let (from, to) = (server.identity(), file.to_str().unwrap());
            let parameter = format!("version={version}");
            let words =
                [from.to_str().unwrap(), "-O", "private", "--ppk-param", &parameter, "--new-passphrase", new, "-o", to];
            output("puttygen", &words);
            output("chmod", &["600", to]);
            fs::copy(server.file("id_ed25519.pub"), server.file("authorized_keys")).unwrap();
            let (keyring, asked) = answering(&[PASSPHRASE]);
            open(&Link { identities: vec![file], ..link(&server, &keyring) }).await;
            assert_eq!(asked.load(Ordering::SeqCst), usize::from(new != "/dev/null"));
        }
    }
}
