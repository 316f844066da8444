//! What goes wrong while nodes start: it is told at once and truthfully, and the next run mends it.

use std::fs;
use std::time::{Duration, Instant};

use crate::place::{Done, Ground, eventually};

/// A node starts within this time, even on a machine that has much else to do.
const START: Duration = Duration::from_secs(180);
/// The lines after which a node that is still alive will never serve.
const DEAD_INSIDE: [&str; 4] = [
    "FATAL",
    "Cannot start User Manager Core bundle",
    "Cannot initialize the realm",
    "Error in intializing system data sources",
];

#[test]
fn two_singles_fail_the_gate_which_names_the_blocked_port_and_join_without_a_restart_when_it_is_open() {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory(&["--kernel", "4.5.1"]);
    ground.script(&["block", "is-1", "is-2", "4000"]);
    let done = ground.hactl(1, &["apply"]);
    let peers = ["10.79.1.1:4000", "10.79.1.2:4000"];
    assert!(peers.iter().any(|peer| done.stdout.contains(peer)), "the blocked port is named: {}", done.stdout);
    let before = ground.one_process_each();
    ground.script(&["unblock"]);
    ground.hactl(0, &["apply"]);
    assert_eq!(ground.one_process_each(), before, "nobody was restarted");
    let joined = |host: &str| ground.log_since_start(host).contains("Member joined");
    assert!(joined("is-1") || joined("is-2"));
    ground.nothing_to_do(&[]);
}

#[test]
fn a_database_that_goes_away_between_two_starts_is_named_and_the_first_node_goes_on() {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory(&["--kernel", "4.5.1"]);
    let child = ground.command(&["apply"]).spawn().unwrap();
    eventually("the start of is-2", 2 * START, || !ground.pids("is-2").is_empty());
    let first = ground.pids("is-1");
    ground.script(&["db", "stop"]);
    eventually("the end of is-2's start", START, || DEAD_INSIDE.iter().any(|line| ground.log("is-2").contains(line)));
    let visible = Instant::now();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    // Seconds on a quiet machine; the node would be waited for for minutes if the log were not read.
    assert!(visible.elapsed() < Duration::from_secs(60), "told {:?} after its cause was in the log", visible.elapsed());
    assert!(said.contains("error: is-2") && said.contains("refused"), "{said}");
    assert_eq!(ground.pids("is-1"), first, "is-1 runs on");

    ground.script(&["db", "start"]);
    ground.hactl(0, &["apply"]);
    assert_eq!(ground.pids("is-1"), first);
    ground.two_joined_nodes_serve();
    ground.nothing_to_do(&[]);
}

#[test]
fn a_node_that_is_killed_during_its_start_is_told_and_started_by_the_next_run() {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory(&["--kernel", "4.5.1"]);
    let child = ground.command(&["apply"]).spawn().unwrap();
    eventually("the start of is-1", START, || !ground.pids("is-1").is_empty());
    ground.on("is-1", &["pkill", "-KILL", "-u", "wso2carbon", "-f", "org.wso2.carbon.bootstrap.Bootstrap"]);
    let killed = Instant::now();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(killed.elapsed() < Duration::from_secs(60), "told after {:?}", killed.elapsed());
    assert!(said.contains("error: is-1"), "{said}");
    assert!(ground.pids("is-2").is_empty(), "the next batch was not begun");
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
}

/// A start that fails: what is done to the host, what the report must name, and how it is undone.
struct Failing {
    what: &'static str,
    breaks: fn(&Ground),
    named: &'static [&'static str],
    mends: fn(&Ground),
}

const FAILING: [Failing; 2] = [
    Failing {
        what: "the database refuses the password",
        breaks: |_| {
            fs::copy(Ground::file("secrets/shared_db"), Ground::file("secrets/right")).unwrap();
            fs::write(Ground::file("secrets/shared_db"), "wrong").unwrap();
        },
        named: &["Access denied"],
        mends: |_| fs::rename(Ground::file("secrets/right"), Ground::file("secrets/shared_db")).unwrap(),
    },
    Failing {
        what: "another program owns the port",
        breaks: |ground| {
            let program = "import socket,time; s=socket.create_server(('',9443)); time.sleep(600)";
            let listens = || ground.on("is-1", &["ss", "-Htnl", "sport = :9443"]).contains("9443");
            // A process that is being killed has no name any more and its sockets still.
            eventually("the end of the node's socket", Duration::from_secs(30), || !listens());
            ground.on("is-1", &["sh", "-c", &format!("setsid python3 -c \"{program}\" > /dev/null 2>&1 &")]);
            eventually("the other program", Duration::from_secs(30), listens);
        },
        named: &["9443"],
        mends: |ground| drop(ground.on("is-1", &["pkill", "-KILL", "-f", "create_server"])),
    },
];

#[test]
fn each_start_that_fails_is_told_with_its_cause_and_mended_by_the_next_run() {
    let Some(ground) = Ground::clean() else { return };
    // One node is enough, laid down and on a schema that is there.
    ground.inventory(&["--kernel", "4.5.1", "--alone"]);
    ground.hactl(0, &["apply"]);
    for failing in FAILING {
        ground.on("is-1", &["pkill", "-KILL", "-x", "-u", "wso2carbon", "java"]);
        eventually("the end of the node", Duration::from_secs(30), || ground.pids("is-1").is_empty());
        (failing.breaks)(&ground);
        let done = fails(&ground);
        (failing.mends)(&ground);
        let told = failing.named.iter().all(|word| done.stdout.contains(word));
        assert!(told && done.stdout.contains("error: is-1"), "{}: {}", failing.what, done.stdout);
        ground.hactl(0, &["apply"]);
        crate::nodes::login_at("is-1").unwrap_or_else(|why| panic!("after {}: {why}", failing.what));
    }
}

/// Applies; that must fail, by a rule of preflight or by the start itself.
#[track_caller]
fn fails(ground: &Ground) -> Done {
    let done = crate::place::run(ground.command(&["apply"]));
    assert!([1, 5].contains(&done.exit), "{}: {}{}", done.exit, done.stdout, done.stderr);
    done
}
