//! Many hosts, and one of them in trouble: peers finish, the next batch is not begun.

use super::{Cluster, SHIPPED};

/// Somebody edits is-1's file between look and mend of the second stage: look, lock, upload, mend, mend.
fn trouble() -> Option<Cluster> {
    let cluster = Cluster::start(&["ForceCommand FOLDER/wrap"])?;
    cluster.hook(0, 5, "echo '# by hand' >> home/repository/conf/deployment.toml");
    Some(cluster)
}

#[test]
fn peers_of_the_same_batch_finish() {
    let Some(cluster) = trouble() else { return };
    let report = cluster.report(1, &["apply"]);
    assert_eq!(report["hosts"][0]["outcome"], "failed");
    assert_eq!(report["hosts"][1]["outcome"], "changed");
    assert_eq!(cluster.value(1, "server.hostname"), "sso.example.com");
    assert_eq!(cluster.expect(0, &["lock", "status"]).stdout, "is-1  free\nis-2  free\n");
}

#[test]
fn the_next_batch_is_not_begun() {
    let Some(cluster) = trouble() else { return };
    let report = cluster.report(1, &["apply", "--batch", "1"]);
    assert_eq!(report["hosts"][0]["outcome"], "failed");
    assert_eq!(report["hosts"][1]["outcome"], "not_reached");
    let because = report["hosts"][1]["because"].as_str().unwrap();
    assert!(because.contains("is-1 failed") && because.contains("--max-failures is 0"), "{because}");
    assert_eq!(cluster.toml(1), SHIPPED);
    cluster.expect(0, &["apply", "--batch", "1"]);
    cluster.is_converged();
}

#[test]
fn a_failure_that_is_allowed_does_not_stop_the_next_batch() {
    let Some(cluster) = trouble() else { return };
    let report = cluster.report(1, &["apply", "--batch", "1", "--max-failures", "1"]);
    assert_eq!(report["hosts"][0]["outcome"], "failed");
    assert_eq!(report["hosts"][1]["outcome"], "changed");
}
