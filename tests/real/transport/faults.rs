//! Servers that are slow, strict, frozen or dead.

use std::time::Instant;

use hactl::transport::Rung;

use super::*;
use crate::sshd::{Sshd, by_openssh};

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_refused_and_tried_again() {
    let Some(server) = Sshd::start(&[]) else { return };
    let link = server.link();
    drop(server);
    let begin = Instant::now();
    let error = refused(&link).await;
    assert_eq!((error.rung, error.code), (Rung::Tcp, "connection-refused"));
    // Two pauses lie between three tries.
    assert!(begin.elapsed() > Duration::from_millis(400), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_failure_of_the_lookup() {
    let Some(server) = Sshd::start(&[]) else { return };
    let error = refused(&Link { address: "no-such-host.invalid".into(), ..server.link() }).await;
    assert_eq!((error.rung, error.code), (Rung::Dns, "name-not-found"));
    assert!(error.cause.contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn something_else_than_ssh_is_named_as_that_or_runs_out_of_time() {
    let Some(server) = Sshd::start(&[]) else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    let error = refused(&Link { port, connect_timeout: Duration::from_millis(300), ..server.link() }).await;
    assert_eq!((error.rung, error.code, error.retry), (Rung::KeyExchange, "connect-timeout", false));
    silent.abort();
}

#[tokio::test]
async fn no_common_algorithm_names_both_sides() {
    let Some(server) = Sshd::start(&["Ciphers 3des-cbc"]) else {
        return;
    };
    let error = refused(&server.link()).await;
    assert_eq!((error.rung, error.code), (Rung::KeyExchange, "no-common-algorithm"));
    // What the user's own ssh would take it does not say.
    assert!(error.cause.contains("3des-cbc") && (by_openssh() || error.cause.contains("aes128-gcm")), "{error}");
}

#[tokio::test]
async fn a_login_shell_that_prints_does_not_get_in_the_way_of_an_end() {
    let noise = "ForceCommand echo noise; echo more >&2; eval \"$SSH_ORIGINAL_COMMAND\"";
    let Some(server) = Sshd::start(&[noise]) else { return };
    let transport = open(&server.link()).await;
    let reply = transport.run(&command_with("sh -s", "echo hello; exit 4")).await.unwrap();
    assert_eq!((out(&reply).as_str(), reply.ending), ("noise\nhello\n", Ending::Status(4)));
}

#[tokio::test]
async fn output_past_the_limit_is_read_and_thrown_away() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let request =
        Request { limit: 1000, ..command("head -c 20000000 /dev/zero; head -c 5000000 /dev/zero >&2; exit 5") };
    let reply = transport.run(&request).await.unwrap();
    assert_eq!((reply.stdout.len(), reply.stderr.len(), reply.truncated), (1000, 1000, true));
    assert_eq!(reply.ending, Ending::Status(5));
    assert_eq!(say(&*transport, "echo next").await, "next\n");
}

#[tokio::test]
async fn a_background_child_that_keeps_the_output_open_is_not_waited_for() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let begin = Instant::now();
    assert_eq!(say(&*transport, "sleep 30 & echo started").await, "started\n");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_command_past_its_deadline_gets_no_further_and_the_connection_lives_on() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let mark = server.file("mark");
    let request = Request {
        deadline: Duration::from_millis(500),
        ..command(&format!("sleep 1; echo next; touch {}; sleep 100", mark.display()))
    };
    let begin = Instant::now();
    let error = transport.run(&request).await.unwrap_err();
    assert_eq!((error.rung, error.code, error.retry), (Rung::Command, "deadline", false));
    assert!(error.cause.contains("0.5 s") && error.cause.contains("the command to end"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(say(&*transport, "sleep 1.5; echo later").await, "later\n");
    assert!(!mark.exists(), "the command went on after its deadline");
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_a_command_is_a_lost_connection_that_is_not_retried() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let request = command("echo begun; sleep 100");
    let run = transport.run(&request);
    let kill = async {
        while !server.log().contains("Starting session: command") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.signal("KILL");
    };
    let (result, ()) = tokio::join!(run, kill);
    let error = result.unwrap_err();
    assert_eq!((error.rung, error.code, error.retry), (Rung::Command, "connection-lost", false));
    assert!(error.cause.contains("while the command was running"), "{error}");
}

#[tokio::test]
async fn a_connection_that_died_between_two_requests_is_made_anew() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    say(&*transport, "true").await;
    // The session's processes alone; the server itself goes on listening.
    server.end_sessions();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(say(&*transport, "echo again").await, "again\n");
}

#[tokio::test]
async fn a_frozen_server_runs_into_the_deadline() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    server.signal("STOP");
    let begin = Instant::now();
    let request = Request { deadline: Duration::from_secs(1), ..command("true") };
    let error = transport.run(&request).await.unwrap_err();
    assert_eq!(error.code, "deadline");
    assert!(error.cause.contains("to open a channel"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let error = refused(&Link { connect_timeout: Duration::from_millis(500), ..server.link() }).await;
    assert_eq!(error.code, "connect-timeout");
    server.signal("CONT");
}

#[tokio::test]
async fn a_server_that_freezes_under_a_command_is_noticed_long_before_its_deadline() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let request = Request { deadline: Duration::from_secs(600), ..command("echo begun; sleep 100") };
    let freeze = async {
        while !server.log().contains("Starting session: command") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.signal("STOP");
    };
    let begin = Instant::now();
    let (result, ()) = tokio::join!(transport.run(&request), freeze);
    let error = result.unwrap_err();
    assert_eq!((error.rung, error.code, error.retry), (Rung::Command, "connection-lost", false));
    let words = if by_openssh() { "not responding" } else { "Keepalive timeout" };
    assert!(error.cause.contains(words), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn one_channel_at_a_time_is_enough() {
    let Some(server) = Sshd::start(&["MaxSessions 1"]) else {
        return;
    };
    let transport = open(&server.link()).await;
    let requests: Vec<Request> = (0..6).map(|n| command(&format!("sleep 0.1; echo {n}"))).collect();
    let (a, b, c) = tokio::join!(transport.run(&requests[0]), transport.run(&requests[1]), transport.run(&requests[2]));
    assert_eq!([a, b, c].map(|reply| out(&reply.unwrap())), ["0\n", "1\n", "2\n"]);
    for (n, request) in requests.iter().enumerate() {
        assert_eq!(out(&transport.run(request).await.unwrap()), format!("{n}\n"));
    }
}

#[tokio::test]
async fn no_channel_at_all_is_said() {
    let Some(server) = Sshd::start(&["MaxSessions 0"]) else {
        return;
    };
    let transport = open(&server.link()).await;
    let error = transport.run(&command("true")).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Channel, "channel-refused"));
    assert!(error.hint.unwrap().contains("MaxSessions"));
}

#[tokio::test]
async fn a_crowd_at_the_door_gets_in_after_all() {
    let Some(server) = Sshd::start(&["MaxStartups 2:100:2"]) else {
        return;
    };
    let link = server.link();
    let all: Vec<_> = (0..8)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move { connect(&link).await.map(|_| ()) })
        })
        .collect();
    let mut let_in = 0;
    for one in all {
        match one.await.unwrap() {
            Ok(()) => let_in += 1,
            Err(error) => assert!(error.code == "handshake-dropped" && error.retry, "{error:?}"),
        }
    }
    assert!(server.log().contains("MaxStartups"), "the server turned nobody away");
    // Two at a time could come in at first. Eight processes that start at once may take longer than the pauses last.
    assert!(let_in > if by_openssh() { 0 } else { 2 }, "{let_in} of 8");
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_frees_its_channel() {
    let Some(server) = Sshd::start(&["MaxSessions 1"]) else {
        return;
    };
    let transport = open(&server.link()).await;
    let request = command("while echo more; do sleep 0.05; done");
    let dropped = tokio::time::timeout(Duration::from_millis(300), transport.run(&request)).await;
    assert!(dropped.is_err());
    assert_eq!(say(&*transport, "echo next").await, "next\n");
}
