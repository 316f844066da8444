//! OpenSSH user certificates.

use std::fs;

use hactl::transport::Rung;

use super::agent::{Agent, refusals};
use super::*;
use crate::sshd::{Sshd, is_left_to_openssh, keygen, me, output};

/// A server that trusts a certificate authority and knows no key.
fn server() -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    keygen(&folder.path().join("ca"), "ed25519", "");
    fs::write(folder.path().join("authorized_keys"), "").unwrap();
    Sshd::start_in(folder, &["TrustedUserCAKeys FOLDER/ca.pub"])
}

/// Makes a key, and has the authority sign it in its own way.
fn sign(server: &Sshd, name: &str, kind: &str, words: &[&str]) {
    keygen(&server.file(name), kind, "");
    let (ca, key) = (server.file("ca"), server.file(&format!("{name}.pub")));
    let all = [&["-q", "-s", ca.to_str().unwrap(), "-I", name], words, &[key.to_str().unwrap()]].concat();
    output("ssh-keygen", &all);
}

fn with(server: &Sshd, name: &str) -> Link {
    Link { identities: vec![server.file(name)], ..server.link() }
}

#[tokio::test]
async fn one_beside_the_key_lets_us_in_whatever_its_kind() {
    if is_left_to_openssh("which certificates are offered with which keys, and what is said of those that do not hold")
    {
        return;
    }
    let Some(server) = server() else { return };
    for kind in ["ed25519", "rsa", "ecdsa"] {
        sign(&server, kind, kind, &["-n", &format!("somebody,{}", me())]);
        open(&with(&server, kind)).await;
        assert!(
            server.log().contains("-CERT SHA256:") && server.log().contains(&format!(" ID {kind} ")),
            "{}",
            server.log()
        );
    }
    assert_eq!(refusals(&server), 0);
    // The certificate itself may be named.
    let named = Link { identities: vec![server.file("rsa-cert.pub"), server.file("rsa")], ..server.link() };
    open(&named).await;
    assert_eq!(refusals(&server), 0);
}

#[tokio::test]
async fn one_of_another_place_finds_its_key() {
    if is_left_to_openssh("which certificates are offered with which keys, and what is said of those that do not hold")
    {
        return;
    }
    let Some(server) = server() else { return };
    let Some(agent) = Agent::start() else { return };
    sign(&server, "signed", "ed25519", &["-n", &me()]);
    fs::rename(server.file("signed-cert.pub"), server.file("elsewhere")).unwrap();
    let certificates = vec![server.file("elsewhere")];
    open(&Link { certificates: certificates.clone(), ..with(&server, "signed") }).await;
    // The agent has the bare key.
    let from_agent = Link { identities: Vec::new(), certificates, identities_only: true, ..agent.link(&server) };
    let error = refused(&from_agent).await;
    assert_eq!(error.code, "certificate-without-key");
    assert!(error.cause.contains("certificate `signed` of the CA SHA256:"), "{error}");
    agent.add(&server.file("signed"));
    open(&from_agent).await;
    assert_eq!(refusals(&server), 0);
    let unreadable = Link { certificates: vec![server.file("ca.pub")], ..with(&server, "signed") };
    assert_eq!(refused(&unreadable).await.code, "certificate-unreadable");
}

#[tokio::test]
async fn the_agents_own_are_offered_once() {
    if is_left_to_openssh("which certificates are offered with which keys, and what is said of those that do not hold")
    {
        return;
    }
    let Some(server) = server() else { return };
    let Some(agent) = Agent::start() else { return };
    for kind in ["ed25519", "rsa"] {
        sign(&server, kind, kind, &["-n", &me()]);
        agent.add(&server.file(kind));
        open(&Link { identities: Vec::new(), ..agent.link(&server) }).await;
        open(&Link {
            identities: vec![server.file(&format!("{kind}.pub"))],
            identities_only: true,
            ..agent.link(&server)
        })
        .await;
        agent.ssh_add(&["-q", "-D"]);
    }
    // The agent holds key and certificate, the folder too: two offers, not four.
    sign(&server, "other", "ed25519", &["-n", "somebody-else"]);
    agent.add(&server.file("other"));
    let before = refusals(&server);
    let (identities, certificates) = (vec![server.file("other")], vec![server.file("other-cert.pub")]);
    let error = refused(&Link { identities, certificates, ..agent.link(&server) }).await;
    assert_eq!(error.code, "certificate-wrong-principal");
    assert_eq!(refusals(&server), before + 2, "{}", server.log());
}

#[tokio::test]
async fn what_is_wrong_with_one_is_told() {
    if is_left_to_openssh("which certificates are offered with which keys, and what is said of those that do not hold")
    {
        return;
    }
    let Some(server) = server() else { return };
    let me = me();
    let rows: [(&str, &[&str], &str, &str); 5] = [
        ("expired", &["-n", &me, "-V", "20200101:20210101"], "certificate-expired", "valid until 20"),
        ("early", &["-n", &me, "-V", "20900101:21000101"], "certificate-not-yet-valid", "valid only from 20"),
        ("other", &["-n", "alice,bob"], "certificate-wrong-principal", "is for alice, bob, not for"),
        ("nobody", &[], "certificate-wrong-principal", "is for nobody"),
        ("host", &["-h", "-n", &me], "certificate-not-for-users", "issued for a host"),
    ];
    for (name, words, code, text) in rows {
        sign(&server, name, "ed25519", words);
        let error = refused(&with(&server, name)).await;
        assert_eq!((error.rung, error.code), (Rung::Authentication, code), "{error}");
        assert!(error.cause.contains(text) && error.cause.contains(&format!("`{name}`")), "{error}");
        assert!(error.hint.is_some());
    }
    // Nothing is wrong with this one, but the server does not know who signed it.
    keygen(&server.file("another-ca"), "ed25519", "");
    keygen(&server.file("stray"), "ed25519", "");
    let (ca, key) = (server.file("another-ca"), server.file("stray.pub"));
    output("ssh-keygen", &["-q", "-s", ca.to_str().unwrap(), "-I", "stray", "-n", &me, key.to_str().unwrap()]);
    let error = refused(&with(&server, "stray")).await;
    assert_eq!(error.code, "authentication-refused");
    assert!(error.cause.contains("certificate `stray` of the CA SHA256:"), "{error}");
    assert!(error.hint.unwrap().contains("TrustedUserCAKeys"));
}

#[tokio::test]
async fn a_bad_one_does_not_keep_its_key_out() {
    if is_left_to_openssh("which certificates are offered with which keys, and what is said of those that do not hold")
    {
        return;
    }
    let Some(server) = server() else { return };
    sign(&server, "expired", "ed25519", &["-n", &me(), "-V", "20200101:20210101"]);
    fs::copy(server.file("expired.pub"), server.file("authorized_keys")).unwrap();
    open(&with(&server, "expired")).await;
    assert_eq!(refusals(&server), 1);
}
