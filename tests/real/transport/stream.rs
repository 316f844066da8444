//! Output that is handed on while a command runs.

use std::time::Instant;

use hactl::transport::{HangUp, JumpHosts, Outlet, Piece, Printed};

use super::jump::through;
use super::*;
use crate::sshd::Sshd;

fn streams(link: Link) -> Link {
    Link { streams: true, ..link }
}

fn call(text: &str, outlet: Outlet, hang_up: &HangUp) -> Request {
    let mut script = hactl::model::Script::new();
    script.line(text);
    let input = Input::Call(hactl::transport::call(&script), hang_up.clone());
    Request { input, outlet: Some(outlet), ..command("exec sh -s") }
}

#[tokio::test]
async fn pieces_come_while_the_command_runs_in_their_order_and_all_of_them() {
    let Some(server) = Sshd::start(&[]) else { return };
    let go = server.file("go");
    for link in [streams(server.link()), super::local::link()] {
        drop(std::fs::remove_file(&go));
        let transport = open(&link).await;
        let (outlet, mut pieces) = Outlet::new(None);
        // What it prints when it is let go is only printed when the first piece has come.
        let line =
            format!("echo first; while [ ! -e {} ]; do sleep 0.01; done; echo err >&2; seq 1 200000", go.display());
        let request = call(&line, outlet, &HangUp::new());
        let running = tokio::spawn(async move { transport.run(&request).await });
        let first = pieces.recv().await.unwrap();
        assert_eq!(first, Piece::Data(Printed::Stdout, Bytes::from_static(b"first\n")));
        std::fs::write(&go, "").unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(Piece::Data(printed, data)) = pieces.recv().await {
            match printed {
                Printed::Stdout => stdout.extend_from_slice(&data),
                Printed::Stderr => stderr.extend_from_slice(&data),
            }
        }
        let reply = running.await.unwrap().unwrap();
        assert_eq!((reply.ending, reply.stdout.len()), (Ending::Status(0), 0));
        assert_eq!(stderr, b"err\n");
        let wanted: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
        assert!(stdout == wanted.as_bytes(), "{} bytes instead of {}", stdout.len(), wanted.len());
    }
}

#[tokio::test]
async fn a_flood_that_nobody_reads_does_not_hold_up_its_neighbour_behind_the_same_jump_host() {
    let (Some(hop), Some(one), Some(two)) = (Sshd::start(&[]), Sshd::start(&[]), Sshd::start(&[])) else { return };
    let jump_hosts = JumpHosts::default();
    let streamed = |server: &Sshd| {
        let mut link = through(server, &[&hop], &jump_hosts);
        link.via = link.via.map(|via| std::sync::Arc::new(streams((*via).clone())));
        streams(link)
    };
    let (flooded, neighbour) = (open(&streamed(&one)).await, open(&streamed(&two)).await);
    let (outlet, mut pieces) = Outlet::new(Some(Duration::from_millis(200)));
    let hang_up = HangUp::new();
    let request = Request { deadline: Duration::from_secs(300), ..call("exec yes", outlet, &hang_up) };
    let running = tokio::spawn(async move { flooded.run(&request).await });
    pieces.recv().await.unwrap();
    // Far more than all buffers and windows together is thrown away meanwhile.
    for _ in 0..20 {
        assert_eq!(say(&*neighbour, "echo well").await, "well\n");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Somebody reads again, and hears what is missing.
    let mut left_out = 0;
    let end = Instant::now() + Duration::from_secs(60);
    while left_out < 10_000_000 {
        assert!(Instant::now() < end, "only {left_out} bytes were left out");
        match pieces.recv().await.unwrap() {
            Piece::LeftOut(bytes) => left_out += bytes,
            // Nobody reads for some time again.
            Piece::Data(..) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
    hang_up.now();
    while pieces.recv().await.is_some() {}
    let reply = running.await.unwrap().unwrap();
    assert!(!reply.ending.is_success(), "{:?}", reply.ending);
}

#[tokio::test]
async fn a_deadline_holds_also_while_nobody_reads() {
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&streams(server.link())).await;
    let (outlet, pieces) = Outlet::new(None);
    let request = Request { deadline: Duration::from_secs(1), ..call("exec yes", outlet, &HangUp::new()) };
    assert_eq!(transport.run(&request).await.unwrap_err().code, "deadline");
    drop(pieces);
    assert_eq!(say(&*transport, "echo still").await, "still\n");
}

#[tokio::test]
async fn whoever_goes_away_ends_the_command() {
    let Some(server) = Sshd::start(&[]) else { return };
    for link in [streams(server.link()), super::local::link()] {
        let transport = open(&link).await;
        let (outlet, pieces) = Outlet::new(None);
        drop(pieces);
        let request = call("exec yes", outlet, &HangUp::new());
        assert_eq!(transport.run(&request).await.unwrap_err().code, "output-closed");
    }
}
