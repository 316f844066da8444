//! Jump hosts: the way through one or two of them, and each way in which it can break.

use std::sync::Arc;

use std::time::Instant;

use super::*;
use crate::sshd::Sshd;
use hactl::transport::{JumpHosts, Rung};

/// A link to `server` through `hops`, the outermost first, which share `jump_hosts`.
pub(super) fn through(server: &Sshd, hops: &[&Sshd], jump_hosts: &JumpHosts) -> Link {
    let mut via = None;
    for (index, hop) in hops.iter().enumerate() {
        let name = format!("hop-{}", index + 1);
        via = Some(Arc::new(Link { name, via, jump_hosts: jump_hosts.clone(), ..hop.link() }));
    }
    Link { via, jump_hosts: jump_hosts.clone(), ..server.link() }
}

fn logins(server: &Sshd) -> usize {
    server.log().matches("Accepted publickey").count()
}

#[tokio::test]
async fn two_hops_lead_to_a_host_and_each_is_logged_in_to_once_for_all_hosts() {
    let (Some(outer), Some(inner)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let (Some(one), Some(two)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let jump_hosts = JumpHosts::default();
    let links = [through(&one, &[&outer, &inner], &jump_hosts), through(&two, &[&outer, &inner], &jump_hosts)];
    let (first, second) = tokio::join!(open(&links[0]), open(&links[1]));
    assert_eq!(say(&*first, "echo one").await, "one\n");
    assert_eq!(say(&*second, "echo two").await, "two\n");
    for server in [&outer, &inner, &one, &two] {
        assert_eq!(logins(server), 1, "{}", server.log());
    }
    // Nobody got past the hops by another way.
    assert!(one.log().contains(&format!("on 127.0.0.1 port {}", one.port())));
    assert_eq!(outer.execs() + inner.execs(), 0, "nothing runs on a jump host");
}

#[tokio::test]
async fn what_breaks_at_a_hop_names_the_hop_and_is_tried_once_for_all() {
    let (Some(hop), Some(server)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let jump_hosts = JumpHosts::default();
    let link = through(&server, &[&hop], &jump_hosts);
    let refuse = |change: fn(&mut Link)| {
        let mut via = (**link.via.as_ref().unwrap()).clone();
        change(&mut via);
        Link { via: Some(Arc::new(via)), jump_hosts: JumpHosts::default(), ..link.clone() }
    };
    let wrong_key = refuse(|via| via.user = "nobody-here".to_owned());
    let error = refused(&wrong_key).await;
    assert_eq!((error.rung, error.hop.as_deref()), (Rung::Authentication, Some("hop-1")), "{error}");
    assert!(error.to_string().starts_with("jump host hop-1: authentication: "), "{error}");
    let before = hop.log().matches("Connection from").count();
    assert_eq!(refused(&wrong_key).await, error, "a second host hears the same");
    assert_eq!(hop.log().matches("Connection from").count(), before, "and nobody knocked again");

    let unknown_key = refuse(|via| via.known_hosts = Vec::new());
    let error = refused(&unknown_key).await;
    assert_eq!((error.rung, error.hop.as_deref()), (Rung::HostKey, Some("hop-1")), "{error}");
    let closed = refuse(|via| via.port = 1);
    let error = refused(&closed).await;
    assert_eq!((error.code, error.hop.as_deref()), ("connection-refused", Some("hop-1")), "{error}");

    // Behind the hop, it is the host's own trouble.
    let mut nobody = link.clone();
    nobody.port = 1;
    let error = refused(&nobody).await;
    assert_eq!((error.rung, error.code, error.hop.as_deref()), (Rung::Tcp, "unreachable-from-jump-host", None));
    assert!(error.cause.contains("hop-1 cannot connect to 127.0.0.1 port 1"), "{error}");
    let mut stranger = link.clone();
    stranger.known_hosts = Vec::new();
    let error = refused(&stranger).await;
    assert_eq!((error.rung, error.hop.as_deref()), (Rung::HostKey, None), "{error}");
    assert_eq!(say(&*open(&link).await, "echo still").await, "still\n");
}

#[tokio::test]
async fn a_hop_that_forbids_forwarding_says_so() {
    let (Some(hop), Some(server)) = (Sshd::start(&["AllowTcpForwarding no"]), Sshd::start(&[])) else { return };
    let error = refused(&through(&server, &[&hop], &JumpHosts::default())).await;
    assert_eq!((error.code, error.hop.as_deref()), ("jump-forbidden", Some("hop-1")), "{error}");
    assert!(error.hint.unwrap().contains("AllowTcpForwarding"));
}

#[tokio::test]
async fn a_crowd_behind_a_hop_that_lets_in_few_at_once_gets_in() {
    let Some(hop) = Sshd::start(&["MaxStartups 2:100:2", "MaxSessions 1"]) else { return };
    let Some(server) = Sshd::start(&["MaxStartups 8:100:8"]) else { return };
    let jump_hosts = JumpHosts::default();
    let link = through(&server, &[&hop], &jump_hosts);
    let crowd: Vec<_> = (0..30)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move { say(&*open(&link).await, "echo in").await })
        })
        .collect();
    for one in crowd {
        assert_eq!(one.await.unwrap(), "in\n");
    }
    assert_eq!(logins(&hop), 1);
}

#[tokio::test]
async fn a_hop_that_dies_between_two_requests_is_gone_through_anew() {
    let (Some(hop), Some(server)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let transport = open(&through(&server, &[&hop], &JumpHosts::default())).await;
    say(&*transport, "true").await;
    hop.end_sessions();
    let end = Instant::now() + Duration::from_secs(20);
    while server.log().matches("Disconnected from").count() + server.log().matches("Connection closed").count() == 0 {
        assert!(Instant::now() < end, "the host has not noticed: {}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(say(&*transport, "echo again").await, "again\n");
    assert_eq!(logins(&hop), 2);
}
