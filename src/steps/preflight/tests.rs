use std::collections::BTreeSet;

use super::*;
use crate::model::inventory::{Place, read};

const INVENTORY: &str = "
version: 1
cluster: iam
product: { name: wso2is, version: 7.1.0, home: /opt/is, run_as: wso2 }
hosts:
  is-1: { address: 10.0.0.1 }
  is-2: { address: 10.0.0.2 }
  is-3: { address: 10.0.0.3 }
databases:
  shared_db: { type: mysql, host: db.example.com, name: X, username: u, password: { env: P } }
clustering: { scheme: wka }
shared_files: { mount: { target: /mnt/shared } }
";

fn subjects(text: &str) -> Vec<Subject> {
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(text, &place).unwrap_or_else(|problems| panic!("{problems:?}"));
    let cluster = Arc::new(inventory.clusters[0].clone());
    let profile = Arc::new(Profile::find("wso2is", "7.1.0").unwrap());
    let subject = |host| Subject::new(&cluster, host, Some(&profile), Allow::default());
    cluster.hosts.iter().filter_map(subject).collect()
}

fn rule(id: &str) -> &'static Rule {
    rules().find(|rule| rule.id == id).unwrap()
}

/// What a rule says when the hosts printed these, in order: `is-1 E cause`.
fn judged(id: &str, said: &[&str]) -> Vec<String> {
    judged_with(INVENTORY, id, said, &[])
}

fn judged_with(text: &str, id: &str, said: &[&str], clocks: &[Clock]) -> Vec<String> {
    let subjects = subjects(text);
    let facts: Vec<Facts<'_>> = subjects
        .iter()
        .zip(said)
        .enumerate()
        .map(|(index, (subject, said))| Facts { subject, said, clock: clocks.get(index).copied() })
        .collect();
    let line = |verdict: Verdict| {
        assert!(!verdict.hint.is_empty(), "{id} has no next move");
        assert!(!verdict.cause.ends_with('.'), "{}", verdict.cause);
        format!("{} {} {}", verdict.host, if verdict.severity == Severity::Error { 'E' } else { 'W' }, verdict.cause)
    };
    rule(id).judge(&facts).into_iter().map(line).collect()
}

#[track_caller]
fn says(id: &str, said: &[&str], expected: &[&str]) {
    assert_eq!(judged(id, said), expected, "{id} of {said:?}");
}

