//! From bare hosts to a configured product, without starting it.

use std::fs;
use std::time::Duration;

use crate::place::{Ground, eventually};

/// The words that leave out whatever the playbook does beside laying down and configuring.
fn configure_only() -> Vec<&'static str> {
    let playbook = include_str!("../../playbooks/apply.yaml");
    let others = ["database-schema", "load-balancer", "start-nodes", "verify"];
    others.into_iter().filter(|step| playbook.contains(step)).flat_map(|step| ["--skip-step", step]).collect()
}

#[test]
fn bare_hosts_get_the_real_product_configured_and_a_second_run_has_nothing_to_do() {
    let Some(ground) = Ground::clean() else { return };
    for kernel in ["4.5.1", "4.9.1-m1"] {
        ground.inventory(&["--kernel", kernel, "--only-nodes"]);
        ground.hactl(0, &["validate"]);
        let judged = ground.hactl(0, &["preflight"]);
        assert!(judged.stdout.contains("0 errors"), "{}", judged.stdout);

        let plan = ground.hactl(2, &["plan"]);
        assert!(plan.stdout.contains(&format!("unpack wso2carbon-core-{kernel}.zip")), "{}", plan.stdout);
        let home = format!("/opt/wso2carbon-core-{kernel}");
        assert!(!Ground::file_of("is-1", &home).exists(), "a plan changes nothing");

        ground.hactl(0, &[&["apply"], configure_only().as_slice()].concat());
        for (host, address) in [("is-1", "10.79.1.1"), ("is-2", "10.79.1.2")] {
            let toml =
                fs::read_to_string(Ground::file_of(host, &format!("{home}/repository/conf/deployment.toml"))).unwrap();
            let toml: toml_edit::DocumentMut = toml.parse().unwrap();
            assert_eq!(toml["clustering"]["local_member_host"].as_str(), Some(address), "{toml}");
            assert_eq!(toml["server"]["hostname"].as_str(), Some("sso.example.com"));
            let owner = ground.on(host, &["stat", "-c", "%U", &format!("{home}/bin/wso2server.sh")]);
            assert_eq!(owner, "wso2carbon\n");
            let resolved = ground.on(host, &["getent", "hosts", "sso.example.com"]);
            assert!(resolved.starts_with(address), "{resolved}");
        }
        ground.nothing_to_do(&configure_only());
    }
}

#[test]
fn a_host_of_the_ground_collects_its_zombies_and_resolves_names_by_its_own_file() {
    let Some(ground) = Ground::clean() else { return };
    // Orphans of an orphan: nobody but pid 1 is left to collect them.
    ground.on("is-1", &["sh", "-c", "setsid sh -c 'sleep 0.1 & sleep 0.1 &' &"]);
    eventually("the end of the orphans", Duration::from_secs(30), || {
        !ground.on("is-1", &["ps", "-e"]).contains("sleep")
    });
    let states = ground.on("is-1", &["ps", "-e", "-o", "stat="]);
    assert!(!states.contains('Z'), "{states}");
    assert_eq!(ground.on("is-2", &["getent", "ahostsv4", "is-1"]).split_whitespace().next(), Some("10.79.1.1"));
    assert_eq!(ground.on("is-2", &["grep", "^hosts:", "/etc/nsswitch.conf"]), "hosts: files\n");
}

#[test]
fn a_blocked_port_is_blocked_both_ways_and_nothing_else_is() {
    let Some(ground) = Ground::clean() else { return };
    let reaches = |from: &str, to: &str| {
        let words = ["timeout", "2", "bash", "-c", &format!("exec 3<>/dev/tcp/{to}/22 && echo reached")];
        ground.on(from, &words) == "reached\n"
    };
    assert!(reaches("is-1", "is-2"));
    ground.script(&["block", "is-1", "is-2", "22"]);
    assert!(!reaches("is-1", "is-2") && !reaches("is-2", "is-1"));
    assert!(reaches("is-1", "lb-1") && reaches("lb-1", "is-2"), "others are not touched");
    ground.script(&["unblock"]);
    assert!(reaches("is-1", "is-2") && reaches("is-2", "is-1"));
}
