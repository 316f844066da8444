//! Connections from the host, through the one connection to it.

use std::net::{Ipv4Addr, SocketAddr};

use hactl::transport::http::{self, Bounds, Question, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::sshd::{Sshd, skip};

/// A server that gives back what it gets, in capitals, until the other side has ended.
async fn shouter() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    buffer[..count].make_ascii_uppercase();
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

async fn shout(transport: &dyn Transport, port: u16) -> String {
    let mut stream = transport.open("127.0.0.1", port).await.unwrap_or_else(|error| panic!("{error:?}"));
    stream.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

async fn not_opened(transport: &dyn Transport, target: &str, port: u16) -> TransportError {
    match transport.open(target, port).await {
        Ok(_) => panic!("{target} port {port} was opened"),
        Err(error) => error,
    }
}

/// A port at which nobody listens.
async fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_connection_goes_through_the_host_beside_its_commands() {
    let Some(server) = Sshd::start(&[]) else { return };
    let (transport, port) = (open(&server.link()).await, shouter().await);
    // More than the server allows commands at once (MaxSessions 10), and while one runs.
    let (_, answers) = tokio::join!(
        say(&*transport, "sleep 0.2; echo"),
        futures_util::future::join_all((0..12).map(|_| shout(&*transport, port)))
    );
    assert_eq!(answers, vec!["HELLO"; 12]);
    assert_eq!(server.log().matches("Accepted publickey").count(), 1, "all over one connection");
}

#[tokio::test]
async fn a_connection_goes_through_the_host_also_when_commands_become_another_user() {
    let Some(server) = Sshd::start(&[]) else { return };
    let how = hactl::transport::Become {
        method: hactl::model::inventory::BecomeMethod::Sudo,
        user: "root".to_owned(),
        password: None,
        attempts: hactl::transport::Attempts::default(),
    };
    let transport = open(&Link { become_: Some(how), ..server.link() }).await;
    assert_eq!(shout(&*transport, shouter().await).await, "HELLO");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_to_its_end_stops_nothing_else() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let flood = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
    });
    let question = Question {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        host: "x".to_owned(),
        headers: Vec::new(),
        body: String::new().into(),
    };
    let bounds = Bounds { deadline: Duration::from_secs(20), limit: 100_000 };
    let reply = http::ask(transport.open("127.0.0.1", port), &Tls::Plain, &question, bounds).await.unwrap();
    assert_eq!((reply.body.len(), reply.truncated), (100_000, true));
    assert_eq!(say(&*transport, "echo still there").await, "still there\n");
    tokio::time::timeout(Duration::from_secs(20), flood).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_port_and_a_server_that_forwards_nothing_are_told_apart() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let error = not_opened(&*transport, "127.0.0.1", closed_port().await).await;
    assert_eq!((error.rung, error.code), (Rung::Tcp, "port-closed"), "{error:?}");
    assert!(error.cause.contains("from host-1"), "{}", error.cause);

    for config in ["AllowTcpForwarding no", "PermitOpen 192.0.2.1:1"] {
        let Some(server) = Sshd::start(&[config]) else { return };
        let transport = open(&server.link()).await;
        let error = not_opened(&*transport, "127.0.0.1", shouter().await).await;
        assert_eq!((error.rung, error.code), (Rung::Channel, "forwarding-refused"), "{config}: {error:?}");
        assert!(error.hint.unwrap().contains("AllowTcpForwarding"));
        assert_eq!(say(&*transport, "echo still there").await, "still there\n");
    }
}

#[tokio::test]
async fn what_does_not_answer_is_given_up() {
    // A listener whose queue is full drops what comes, as a firewall does.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let full = socket.listen(0).unwrap();
    let port = full.local_addr().unwrap().port();
    let mut waiting = Vec::new();
    loop {
        let connecting = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        match tokio::time::timeout(Duration::from_millis(300), connecting).await {
            Ok(stream) => waiting.push(stream.unwrap()),
            Err(_) => break,
        }
        if waiting.len() > 64 {
            return skip("a listener's queue does not fill here");
        }
    }
    let Some(server) = Sshd::start(&[]) else { return };
    let link = Link { connect_timeout: Duration::from_secs(2), ..server.link() };
    let transport = open(&link).await;
    let error = not_opened(&*transport, "127.0.0.1", port).await;
    assert_eq!((error.rung, error.code), (Rung::Tcp, "port-silent"), "{error:?}");
    let local = open(&Link { kind: hactl::model::inventory::TransportKind::Local, ..link }).await;
    assert_eq!(not_opened(&*local, "127.0.0.1", port).await.code, "port-silent");
    assert_eq!(not_opened(&*local, "127.0.0.1", closed_port().await).await.code, "port-closed");
    assert_eq!(not_opened(&*local, "no-such-name.invalid", 1).await.code, "name-not-found");
    assert_eq!(shout(&*local, shouter().await).await, "HELLO");
}
