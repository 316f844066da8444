//! A run is undone, and the balancer runs with what was there before.

use super::{Ground, KINDS};

fn last_run(ground: &Ground) -> String {
    let done = ground.expect(0, &["runs", "-n", "1"]);
    done.stdout.split_whitespace().next().unwrap().to_owned()
}

fn shows_node(ground: &Ground) -> bool {
    ground.get("/", &[]).header("X-Hactl-Node").is_some_and(|name| name.starts_with("is-"))
}

#[test]
fn a_rollback_brings_back_the_files_and_reloads() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let first = ground.text();
        ground.write_inventory("  show_node: false\n");
        ground.apply(0);
        let run = last_run(&ground);
        assert!(!shows_node(&ground));
        ground.expect(0, &["rollback", &run, "--yes"]);
        assert_eq!(ground.text(), first);
        assert!(shows_node(&ground), "{kind}: it was reloaded");
        // A rollback is a run like any other, and can be undone.
        let undone = last_run(&ground);
        ground.expect(0, &["rollback", &undone, "--yes"]);
        assert!(!shows_node(&ground), "{kind}");
        ground.is_converged();
    }
}

#[test]
fn the_first_run_can_be_undone_where_something_else_is_left_to_serve() {
    let Some(ground) = Ground::start("nginx") else { return };
    ground.apply(0);
    let run = last_run(&ground);
    ground.expect(0, &["rollback", &run, "--yes"]);
    assert!(!ground.configuration().exists() && !ground.at("balancer/ssl").exists());
    assert_eq!(ground.get("/", &[]).status, 410, "only the other site is left");
    ground.apply(0);
    assert_eq!(ground.get("/", &[]).status, 200);
    ground.is_converged();
}
