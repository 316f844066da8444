//! Hosts whose init is systemd, and the product as its unit.

use std::time::Duration;

use crate::nodes::login_at;
use crate::place::{Ground, eventually};

const UNIT: &str = "wso2carbon-core-4.5.1.service";

/// From when systemd begins it until a node serves: a start, and the ten seconds before a restart.
const START: Duration = Duration::from_secs(150);

#[test]
fn the_product_is_a_unit_of_systemd_that_comes_back_by_itself_and_is_left_alone_then() {
    let Some(ground) = Ground::clean_with_systemd() else { return };
    ground.inventory(&["--systemd"]);
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
    for host in ["is-1", "is-2"] {
        runs_as_a_unit(&ground, host);
    }
    assert_eq!(ground.on("lb-1", &["systemctl", "is-active", "nginx"]).trim(), "active");
    ground.nothing_to_do(&[]);

    // What systemd starts by itself has read what hactl has written: there is nothing to restart.
    let killed = ground.one_process_each();
    ground.on("is-1", &["kill", "-KILL", &killed[0].to_string()]);
    ground.script(&["reboot", "is-2", "--systemd"]);
    for (host, pid) in ["is-1", "is-2"].into_iter().zip(killed) {
        serves_again(&ground, host, pid);
    }
    let before = ground.one_process_each();
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
    assert_eq!(ground.one_process_each(), before, "what systemd has started is not restarted");
    ground.nothing_to_do(&[]);

    // Another unit is another way to run: systemd reads it, stops each node and starts it.
    ground.edit("service: systemd", "service: systemd\n  stop_timeout: 61");
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
    let after = ground.one_process_each();
    assert!(after[0] != before[0] && after[1] != before[1], "{before:?} {after:?}");
    for host in ["is-1", "is-2"] {
        runs_as_a_unit(&ground, host);
        let known = ground.on(host, &["systemctl", "show", UNIT, "--property=TimeoutStopUSec,NeedDaemonReload"]);
        assert_eq!(known, "TimeoutStopUSec=1min 1s\nNeedDaemonReload=no\n", "{host}");
    }
    ground.nothing_to_do(&[]);

    // What a unit runs is stopped by its unit, which would start it again beside the one that the script has started.
    ground.edit("service: systemd", "service: script");
    ground.hactl(0, &["apply"]);
    ground.two_joined_nodes_serve();
    for host in ["is-1", "is-2"] {
        assert_eq!(ground.on(host, &["systemctl", "is-active", UNIT]).trim(), "inactive", "{host}");
    }
    ground.nothing_to_do(&[]);
}

/// The process is systemd's, and the unit is started with the host.
#[track_caller]
fn runs_as_a_unit(ground: &Ground, host: &str) {
    let state = ground.on(host, &["systemctl", "show", UNIT, "--property=ActiveState,UnitFileState,User"]);
    for line in ["ActiveState=active", "UnitFileState=enabled", "User=wso2carbon"] {
        assert!(state.lines().any(|known| known == line), "{host}: {line} is not in\n{state}");
    }
    let pid = ground.pids(host)[0].to_string();
    let group = ground.on(host, &["cat", &format!("/proc/{pid}/cgroup")]);
    assert!(group.contains(&format!("/system.slice/{UNIT}")), "{host}: {group}");
    // The fingerprint is in the process and nowhere else: a later start by systemd must not get that of this one.
    assert_eq!(ground.on(host, &["ls", "/run/hactl"]), "", "{host}");
}

/// Waits until another process than this one serves.
#[track_caller]
fn serves_again(ground: &Ground, host: &str, before: u32) {
    eventually(&format!("another process than {before} serves on {host}"), START, || {
        ground.pids(host).iter().any(|pid| *pid != before) && login_at(host).is_ok()
    });
}
