//! Hardware keys and strange agents: a test agent that signs as a token would, or does not do what an agent should.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::{KeypairData, SkEd25519 as PrivateSkEd25519};
use russh::keys::ssh_key::public::{EcdsaPublicKey, KeyData, SkEcdsaSha2NistP256, SkEd25519};
use russh::keys::ssh_key::{LineEnding, Signature};
use russh::keys::{PrivateKey, PublicKey};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::sshd::{Sshd, is_left_to_openssh, keygen};

/// What an agent does when it is asked to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// As a token that is touched.
    Signs,
    /// As a token that is not there.
    Refuses,
    /// As a token that nobody touches.
    Waits,
    /// With a signature of something else.
    Lies,
    /// Half an answer, then no more.
    Stammers,
}

/// The messages of the protocol that a client of ours may send.
const EXTENSION: u8 = 27;
const LIST: u8 = 11;
const SIGN: u8 = 13;

/// An agent with the software twin of a token's key.
struct TestAgent {
    folder: TempDir,
    public: PublicKey,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl TestAgent {
    /// An agent that holds the token's twin of an ordinary key, `strange` blobs before it.
    fn start(key: PrivateKey, mood: Mood, strange: Vec<Vec<u8>>) -> Self {
        let folder = TempDir::new().unwrap();
        let data = match key.public_key().key_data() {
            KeyData::Ed25519(key) => KeyData::SkEd25519(SkEd25519::new(*key, "ssh:")),
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => {
                KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(*point, "ssh:"))
            }
            other => panic!("{other:?}"),
        };
        let public = PublicKey::new(data, "token");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let (blob, heard) = (public.to_bytes().unwrap(), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (key, blob, strange, heard) = (key.clone(), blob.clone(), strange.clone(), Arc::clone(&heard));
                tokio::spawn(async move { serve(stream, &key, &blob, &strange, mood, &heard).await });
            }
        });
        Self { folder, public, asked }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The kinds of what it was asked.
    fn asked(&self) -> Vec<u8> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: UnixStream,
    key: &PrivateKey,
    blob: &[u8],
    strange: &[Vec<u8>],
    mood: Mood,
    heard: &Mutex<Vec<u8>>,
) -> Option<()> {
    loop {
        let length = stream.read_u32().await.ok()?;
        let mut message = vec![0; length as usize];
        stream.read_exact(&mut message).await.ok()?;
        heard.lock().unwrap().push(message[0]);
        let mut answer = vec![5u8];
        match message[0] {
            LIST => {
                answer = vec![12];
                (strange.len() as u32 + 1).encode(&mut answer).unwrap();
                for blob in strange.iter().map(Vec::as_slice).chain([blob]) {
                    blob.encode(&mut answer).unwrap();
                    "a comment".encode(&mut answer).unwrap();
                }
            }
            SIGN if mood == Mood::Waits => std::future::pending().await,
            SIGN if mood == Mood::Stammers => {
                stream.write_all(&[0, 0, 1, 0, 14, 0]).await.ok()?;
                return None;
            }
            SIGN if mood != Mood::Refuses => {
                let (asked, rest) = string(&message[1..]);
                let (data, _flags) = string(rest);
                let signature = match mood {
                    Mood::Lies => as_token(key, b"something else"),
                    _ => as_token(key, data),
                };
                // Strict: it signs with the one key that it has shown.
                if asked == blob {
                    answer = vec![14];
                    signature.encode(&mut answer).unwrap();
                }
            }
            _ => {}
        }
        stream.write_u32(answer.len() as u32).await.ok()?;
        stream.write_all(&answer).await.ok()?;
    }
}

fn string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    rest.split_at(u32::from_be_bytes(*length) as usize)
}

/// A signature as a token makes it: over the digests of the application and of the data, with a flag that somebody
/// touched it and a counter.
fn as_token(key: &PrivateKey, data: &[u8]) -> Vec<u8> {
    let (flags, counter) = (1u8, 7u32);
    let mut signed = Sha256::digest(b"ssh:").to_vec();
    signed.push(flags);
    signed.extend(counter.to_be_bytes());
    signed.extend(Sha256::digest(data));
    let signature: Signature = key.key_data().try_sign(&signed).unwrap();
    let name = match key.key_data() {
        KeypairData::Ed25519(_) => "sk-ssh-ed25519@openssh.com",
        _ => "sk-ecdsa-sha2-nistp256@openssh.com",
    };
    let mut blob = Vec::new();
    name.encode(&mut blob).unwrap();
    signature.as_bytes().encode(&mut blob).unwrap();
    flags.encode(&mut blob).unwrap();
    counter.encode(&mut blob).unwrap();
    blob
}

fn key(server: &Sshd, kind: &str) -> PrivateKey {
    keygen(&server.file(kind), kind, "");
    PrivateKey::read_openssh_file(server.file(kind)).unwrap()
}

/// A server that lets the token's key in, and the way to it through the agent.
fn admitted(server: &Sshd, agent: &TestAgent) -> Link {
    fs::write(server.file("authorized_keys"), agent.public.to_openssh().unwrap() + "\n").unwrap();
    Link { identities: Vec::new(), agent: true, agent_socket: Some(agent.socket()), ..server.link() }
}

#[tokio::test]
async fn a_tokens_key_signs_through_the_agent() {
    let Some(server) = Sshd::start(&[]) else { return };
    for kind in ["ed25519", "ecdsa"] {
        let agent = TestAgent::start(key(&server, kind), Mood::Signs, Vec::new());
        let mut link = admitted(&server, &agent);
        open(&link).await;
        assert_eq!(agent.asked(), [EXTENSION, LIST, SIGN]);
        // The public half says which of the agent's keys is meant.
        fs::write(server.file("token.pub"), agent.public.to_openssh().unwrap()).unwrap();
        link = Link { identities: vec![server.file("token.pub")], identities_only: true, ..link };
        open(&link).await;
        assert!(server.log().contains(&format!("Accepted publickey for {}", link.user)), "{}", server.log());
    }
}

