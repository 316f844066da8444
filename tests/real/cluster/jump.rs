//! A cluster behind two jump hosts, as banks have it.

use std::fs;

use super::Cluster;
use crate::sshd::{Sshd, me};

/// Lets the inventory's hosts be reached through these hops alone.
pub(super) fn behind(cluster: &Cluster, hops: &[&Sshd], port_of_first: u16) {
    let mut names = Vec::new();
    let mut section = String::from("jump_hosts:\n");
    for (index, hop) in hops.iter().enumerate() {
        let port = if index == 0 { port_of_first } else { hop.port() };
        let folder = hop.folder().display();
        section.push_str(&format!(
            "  hop-{}: {{ address: 127.0.0.1, port: {port}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts }}\n",
            index + 1
        ));
        names.push(format!("hop-{}", index + 1));
    }
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    let jump = format!("ssh: {{ user: {}, agent: false, jump: [{}] }}", me(), names.join(", "));
    let text = text.replace(&format!("ssh: {{ user: {}, agent: false }}", me()), &jump);
    assert!(text.contains("jump: ["), "{text}");
    fs::write(cluster.inventory(), text + &section).unwrap();
}

#[test]
fn a_cluster_behind_two_jump_hosts_is_configured_and_a_second_run_has_nothing_to_do() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (Some(outer), Some(inner)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    behind(&cluster, &[&outer, &inner], outer.port());
    cluster.expect(2, &["plan"]);
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
    for hop in [&outer, &inner] {
        assert_eq!(hop.execs(), 0, "nothing runs on a jump host");
        assert_eq!(hop.log().matches("Accepted publickey").count(), 3, "one login a run, for both hosts");
    }
}

#[test]
fn a_jump_host_that_is_down_is_told_once_and_its_hosts_are_unknown() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let Some(hop) = Sshd::start(&[]) else { return };
    behind(&cluster, &[&hop], 1);
    let done = cluster.expect(3, &["plan"]);
    assert_eq!(done.stdout.matches("127.0.0.1 port 1 refuses connections").count(), 1, "{}", done.stdout);
    assert!(done.stdout.contains("error: is-1: jump host hop-1: tcp: 127.0.0.1 port 1 refuses"), "{}", done.stdout);
    assert!(done.stdout.contains("error: is-2: behind jump host hop-1, as above"), "{}", done.stdout);
    let report = cluster.report(3, &["plan"]);
    for host in report["hosts"].as_array().unwrap() {
        assert_eq!((&host["outcome"], &host["item"]), (&"unknown".into(), &"jump-host:hop-1".into()), "{host:#}");
    }
}
