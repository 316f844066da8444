//! `hactl validate` in words, and `hactl schema`.

use hactl::cli::inventory::{describe, describe_origins, read, render, schema};

const INVENTORY: &str = "\
version: 1
cluster: iam-prod
ssh: { user: ops, port: 22, become: { method: sudo, password: { env: SUDO_PASSWORD } } }
product: { name: wso2is, version: 7.1.0, home: /opt/wso2is }
groups:
  blue: { ssh: { port: 2201 } }
hosts:
  is-1: { address: 192.168.2.1 }
  is-[2:3]: { address: 192.168.2.2-3, groups: [blue], ssh: { user: me } }
databases:
  shared_db: { type: mysql, host: db, name: S, username: u, password: { env: P } }
clustering: { scheme: wka }
---
version: 1
cluster: other
hosts: { is-1: { address: localhost } }
clustering: { scheme: multicast, domain: other, aws_ecs: { region: r, cluster_name: c, vpc_cidr_block: 10.0.0.0/16 } }
";

fn validated(explain: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.yaml");
    std::fs::write(&path, INVENTORY).unwrap();
    let read = read(&path).unwrap();
    let file = path.display().to_string();
    let warnings = render(&read.inventory.warnings, &read.text, &file, false);
    let clusters = &read.inventory.clusters;
    let text = match explain {
        true => clusters.iter().map(|cluster| describe_origins(&read.inventory, cluster, &file, &[])).collect(),
        false => describe(&read.inventory),
    };
    let text = warnings + &text;
    text.replace(&path.display().to_string(), "inventory.yaml")
}

#[test]
fn a_right_inventory_is_summed_up_in_a_line_for_each_cluster() {
    let text = validated(false);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("host")).collect();
    assert_eq!(lines, ["iam-prod  3 hosts, wso2is 7.1.0, wka", "other  1 host, multicast"]);
    assert!(text.contains("warning[unused-section]"), "{text}");
}

#[test]
fn explain_tells_where_every_value_comes_from() {
    let mut differences = Vec::new();
    crate::hold_against(&crate::folder("validate.explain.txt"), &validated(true), &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn explain_needs_no_secret_and_shows_none() {
    let text = validated(true);
    assert!(text.contains("env SUDO_PASSWORD"), "{text}");
}

#[test]
fn what_the_users_own_ssh_decides_is_said_to_be_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.yaml");
    let host = "is-1: { address: 10.0.0.1, transport: openssh, ssh: { user: ops } }";
    std::fs::write(&path, format!("version: 1\ncluster: iam\nhosts:\n  {host}\n")).unwrap();
    let inventory = read(&path).unwrap().inventory;
    let text = describe_origins(&inventory, &inventory.clusters[0], "inventory.yaml", &[]);
    let line = |key: &str| text.lines().find(|line| line.trim_start().starts_with(key)).unwrap_or_default();
    for key in ["ssh.port", "ssh.identity ", "ssh.known_hosts", "ssh.jump"] {
        assert!(line(key).contains("as your own ssh has it"), "{key}: {text}");
    }
    assert!(line("ssh.user").contains("ops") && line("ssh.connect_timeout").contains("10"), "{text}");
}

#[test]
fn the_schema_is_one_that_editors_understand() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["properties"]["cluster"]["type"], "string");
    assert_eq!(schema["additionalProperties"], false);
}
