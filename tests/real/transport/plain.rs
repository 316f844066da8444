//! Commands, their input and their output.

use std::time::Instant;

use hactl::model::Script;

use super::*;
use crate::sshd::{Sshd, by_openssh};

#[tokio::test]
async fn a_command_answers_on_both_streams_and_with_its_status() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let reply = transport.run(&command("echo out; echo err >&2; exit 3")).await.unwrap();
    assert_eq!(out(&reply), "out\n");
    assert_eq!(reply.stderr, b"err\n");
    assert_eq!(reply.ending, Ending::Status(3));
    let reply = transport.run(&command("kill -KILL $$")).await.unwrap();
    // The user's own ssh is told the signal's name, and keeps it to itself.
    let signal = if by_openssh() { "unknown" } else { "KILL" };
    assert_eq!(reply.ending, Ending::Signal(signal.into()));
    let reply = transport.run(&command("exit 255")).await.unwrap();
    assert_eq!(reply.ending, Ending::Status(255), "which is no failure of ssh's");
    transport.close().await.unwrap();
}

#[tokio::test]
async fn input_goes_in_and_ends() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    let input: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let reply = transport.run(&Request { limit: 4_000_000, ..command_with("cat", input.clone()) }).await.unwrap();
    assert!(reply.stdout == input, "{} bytes came back", reply.stdout.len());
    // A command that reads nothing of it is not waited for.
    assert_eq!(out(&transport.run(&command_with("echo done", input)).await.unwrap()), "done\n");
}

#[tokio::test]
async fn a_connection_runs_nothing_and_a_request_is_one_exec() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&server.link()).await;
    assert_eq!(server.execs(), 0);
    let mut script = Script::new();
    script.call("printf %s", &["it's $HOME"]);
    let request = Request::script(&script, Duration::from_secs(30), 100);
    let reply = transport.run(&request).await.unwrap();
    assert_eq!(out(&reply), "it's $HOME");
    assert_eq!(server.execs(), 1);
    transport.close().await.unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("Received disconnect") && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.log().contains("Received disconnect"), "the server was not told: {}", server.log());
}