#[test]
fn every_rule_has_its_own_name() {
    let all: Vec<&str> = rules().map(|rule| rule.id).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn what_was_not_seen_is_held_against_nobody() {
    for rule in rules().filter(|rule| rule.id != "D01" && rule.id != "M02" && rule.id != "O01") {
        assert_eq!(judged(rule.id, &["", "", ""]), [""; 0], "{}", rule.id);
    }
}

#[test]
fn a_jdk_is_read_in_every_spelling_of_a_version() {
    let version = |line: &str| format!("java 0 /jdk\nsaid Picked up JAVA_OPTS\nsaid {line}\n");
    for fine in ["openjdk version \"17.0.9\" 2023-10-17", "java version \"21-ea\"", "openjdk version \"11\""] {
        says("O01", &[&version(fine)], &[]);
    }
    says(
        "O01",
        &[
            &version("java version \"1.8.0_402\""),
            &version("openjdk version \"25\""),
            "java 1 /jdk\nsaid Segmentation fault\n",
        ],
        &[
            "is-1 E /jdk is JDK 8; wso2is 7.1.0 is made for 11 to 21",
            "is-2 E /jdk is JDK 25; wso2is 7.1.0 is made for 11 to 21",
            "is-3 E /jdk/bin/java does not tell its version: Segmentation fault",
        ],
    );
}

#[test]
fn a_missing_jdk_is_worse_where_nothing_runs() {
    let found =
        judged("O01", &["java unset\n", "java unset\nrunning 812\n", "java missing /opt/my jdk\nrunning 812\n"]);
    assert!(found[0].starts_with("is-1 E JAVA_HOME is unset"), "{found:?}");
    assert!(found[1].starts_with("is-2 W JAVA_HOME is unset"), "{found:?}");
    assert_eq!(found[2], "is-3 E there is no /opt/my jdk/bin/java that can be run");
}

#[test]
fn a_foreign_process_and_a_zombie_behind_the_pid_file_are_told_apart() {
    let found = judged("O02", &["pid own 812 S 1000 java\n", "pid foreign 812 S 0 cron\n", "pid foreign 9 Z 0 java\n"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("is-2 W /opt/is/wso2carbon.pid names process 812, which is cron"), "{found:?}");
    assert!(found[1].contains("zombie"), "{found:?}");
}

#[test]
fn only_another_process_on_a_port_counts_and_only_once() {
    says("O03", &["port 9443 own\nport 9763 free\n"], &[]);
    let held = "port 9443 held 33 812 nginx\nport 9443 held 33 812 nginx\nport 9763 held 1003 - -\n";
    let found = judged("O03", &[held]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("is-1 E port 9443 is held by process 812 (nginx)"), "{found:?}");
    assert!(found[1].starts_with("is-1 E port 9763 is held by a process of user id 1003"), "{found:?}");
    let found = judged("M07", &["port 4000 held 33 812 postgres\n"]);
    assert!(found[0].contains("the node would take 4001"), "{found:?}");
}

#[test]
fn a_member_address_must_be_on_an_interface() {
    let found = judged(
        "M02",
        &["address 127.0.0.1\naddress 10.0.0.1\n", "address 127.0.0.1\naddress 10.0.0.1\naddress 10.0.0.1\n"],
    );
    assert_eq!(
        found,
        ["is-2 E 10.0.0.2 is not an address of this host, which has 10.0.0.1: its peers would not find it"]
    );
    let elsewhere =
        INVENTORY.replace("{ scheme: wka }", "{ scheme: kubernetes, kubernetes: { namespace: a, services: b } }");
    assert!(
        subjects(&elsewhere).iter().all(|subject| !rule("M02").applies(subject)),
        "a pod has what its cloud gives it"
    );
}

#[test]
fn a_driver_is_looked_for_only_when_the_inventory_brings_none() {
    let jar = "jar aa /opt/is/repository/components/lib/mysql-connector-j-8.4.0.jar\n";
    let older = "jar bb /opt/is/repository/components/lib/mysql-connector-j-8.4.0.jar\n";
    let found = judged("D01", &[jar, ""]);
    assert!(found.len() == 1 && found[0].starts_with("is-2 E there is no driver for mysql in /opt/is/"), "{found:?}");
    let driver = format!("databases:\n  driver: {{ file: mysql-connector-j-9.1.0.jar, sha256: {} }}", "a".repeat(64));
    let brings = INVENTORY.replace("databases:", &driver);
    assert!(!rule("D01").applies(&subjects(&brings)[0]));
    says("D02", &[jar, jar], &[]);
    says(
        "D02",
        &[jar, older],
        &["is-2 W the driver mysql-connector-j-8.4.0.jar is not the same as mysql-connector-j-8.4.0.jar on is-1"],
    );
    let another = "jar aa /srv/is/repository/components/lib/mysql-connector-j-5.1.47.jar\n";
    says(
        "D02",
        &[jar, "", another],
        &["is-3 W the driver mysql-connector-j-5.1.47.jar is not the same as mysql-connector-j-8.4.0.jar on is-1"],
    );
    assert_eq!(
        judged_with(&brings, "D02", &[jar], &[]),
        ["is-1 W several versions of one driver: mysql-connector-j-8.4.0.jar, mysql-connector-j-9.1.0.jar"]
    );
}

#[test]
fn a_database_that_was_not_tried_is_no_error() {
    says(
        "D08",
        &[
            "server db 3306 open \n",
            "server db 3306 silent \n",
            "server db 3306 untried there is no bash, nc or python3\n",
        ],
        &[
            "is-2 E db:3306 does not answer from is-2 within 3 s",
            "is-3 W db:3306 was not tried from is-3: there is no bash, nc or python3",
        ],
    );
    says(
        "D08",
        &["server db 3306 unnamed db: Name or service not known\n", "server db 1 closed connect: Connection refused\n"],
        &[
            "is-1 E the name db is not known on is-1",
            "is-2 E db:1 takes no connection from is-2: connect: Connection refused",
        ],
    );
}

#[test]
fn a_missing_mount_is_told_once_and_a_folder_in_the_way_by_its_own_rule() {
    let link = "hactl-next-link\nnote target absent\nabsent\n";
    let both = link.repeat(2);
    let found = judged("F01", &[&both]);
    assert!(found.len() == 1 && found[0].contains("no file system is mounted at /mnt/shared"), "{found:?}");
    assert!(judged("F02", &[&both]).is_empty());
    let mounted = "hactl-next-link\nnote mount 1 2 0:3 / /mnt/shared rw - nfs4 nfs:/x rw\nnote target directory\n";
    let full = format!("{mounted}note content 14 0\ndirectory 755 wso2\n{mounted}absent\n");
    assert!(judged("F01", &[&full]).is_empty());
    let found = judged("F02", &[&full]);
    assert!(found.len() == 1 && found[0].contains("is a real folder with 14 files in it"), "{found:?}");
}

#[test]
fn keystores_that_differ_stop_a_run_and_trust_stores_do_not() {
    let stores = |key: &str, trust: &str| {
        format!("keystore {key} /opt/is/s/wso2carbon.p12\nkeystore {trust} /opt/is/s/client-truststore.p12\n")
    };
    let found =
        judged("K02", &[&stores("9f3a11112222", "cc"), &stores("11c011112222", "dd"), &stores("9f3a11112222", "cc")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("is-2 E /opt/is/s/wso2carbon.p12 is not the one of is-1 (11c01111… and 9f3a1111…)"),
        "{found:?}"
    );
    assert!(found[1].starts_with("is-2 W /opt/is/s/client-truststore.p12"), "{found:?}");
}

#[test]
fn versions_are_compared_by_product_and_update_level_alone() {
    let update = |level: &str, stamp: &str| {
        format!(
            "version WSO2 Identity Server v7.1.0\nversion {{\nversion   \"build\": \"{stamp}\",\nversion   \"update-level\": \"{level}\",\n"
        )
    };
    says("O06", &[&update("12", "a"), "", &update("12", "b")], &[]);
    says(
        "O06",
        &[&update("12", "a"), &update("7", "a")],
        &["is-2 E the product or its update level is not that of is-1: `update level 7` here, `update level 12` there"],
    );
}

#[test]
fn a_rendered_file_that_was_edited_is_named() {
    let found = judged("T01", &["edited repository/conf/carbon.xml\nedited repository/conf/axis2/axis2.xml\n"]);
    assert!(found[0].starts_with("is-1 W repository/conf/carbon.xml and 1 more were edited by hand"), "{found:?}");
}

#[test]
fn owner_size_and_name_service_are_warnings() {
    says(
        "O07",
        &["owner wso2\nuser 1000\n", "owner root\nuser 0\n"],
        &["is-2 W /opt/is belongs to root, and the product runs as wso2", "is-2 W the product runs as root"],
    );
    says(
        "O05",
        &[
            "processors 4\nmemory 3900000\ndisk 20000000\nfiles 65535\n",
            "processors 2\nmemory 2050000\ndisk 900000\nfiles unlimited\n",
        ],
        &[
            "is-2 W less than the product asks for: 2 of 4 processors, 2.0 of 4 GB of memory, 0.9 of 10 GB free where the product is",
        ],
    );
    assert!(
        judged("O08", &["resolver silent\n", "resolver answers\n"])[0].starts_with("is-1 W the name service does not")
    );
}

#[test]
fn whoever_works_on_the_host_is_root_or_the_product_s_user() {
    says("O07", &["me 0 root\nowner wso2\n", "me 1000 wso2\nowner wso2\n"], &[]);
    says(
        "O07",
        &["me 1001 ops\nowner wso2\n", "me 0 root\nnobody wso2\n"],
        &[
            "is-1 E the product runs as wso2, and hactl works as ops, who can't become somebody else",
            "is-2 E the product runs as wso2, and there is no such user on this host",
        ],
    );
}

#[test]
fn a_clock_is_read_with_what_the_way_leaves_open() {
    // The host spent 0.5 s in the script and the answer took 0.7 s: 0.2 s were spent on the way.
    let clock = Clock::between("1047.1\n", "1047.6\n", 1000.0, 1000.7).unwrap();
    let found = judged_with(INVENTORY, "O04", &[""], &[clock]);
    assert_eq!(found, ["is-1 W the clock is 46.9 s ahead of this machine's"]);
    assert!(Clock::between("date: invalid", "1", 0.0, 1.0).is_none());
    let slow = Clock::between("1005.0", "1005.0", 1000.0, 1010.0).unwrap();
    assert!(judged_with(INVENTORY, "O04", &[""], &[slow]).is_empty(), "the answer may have taken all of it");
    let coarse = Clock::between("1001.%N", "1001.%N", 1000.2, 1000.3).unwrap();
    assert!(judged_with(INVENTORY, "O04", &[""], &[coarse]).is_empty(), "whole seconds leave a second open");
}

#[test]
fn the_host_whose_clock_differs_from_the_others_is_the_one_that_is_named() {
    let clock = |ahead: f64| {
        Clock::between(&format!("{:.3}", 1000.0 + ahead), &format!("{:.3}", 1000.0 + ahead), 1000.0, 1000.0).unwrap()
    };
    let found = |ahead: &[f64]| {
        let clocks: Vec<Clock> = ahead.iter().map(|ahead| clock(*ahead)).collect();
        judged_with(INVENTORY, "O04", &vec![""; ahead.len()], &clocks)
    };
    assert!(found(&[0.1, 0.9, -0.05]).is_empty());
    assert_eq!(found(&[0.0, 5.0]), ["is-2 W the clock is 5.0 s ahead of that of is-1"]);
    assert_eq!(
        found(&[-47.0, 0.1]),
        ["is-1 E the clock is 47.1 s behind that of is-2: tokens of the one are not valid on the other"]
    );
    let wrong_here = found(&[300.0, 300.1, 200.0]);
    assert_eq!(wrong_here.len(), 3, "{wrong_here:?}");
    assert!(wrong_here[0].starts_with("is-3 E the clock is 100.0 s behind that of is-1"), "{wrong_here:?}");
    assert!(
        wrong_here[1..].iter().all(|line| line.contains(" W ") && line.contains("this machine's")),
        "{wrong_here:?}"
    );
}