#[tokio::test]
async fn a_tokens_key_file_without_the_agent_says_what_it_takes() {
    if is_left_to_openssh("how an agent is spoken to") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let twin = key(&server, "ed25519");
    let KeyData::Ed25519(point) = twin.public_key().key_data() else { panic!() };
    let file = PrivateSkEd25519::new(SkEd25519::new(*point, "ssh:"), 1, vec![1, 2, 3]).unwrap();
    let file = PrivateKey::new(KeypairData::SkEd25519(file), "token").unwrap();
    file.write_openssh_file(server.file("token"), LineEnding::LF).unwrap();
    let link = Link { identities: vec![server.file("token")], ..server.link() };
    let error = refused(&link).await;
    assert_eq!(error.code, "key-needs-token");
    let hint = error.hint.unwrap();
    assert!(hint.contains("ssh-add") && hint.contains("transport: openssh"), "{hint}");
    // It does not keep others from being tried, and with the agent it will do.
    open(&Link { identities: vec![server.file("token"), server.identity()], ..link.clone() }).await;
    let agent = TestAgent::start(twin, Mood::Signs, Vec::new());
    open(&Link { identities: vec![server.file("token")], ..admitted(&server, &agent) }).await;
}

#[tokio::test]
async fn an_agent_that_does_not_sign_is_told_and_is_not_the_end() {
    if is_left_to_openssh("how an agent is spoken to") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let rows = [(Mood::Refuses, "agent-refused"), (Mood::Stammers, "agent-refused"), (Mood::Waits, "agent-silent")];
    let twin = key(&server, "ed25519");
    let agents = rows.map(|(mood, _)| TestAgent::start(twin.clone(), mood, Vec::new()));
    let links = agents.each_ref().map(|agent| admitted(&server, agent));
    // One that waits is waited for: all at once.
    let errors = futures_util::future::join_all(links.iter().map(refused)).await;
    for ((error, (mood, code)), agent) in errors.iter().zip(rows).zip(&agents) {
        assert_eq!(error.code, code, "{mood:?}: {error}");
        assert!(error.cause.contains("`a comment`"), "{error}");
        assert_eq!(agent.asked(), [EXTENSION, LIST, SIGN]);
    }
    let link = Link { usual_identities: vec![server.identity()], ..links[0].clone() };
    let mut both = fs::read_to_string(server.file("authorized_keys")).unwrap();
    both.push_str(&fs::read_to_string(server.file("id_ed25519.pub")).unwrap());
    fs::write(server.file("authorized_keys"), both).unwrap();
    open(&link).await;
}

#[tokio::test]
async fn a_false_signature_is_the_servers_to_refuse() {
    let Some(server) = Sshd::start(&[]) else { return };
    let agent = TestAgent::start(key(&server, "ed25519"), Mood::Lies, Vec::new());
    let error = refused(&admitted(&server, &agent)).await;
    assert_eq!(error.code, "authentication-refused");
    assert_eq!(server.log().matches("Failed publickey").count(), 1, "{}", server.log());
}

#[tokio::test]
async fn keys_of_a_kind_that_nobody_knows_are_passed_over() {
    if is_left_to_openssh("how an agent is spoken to") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let mut unknown = Vec::new();
    "ssh-quantum@example.com".encode(&mut unknown).unwrap();
    [7u8; 40].as_slice().encode(&mut unknown).unwrap();
    let mut nested = Vec::new();
    "ssh-ed25519-cert-v01@openssh.com".encode(&mut nested).unwrap();
    for _ in 0..50 {
        "ssh-ed25519-cert-v01@openssh.com".encode(&mut nested).unwrap();
    }
    let strange = vec![unknown, nested, Vec::new(), b"nonsense".to_vec()];
    let agent = TestAgent::start(key(&server, "ed25519"), Mood::Signs, strange);
    open(&admitted(&server, &agent)).await;
    assert!(!server.log().contains("Failed publickey"), "{}", server.log());
}

#[tokio::test]
async fn an_agent_that_names_no_keys_is_none() {
    if is_left_to_openssh("how an agent is spoken to") {
        return;
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = TempDir::new().unwrap();
    let bytes: [(&str, Option<&'static [u8]>); 4] = [
        ("silent", None),
        ("closed", Some(b"")),
        ("garbage", Some(b"\xff\xff\xff\xff garbage without end")),
        ("short", Some(b"\0\0\0\x01\x05\0\0\0\x09\x0c\0\0\0\xff\0\0\0\xff")),
    ];
    let mut links = Vec::new();
    for (name, says) in bytes {
        let socket = folder.path().join(name);
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Some(says) = says else { return std::future::pending().await };
                    drop(stream.write_all(says).await);
                });
            }
        });
        links.push(Link { identities: Vec::new(), agent: true, agent_socket: Some(socket), ..server.link() });
    }
    let errors = futures_util::future::join_all(links.iter().map(refused)).await;
    for (error, words) in errors.iter().zip(["(does not answer)", "(names no keys)", "(names no keys)", "agent ("]) {
        assert_eq!(error.code, "authentication-refused");
        assert!(error.cause.contains(words), "{error}");
    }
    // With a key file, it is no reason to stay outside.
    open(&Link { identities: vec![server.identity()], ..links[1].clone() }).await;
}
