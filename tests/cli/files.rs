//! What is written: inventories and playbooks that are wrong, and what `init` writes.

use std::fs;

use super::{Desk, INVENTORY};

#[test]
fn what_is_wrong_with_an_inventory_ends_with_65() {
    let desk = Desk::new(INVENTORY);
    desk.write("empty.yaml", "# nothing\n");
    fs::write(desk.folder().join("binary.yaml"), [0xff, 0xfe, 0]).unwrap();
    let wrong = [
        ("nowhere.yaml", "error[inventory-not-found]: there is no inventory nowhere.yaml\n = help: name one with"),
        ("empty.yaml", "error[empty-inventory]: empty.yaml holds no cluster\n = help: "),
        ("binary.yaml", "error[inventory-unreadable]: the inventory binary.yaml is not UTF-8 text"),
        (".", "error[inventory-unreadable]: the inventory . can't be read"),
    ];
    for (file, says) in wrong {
        for command in ["validate", "plan", "apply", "status"] {
            let done = desk.expect(65, &[command, file]);
            assert!(done.stderr.starts_with(says), "{command} {file}:\n{}", done.stderr);
            assert!(!done.stderr.ends_with("\n\n"), "{:?}", done.stderr);
        }
    }
}

#[test]
fn a_secret_that_is_not_there_stops_a_run_before_it_connects_and_not_validate() {
    let desk = Desk::new(&INVENTORY.replace("HACTL_TEST_PASSWORD", "HACTL_TEST_NOT_SET"));
    desk.expect(0, &["validate"]);
    let done = desk.expect(65, &["plan"]);
    assert!(done.stderr.contains("--> inventory.yaml:9:"), "{}", done.stderr);
}

#[test]
fn a_section_that_is_missing_is_missing_in_its_cluster() {
    let desk = Desk::new(&INVENTORY.replace("7.1.0", "5.10.0"));
    for words in [&["validate"][..], &["validate", "--quiet"], &["plan"]] {
        let done = desk.expect(65, words);
        assert!(done.stderr.contains("error[user-store-per-node]"), "{words:?}: {}", done.stderr);
        assert!(done.stderr.contains("--> inventory.yaml:2:10\n"), "{}", done.stderr);
    }
}

#[test]
fn a_driver_that_is_another_file_is_told_before_any_host_is() {
    let digest = "0".repeat(64);
    let driver = format!("databases:\n  driver: {{ file: driver.jar, sha256: \"{digest}\" }}\n");
    let desk = Desk::new(&INVENTORY.replace("databases:\n", &driver));
    desk.write("driver.jar", "another file");
    for command in ["validate", "plan"] {
        let done = desk.expect(65, &[command]);
        assert!(done.stderr.contains("error[driver-digest]"), "{}", done.stderr);
        assert!(done.stderr.contains("--> inventory.yaml:9:"), "{}", done.stderr);
    }
}

#[test]
fn an_option_that_is_missing_is_named() {
    let desk = Desk::new(&INVENTORY.replace(", hazelcast: { max_no_heartbeat_seconds: 60 }", ""));
    let done = desk.expect(0, &["validate"]);
    assert!(done.stderr.contains("warning[M11]"), "{}", done.stderr);
    assert!(done.stderr.contains("set `clustering.hazelcast.max_no_heartbeat_seconds`"), "{}", done.stderr);
    assert_eq!(desk.expect(0, &["validate", "--quiet"]).stderr, "");
}

#[test]
fn a_playbook_is_shown_with_line_column_and_the_line_itself() {
    let desk = Desk::new(INVENTORY);
    let line = "      - command: { run: \"true\", unles: \"false\" }";
    desk.write("site.yaml", &format!("stages:\n  - name: One\n    steps:\n{line}\n      - datasource\n"));
    let done = desk.expect(65, &["plan", "--playbook", "site.yaml"]);
    for says in
        ["--> site.yaml:4:33\n", line, "unknown key `unles`", "--> site.yaml:5:9\n", "did you mean `datasources`?"]
    {
        assert!(done.stderr.contains(says), "{says}:\n{}", done.stderr);
    }
    // No secret belongs into a playbook; what looks like one is hidden all the same.
    desk.write("secret.yaml", "stages:\n  - { name: One, password: poison, steps: [] }\n");
    desk.write("broken.yaml", "stages:\n  - { password: poison\n");
    desk.expect(65, &["plan", "--playbook", "secret.yaml"]);
    desk.expect(65, &["plan", "--playbook", "broken.yaml"]);
    let done = desk.expect(65, &["plan", "--playbook", "nowhere.yaml"]);
    assert!(done.stderr.contains("error[playbook-unreadable]"), "{}", done.stderr);
}

#[test]
fn what_init_writes_is_valid_once_it_is_filled_in() {
    let desk = Desk::new("");
    let words = ["init", "ops@192.0.2.1", "ops@192.0.2.2:2222", "--product-version", "7.1.0", "--home", "/opt/wso2is"];
    let text = desk.expect(0, &words).stdout;
    desk.write("inventory.yaml", &text);
    let done = desk.expect(65, &["validate"]);
    let wanted =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| line.matches("FILL-IN").count());
    assert_eq!(done.stderr.matches("error[").count(), wanted.sum::<usize>(), "{}", done.stderr);
    desk.write("driver.jar", "a driver");
    let filled = text
        .replace("file: FILL-IN", "file: driver.jar")
        .replace("sha256: FILL-IN", &format!("sha256: {}", hactl::model::Sha256::of(b"a driver")))
        .replace("FILL-IN", "sso.example.com");
    desk.write("inventory.yaml", &filled);
    desk.expect(0, &["validate"]);
}
