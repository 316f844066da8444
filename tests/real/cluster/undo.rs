//! Runs are remembered, can be undone, and can be taken up again.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Cluster, SHIPPED};

fn last_run(cluster: &Cluster) -> String {
    let done = cluster.expect(0, &["runs", "-n", "1"]);
    done.stdout.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_run_is_undone_byte_for_byte() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    cluster.expect(0, &["apply"]);
    let run = last_run(&cluster);
    let refused = cluster.expect(64, &["rollback", &run, "--no-input"]);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    cluster.expect(2, &["rollback", &run, "--plan"]);
    assert_ne!(cluster.toml(0), SHIPPED, "a plan undoes nothing");
    cluster.expect(0, &["rollback", &run, "--yes"]);
    assert_eq!((cluster.toml(0).as_str(), cluster.toml(1).as_str()), (SHIPPED, SHIPPED));
    let driver = cluster.home(0).join("repository/components/lib/mysql-connector-j-8.4.0.jar");
    assert!(!driver.exists(), "what the run made is gone");
    cluster.expect(0, &["rollback", &run, "--yes"]);
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
}

#[test]
fn what_was_edited_since_is_not_undone() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    cluster.expect(0, &["apply", "--step", "hostname"]);
    let run = last_run(&cluster);
    let edited = format!("{}\n# by hand\n", cluster.toml(0));
    fs::write(cluster.toml_file(0), &edited).unwrap();
    let done = cluster.expect(1, &["rollback", &run, "--yes"]);
    assert!(
        done.stdout.contains("is-1") && done.stdout.contains("file-changed-since"),
        "{}{}",
        done.stdout,
        done.stderr
    );
    assert_eq!(cluster.toml(0), edited, "the edit is not lost");
}

#[test]
fn a_run_that_did_not_end_well_is_taken_up_where_it_stopped() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    fs::write(cluster.toml_file(1), "not toml").unwrap();
    let done = cluster.expect(1, &["apply", "--max-failures", "1"]);
    assert!(done.stdout.contains("is-2") && done.stdout.contains("invalid-toml"), "{}", done.stdout);
    assert_eq!(cluster.value(0, "server.hostname"), "sso.example.com", "one failure was allowed");
    let run = last_run(&cluster);
    fs::write(cluster.toml_file(1), SHIPPED).unwrap();
    let report = cluster.report(0, &["apply", "--resume", &run]);
    let hosts: Vec<&str> =
        report["hosts"].as_array().unwrap().iter().map(|host| host["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["is-2"], "is-1 was done");
    cluster.is_converged();
    let nothing = cluster.expect(64, &["apply", "--resume", &last_run(&cluster)]);
    assert!(nothing.stderr.contains("every host of it is done"), "{}", nothing.stderr);
}

#[test]
fn one_failure_stops_the_run_before_anything_is_changed() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    fs::write(cluster.toml_file(1), "not toml").unwrap();
    let done = cluster.expect(1, &["apply"]);
    assert!(done.stdout.contains("is-1  not reached"), "{}", done.stdout);
    assert_eq!(cluster.toml(0), SHIPPED);
}

#[test]
fn a_run_that_changed_one_host_of_two_is_undone_from_any_folder() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    cluster.expect(0, &["apply"]);
    let edited = cluster.toml(0).replace("sso.example.com", "by-hand.example.com");
    fs::write(cluster.toml_file(0), &edited).unwrap();
    cluster.expect(0, &["apply", "inventory.yaml"]);
    let run = last_run(&cluster);
    let wanted = cluster.toml(1);
    let elsewhere = |words: &[&str]| cluster.command(words).current_dir("/").output().unwrap();
    let plan = elsewhere(&["rollback", &run, "--plan"]);
    let said = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert_eq!(plan.status.code(), Some(2), "{said}{}", String::from_utf8_lossy(&plan.stderr));
    assert!(said.contains("1 change on 1 host to undo the run.") && !said.contains("is-2"), "{said}");
    let done = elsewhere(&["rollback", &run, "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!((cluster.toml(0), cluster.toml(1)), (edited, wanted));
    cluster.expect(0, &["rollback", &run, "--yes", "--limit", "is-2"]);
}

#[test]
fn a_run_that_was_killed_is_undone_where_it_had_come_to() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    let mut hactl = cluster.command(&["apply", "--batch", "1"]);
    // The second host never answers its first mend: the first one is done by then.
    cluster.hook(1, 3, "echo $$ > stuck; sleep 60");
    let mut hactl = hactl.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while !cluster.servers[1].file("stuck").exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(cluster.servers[1].file("stuck").exists());
    hactl.kill().unwrap();
    hactl.wait().unwrap();
    cluster.servers[1].end_sessions();
    let run = last_run(&cluster);
    let done = cluster.expect(0, &["rollback", &run, "--yes"]);
    assert!(done.stdout.contains("is-1 changed"), "{}", done.stdout);
    assert_eq!((cluster.toml(0).as_str(), cluster.toml(1).as_str()), (SHIPPED, SHIPPED));
}

#[test]
fn a_run_that_is_not_known_here_is_named() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    for words in
        [["rollback", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--yes"], ["apply", "--resume", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]]
    {
        let done = cluster.expect(64, &words);
        assert!(done.stderr.contains("no such run on this machine"), "{}", done.stderr);
    }
}
