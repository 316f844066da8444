//! The machine that hactl runs on.

use std::time::Instant;

use hactl::model::inventory::TransportKind;
use hactl::transport::Rung;

use super::*;

/// How to reach this machine.
pub(super) fn link() -> Link {
    Link { connect_timeout: Duration::from_secs(1), ..Link::bare(TransportKind::Local, "localhost", 22, "") }
}

#[tokio::test]
async fn a_command_answers_as_it_would_over_ssh() {
    let transport = open(&link()).await;
    let reply = transport.run(&command_with("cat; echo err >&2; exit 3", "in")).await.unwrap();
    assert_eq!((out(&reply).as_str(), reply.ending), ("in", Ending::Status(3)));
    assert_eq!(reply.stderr, b"err\n");
    let reply = transport.run(&command("kill -KILL $$")).await.unwrap();
    assert_eq!(reply.ending, Ending::Signal("KILL".into()));
    let big = vec![7u8; 3_000_000];
    let request = Request { limit: 1000, ..command_with("tee /dev/stderr", big) };
    let reply = transport.run(&request).await.unwrap();
    assert_eq!((reply.stdout.len(), reply.stderr.len(), reply.truncated), (1000, 1000, true));
    transport.close().await.unwrap();
}

#[tokio::test]
async fn a_command_that_reads_nothing_is_not_waited_for() {
    let transport = open(&link()).await;
    let reply = transport.run(&command_with("exec <&-; echo done", vec![0; 5_000_000])).await.unwrap();
    assert_eq!(out(&reply), "done\n");
}

#[tokio::test]
async fn a_background_child_that_keeps_the_output_open_is_not_waited_for() {
    let transport = open(&link()).await;
    let begin = Instant::now();
    assert_eq!(say(&*transport, "sleep 30 & echo started").await, "started\n");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_command_past_its_deadline_is_ended_with_all_that_it_started() {
    let transport = open(&link()).await;
    let request =
        Request { deadline: Duration::from_millis(300), ..command("(sleep 98765; true) & sleep 98765; true") };
    let error = transport.run(&request).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Command, "deadline"));
    let left = say(&*transport, "ps -e -o args= | grep '^[s]leep 98765' || echo none").await;
    assert_eq!(left, "none\n");
}

#[tokio::test]
async fn a_command_has_its_own_process_group_so_that_a_ctrl_c_is_not_for_it() {
    let transport = open(&link()).await;
    let groups = say(&*transport, &format!("ps -o pgid= -p $$; ps -o pgid= -p {}", std::process::id())).await;
    let mut groups = groups.split_whitespace();
    assert_ne!(groups.next(), groups.next());
}
