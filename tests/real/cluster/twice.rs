//! The main job: configured once, and a second run has nothing to do.

use std::fs;

use super::{Cluster, PASSWORD, SHIPPED};

#[test]
fn apply_configures_both_hosts_and_a_second_run_has_nothing_to_do() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let plan = cluster.expect(2, &["plan"]);
    assert!(plan.stdout.contains("server.hostname: \"localhost\" -> \"sso.example.com\""), "{}", plan.stdout);
    assert!(!plan.stdout.contains("poison"), "{}", plan.stdout);
    assert_eq!(cluster.toml(0), SHIPPED, "a plan changes nothing");

    let report = cluster.report(0, &["apply"]);
    assert!(report["hosts"].as_array().unwrap().iter().all(|host| host["outcome"] == "changed"), "{report:#}");
    for index in 0..2 {
        let url = cluster.value(index, "database.shared_db.url");
        assert!(url.starts_with("jdbc:mysql://db.example.com:3306/SHARED_DB"), "{url}");
        assert_eq!(cluster.value(index, "clustering.local_member_host"), format!("10.0.0.{}", index + 1));
        assert_eq!(cluster.value(index, "clustering.membership_scheme"), "wka");
        assert_eq!(cluster.value(index, "transport.https.properties.proxyPort"), "443");
        let driver = cluster.home(index).join("repository/components/lib/mysql-connector-j-8.4.0.jar");
        assert_eq!(fs::read(driver).unwrap(), b"the bytes of a driver");
    }

    let before: Vec<usize> = cluster.servers.iter().map(|server| server.execs()).collect();
    cluster.is_converged();
    for (server, before) in cluster.servers.iter().zip(before) {
        assert_eq!(server.execs() - before, 1, "the server itself counted more than one exec");
    }
    let again = cluster.expect(0, &["apply"]);
    assert!(again.stdout.contains("2 hosts in place; nothing to do."), "{}", again.stdout);
    cluster.expect(0, &["plan"]);
}

#[test]
fn every_line_that_is_not_wanted_otherwise_stays_byte_for_byte() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let shipped = format!("\u{feff}{}", SHIPPED.replace('\n', "\r\n")).trim_end().to_owned();
    fs::write(cluster.toml_file(0), &shipped).unwrap();
    cluster.expect(0, &["apply"]);
    let after = cluster.toml(0);
    let owned =
        ["hostname =", "node_ip =", "url =", "username = \"wso2carbon", "password = \"wso2carbon", "type = \"h2"];
    for line in shipped.split("\r\n").filter(|line| !owned.iter().any(|key| line.starts_with(key))) {
        assert!(after.split("\r\n").any(|there| there == line), "lost {line:?} of\n{after}");
    }
    assert!(after.starts_with('\u{feff}') && !after.replace("\r\n", "").contains('\n'), "{after:?}");
    assert!(after.contains("hostname = \"sso.example.com\"   # change me\r\n"), "{after}");
    cluster.is_converged();
}

#[test]
fn a_hand_edit_shows_in_the_plan_without_secrets() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    cluster.expect(0, &["apply"]);
    let edited = cluster.toml(1).replace("\"sso.example.com\"", "\"elsewhere.example.com\"");
    let edited = edited.replace("poison-", "guessed-");
    assert_ne!(edited, cluster.toml(1));
    fs::write(cluster.toml_file(1), &edited).unwrap();
    let plan = cluster.expect(2, &["plan"]);
    assert!(plan.stdout.contains("\"elsewhere.example.com\" -> \"sso.example.com\""), "{}", plan.stdout);
    assert!(plan.stdout.contains("database.shared_db.password: changed"), "{}", plan.stdout);
    for secret in ["guessed", "poison", PASSWORD] {
        assert!(!plan.stdout.contains(secret) && !plan.stderr.contains(secret), "{}", plan.stdout);
    }
    assert!(!plan.stdout.contains("is-1"), "is-1 is in place and is not worth a line:\n{}", plan.stdout);
    let status = cluster.expect(2, &["status"]);
    assert!(status.stdout.lines().any(|line| line.starts_with("is-2  differs")), "{}", status.stdout);
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
}

#[test]
fn limit_and_step_narrow_a_run_and_a_name_that_is_not_there_is_an_error() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let report = cluster.report(0, &["apply", "--limit", "is-2", "--step", "hostname"]);
    assert_eq!(report["hosts"].as_array().unwrap().len(), 1);
    assert_eq!(cluster.toml(0), SHIPPED);
    assert!(!cluster.toml(1).contains("[clustering]"), "only the step hostname was asked for");
    let wrong = cluster.expect(64, &["plan", "--limit", "is-3"]);
    assert!(wrong.stderr.contains("--limit is-3") && wrong.stderr.contains("did you mean `is-"), "{}", wrong.stderr);
    let wrong = cluster.expect(64, &["plan", "--step", "datasource"]);
    assert!(wrong.stderr.contains("did you mean `datasources`"), "{}", wrong.stderr);
}
