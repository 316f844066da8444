//! Small servers of all manners, in this process.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::transport::dial;

const SOON: Bounds = Bounds { deadline: Duration::from_secs(20), limit: 1000 };

fn question() -> Question {
    Question {
        method: "POST".to_owned(),
        path: "/services/X?a=b".to_owned(),
        host: "sso.example.com".to_owned(),
        headers: vec![("X-Key".to_owned(), Zeroizing::new("secret".to_owned()))],
        body: Zeroizing::new("<a/>".to_owned()),
    }
}

/// Serves one connection: reads a head, then writes `pieces`, and holds the connection for as long as `hold` says.
async fn server(pieces: Vec<Vec<u8>>, hold: bool) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("<a/>") {
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                break;
            }
        }
        for piece in pieces {
            if stream.write_all(&piece).await.is_err() {
                break;
            }
        }
        if hold {
            // Until the other side goes.
            let _ = stream.read(&mut [0; 64]).await;
        }
        String::from_utf8_lossy(&seen).into_owned()
    });
    (port, task)
}

async fn asked(port: u16, tls: &Tls, bounds: Bounds) -> Result<HttpReply, HttpError> {
    ask(dial("127.0.0.1", port, bounds.deadline), tls, &question(), bounds).await
}

async fn answer(text: &str, hold: bool) -> Result<HttpReply, HttpError> {
    let (port, _) = server(vec![text.as_bytes().to_vec()], hold).await;
    asked(port, &Tls::Plain, SOON).await
}

#[tokio::test]
async fn what_was_asked_arrives_and_the_answer_comes_back_whole() {
    let text = "HTTP/1.1 302 Found\r\nX-Hactl-Node: is-1\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nabc";
    let (port, task) = server(vec![text.into()], true).await;
    let reply = asked(port, &Tls::Plain, SOON).await.unwrap();
    assert_eq!((reply.status, reply.body.as_ref(), reply.truncated), (302, &b"abc"[..], false));
    assert_eq!(reply.header("x-hactl-node"), Some("is-1"));
    assert!(reply.times.total >= reply.times.first_byte && reply.times.tls.is_zero());
    let seen = task.await.unwrap();
    assert!(seen.starts_with("POST /services/X?a=b HTTP/1.1\r\n"), "{seen}");
    for line in ["host: sso.example.com\r\n", "x-key: secret\r\n", "content-length: 4\r\n"] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit_and_its_connection_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    });
    let reply = asked(port, &Tls::Plain, SOON).await.unwrap();
    assert_eq!((reply.body.len(), reply.truncated), (1000, true));
    tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_finish_is_given_up_at_the_deadline() {
    let bounds = Bounds { deadline: Duration::from_millis(200), limit: 1000 };
    for said in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"] {
        let (port, _) = server(vec![said.into()], true).await;
        let error = asked(port, &Tls::Plain, bounds).await.unwrap_err();
        assert_eq!((error.kind, error.code), (HttpErrorKind::Late, "http-late"), "{said:?}");
        assert!(error.cause.starts_with("no answer within 0.2 s"), "{}", error.cause);
    }
    // Nor does it finish a handshake.
    let (port, _) = server(Vec::new(), true).await;
    let error = asked(port, &Tls::Unverified { name: "x".into() }, bounds).await.unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Late);
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let of = |result: Result<HttpReply, HttpError>| result.unwrap_err().kind;
    assert_eq!(of(answer("SSH-2.0-OpenSSH_9.2\r\n", true).await), HttpErrorKind::Garbage);
    assert_eq!(of(answer("\0\u{1}\u{2}garbage\r\n\r\n", false).await), HttpErrorKind::Garbage);
    assert_eq!(of(answer("", false).await), HttpErrorKind::Closed);
    assert_eq!(of(answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", false).await), HttpErrorKind::Closed);
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    assert_eq!(of(answer(&long, true).await), HttpErrorKind::Garbage);
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = asked(port, &Tls::Plain, SOON).await.unwrap_err();
    assert_eq!((error.kind, error.code), (HttpErrorKind::Connect, "port-closed"));
}

#[tokio::test]
async fn a_header_that_could_forge_another_is_not_sent_and_not_shown() {
    let (port, _) = server(Vec::new(), true).await;
    let headers = vec![("X-Key".to_owned(), Zeroizing::new("poison\r\nX-Forged: 1".to_owned()))];
    let question = Question { headers, ..question() };
    let error = ask(dial("127.0.0.1", port, SOON.deadline), &Tls::Plain, &question, SOON).await.unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Question);
    assert!(!format!("{error:?}").contains("poison"));
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// A certificate for `name`, as `openssl req -x509` makes it when `authority` is set.
fn identity(name: &str, authority: bool, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    Identity { certificate, key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
}

async fn over_tls(identity: &Identity, tls: &Tls) -> Result<HttpReply, HttpError> {
    let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
        .unwrap();
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
        let text = format!("HTTP/1.1 200 OK\r\nX-Name: {name}\r\nContent-Length: 2\r\n\r\nok");
        stream.write_all(text.as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
    });
    asked(port, tls, SOON).await
}

fn verified(name: &str, own: &[&Identity]) -> Tls {
    let own: Vec<_> = own.iter().map(|identity| identity.certificate.clone()).collect();
    Tls::Verified { name: name.to_owned(), roots: Roots::Own(own.into()) }
}

#[tokio::test]
async fn the_public_name_is_asked_for_and_proved_although_the_address_is_another() {
    for authority in [true, false] {
        let own = identity("sso.example.com", authority, |_| ());
        let reply = over_tls(&own, &verified("sso.example.com", &[&own])).await.unwrap();
        assert_eq!(reply.header("x-name"), Some("sso.example.com"), "authority: {authority}");
        assert!(!reply.times.tls.is_zero());
    }
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_unless_nothing_is_to_be_proved() {
    let (own, other) = (identity("sso.example.com", true, |_| ()), identity("sso.example.com", true, |_| ()));
    let old = identity("sso.example.com", true, |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let cause = |result: Result<HttpReply, HttpError>| {
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.code), (HttpErrorKind::Tls, "tls-certificate"), "{error:?}");
        error.cause
    };
    // Another certificate of the same name, as somebody in between would show.
    let refused = cause(over_tls(&other, &verified("sso.example.com", &[&own])).await);
    assert!(refused.contains("not the one that was named"), "{refused}");
    let refused = cause(over_tls(&own, &verified("login.example.com", &[&own])).await);
    assert_eq!(refused, "the certificate is not for login.example.com");
    assert!(cause(over_tls(&old, &verified("sso.example.com", &[&old])).await).contains("expired"));
    let system = Tls::Verified { name: "sso.example.com".to_owned(), roots: Roots::System };
    let error = over_tls(&own, &system).await.unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Tls, "{error:?}");
    for anybody in [&own, &other, &old] {
        let reply = over_tls(anybody, &Tls::Unverified { name: "10.0.0.1".to_owned() }).await.unwrap();
        assert_eq!(reply.body.as_ref(), b"ok");
    }
}

#[tokio::test]
async fn plain_http_where_tls_is_wanted_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = asked(port, &Tls::Unverified { name: "x".into() }, SOON).await.unwrap_err();
    assert_eq!((error.kind, error.code), (HttpErrorKind::Tls, "tls-failed"), "{error:?}");
}
