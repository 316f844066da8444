//! From empty homes to two joined nodes behind a balancer.

use crate::nodes::login_at;
use crate::place::Ground;
use crate::watcher::{Watcher, away};

#[test]
fn one_apply_starts_two_joined_nodes_behind_a_balancer_and_a_changed_key_restarts_them_one_at_a_time() {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory(&["--kernel", "4.5.1"]);
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
    ground.mariadb_holds_the_schema("4.5.1");

    let before = ground.one_process_each();
    ground.nothing_to_do(&[]);
    let status = ground.hactl(0, &["status"]);
    assert_eq!(status.stdout.matches("in place  serves, up ").count(), 2, "{}", status.stdout);
    assert_eq!(ground.one_process_each(), before, "a run with nothing to do restarts nobody");

    ground.edit(
        "password: { file: secrets/shared_db } }",
        "password: { file: secrets/shared_db }, pool: { maxActive: 81 } }",
    );
    let plan = ground.hactl(2, &["plan"]);
    assert!(plan.stdout.contains("restart"), "{}", plan.stdout);
    let watcher = Watcher::begin();
    ground.hactl(0, &["apply"]);
    let rounds = watcher.end();
    let both: Vec<_> = rounds.iter().filter(|round| round.answered == [false, false]).collect();
    assert!(both.is_empty(), "both nodes were away at {both:?}");
    let (first, second) =
        (away(&rounds, 0).expect("is-1 was restarted"), away(&rounds, 1).expect("is-2 was restarted"));
    assert!(first.1 < second.0 || second.1 < first.0, "is-1 was away {first:?}, is-2 {second:?}");
    the_second_waited_until_the_first_had_joined(&ground);
    let after = ground.one_process_each();
    assert!(after[0] != before[0] && after[1] != before[1], "{before:?} {after:?}");
    ground.two_joined_nodes_serve();
    ground.nothing_to_do(&[]);
    assert_eq!(ground.one_process_each(), after);
}

/// is-2 saw is-1 leave and come back before it was itself stopped.
#[track_caller]
fn the_second_waited_until_the_first_had_joined(ground: &Ground) {
    let log = ground.log("is-2");
    let life = &log[..log.rfind("Starting WSO2 Carbon").unwrap()];
    let (left, joined) = (life.rfind("Member left"), life.rfind("Member joined"));
    assert!(left.is_some() && joined > left, "is-2 did not see is-1 leave and join again:\n{life}");
}

#[test]
fn the_same_with_a_kernel_of_another_age() {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory(&["--kernel", "4.9.1-m1"]);
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
    ground.mariadb_holds_the_schema("4.9.1-m1");
    let before = ground.one_process_each();
    ground.nothing_to_do(&[]);
    assert_eq!(ground.one_process_each(), before);
}

#[test]
fn a_kernel_without_hazelcast_with_a_key_store_of_its_own_runs_alone_on_postgresql() {
    let Some(ground) = Ground::clean_with_postgresql() else { return };
    ground.inventory(&["--kernel", "4.10.32", "--database", "postgresql", "--alone", "--own-key"]);
    ground.hactl(0, &["apply"]);
    login_at("is-1").unwrap();
    let before = ground.pids("is-1");
    assert_eq!(before.len(), 1);
    let again = ground.hactl(0, &["apply"]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    assert_eq!(ground.pids("is-1"), before);
    let store = "/opt/wso2carbon-core-4.10.32/repository/resources/security/ground.p12";
    let key = std::fs::read(Ground::file_of("is-1", store)).unwrap();
    assert_eq!(key, std::fs::read(Ground::file("keys/ground.p12")).unwrap());
}
