//! Ways to write the same inventory: endings, quotes, anchors, several documents.

use hactl::model::inventory::{Inventory, OneOrMany, SecretSource};

use crate::read;

fn right(text: &str) -> Inventory {
    let (inventory, problems) = read(text, "inventory.yaml");
    assert_eq!(problems, [], "{text}");
    inventory
}

const PLAIN: &str = "version: 1\ncluster: iam\nhosts:\n  is-1: { address: 192.168.2.1, ssh: { user: ops } }\n";

#[test]
fn line_endings_and_a_byte_order_mark_do_not_matter() {
    let expected = format!("{:?}", right(PLAIN).clusters);
    for text in [
        PLAIN.replace('\n', "\r\n"),
        format!("\u{feff}{PLAIN}"),
        format!("\u{feff}{}", PLAIN.replace('\n', "\r\n")),
        PLAIN.trim_end().to_owned(),
        format!("%YAML 1.2\n---\n{PLAIN}...\n"),
        format!("# a comment\n---\n{PLAIN}---\n# nothing more\n"),
    ] {
        assert_eq!(format!("{:?}", right(&text).clusters), expected, "{text:?}");
    }
}

#[test]
fn anchors_and_merge_keys_work_and_own_keys_win() {
    let inventory = right(
        "version: 1\ncluster: iam\nhosts:\n  is-1: &usual\n    address: 192.168.2.1\n    ssh: &ssh { user: ops, port: 2222 }\n\
         \x20 is-2:\n    <<: *usual\n    address: 192.168.2.2\n  is-3:\n    address: 192.168.2.3\n    ssh: { port: 22, <<: [*ssh, { user: lost, agent: false }] }\n",
    );
    let hosts = &inventory.clusters[0].hosts;
    assert_eq!(hosts[1].address, "192.168.2.2");
    assert_eq!(hosts[1].ssh.user.as_deref(), Some("ops"));
    assert_eq!((hosts[2].ssh.port, hosts[2].ssh.user.as_deref()), (Some(22), Some("ops")));
    assert_eq!(hosts[2].ssh.agent, Some(false));
}

#[test]
fn what_is_written_is_the_text_where_text_is_wanted() {
    let inventory = right(&format!(
        "{PLAIN}product: {{ name: wso2is, version: 7.10, home: /opt/wso2is }}\nvars: {{ a: 007, b: yes, c: 1e3, d: '', e: 'null' }}\n"
    ));
    let cluster = &inventory.clusters[0];
    assert_eq!(cluster.hosts[0].product.as_ref().unwrap().version, "7.10");
    let vars: Vec<&str> = cluster.vars.values().map(String::as_str).collect();
    assert_eq!(vars, ["007", "yes", "1e3", "", "null"]);
}

#[test]
fn a_key_without_a_value_is_as_if_it_were_not_there() {
    let inventory = right(
        "version: 1\ncluster: iam\nenvironment:\nssh:\n  user: ~\n  # port: 22\nhosts:\n  is-1:\ncaching:\nvars:\n",
    );
    let cluster = &inventory.clusters[0];
    assert_eq!(cluster.environment, None);
    assert_eq!(cluster.hosts[0].address, "is-1");
    assert_eq!(cluster.hosts[0].ssh.user, None);
}

#[test]
fn a_vault_tag_is_a_vault_source() {
    let inventory = right(&format!(
        "{PLAIN}vault: {{ password: {{ command: [pass, show, vault] }} }}\nssh:\n  password: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n    6364\n"
    ));
    let cluster = &inventory.clusters[0];
    let expected = SecretSource::Vault("$ANSIBLE_VAULT;1.1;AES256\n6162\n6364".into());
    assert_eq!(cluster.hosts[0].ssh.password, Some(expected));
    let command = OneOrMany::Many(vec!["pass".into(), "show".into(), "vault".into()]);
    assert_eq!(cluster.vault.as_ref().unwrap().password, SecretSource::Command(command));
    let keys: Vec<&str> = inventory.secrets(cluster).iter().map(|wanted| wanted.key.as_str()).collect();
    assert_eq!(keys, ["vault.password", "ssh.password"]);
}

#[test]
fn a_key_is_found_where_it_stands_or_at_the_nearest_one_above() {
    let text = "version: 1\ncluster: a\nhosts:\n  is-[1:2]: { address: 192.168.2.1-2, groups: [g] }\n  db.example.com: {}\n\
                groups: { g: { vars: { x: y } } }\ndatabases:\n  shared_db: { type: h2, host: localhost, name: S, username: u, password: { env: P } }\n\
                ---\nversion: 1\ncluster: b\nhosts: { is-1: {} }\n";
    let inventory = right(text);
    let at = |cluster: usize, key: &str| {
        let span = inventory.locate(&inventory.clusters[cluster], key)?;
        Some((span.line, span.column, &text[span.start..span.end]))
    };
    assert_eq!(at(0, "databases.shared_db.host"), Some((8, 32, "localhost")));
    assert_eq!(at(0, "databases.shared_db.port"), Some((8, 3, "shared_db")));
    assert_eq!(at(0, "databases.shared_db.password"), Some((8, 65, "password")));
    assert_eq!(at(0, "hosts.is-2.groups[0]"), Some((4, 48, "g")));
    assert_eq!(at(0, "hosts.is-2.member_port"), Some((4, 3, "is-[1:2]")));
    assert_eq!(at(0, "hosts.db.example.com.ssh.user"), Some((5, 3, "db.example.com")));
    assert_eq!(at(0, "hosts.is-3"), Some((3, 1, "hosts")));
    assert_eq!(at(0, "clustering.members[1]"), Some((2, 10, "a")), "what is missing is missing in the cluster");
    assert_eq!(at(1, "cluster"), Some((11, 10, "b")));
    assert_eq!(at(1, "databases.shared_db"), Some((11, 10, "b")));
}

#[test]
fn an_alias_bomb_is_stopped_before_it_goes_off() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (from, to) in "abcdefghijklmn".chars().zip("bcdefghijklmno".chars()) {
        bomb.push_str(&format!("{to}: &{to} [{}]\n", vec![format!("*{from}"); 9].join(", ")));
    }
    let (inventory, problems) = read(&bomb, "inventory.yaml");
    assert!(inventory.clusters.is_empty());
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["yaml-too-large"]);
}

#[test]
fn a_mapping_as_deep_as_a_well_is_an_error() {
    for deep in [
        "[".repeat(5000),
        "{a: ".repeat(5000),
        "- ".repeat(5000),
        (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
    ] {
        let (_, problems) = read(&deep, "inventory.yaml");
        assert!(!problems.is_empty());
    }
}

#[test]
fn a_thousand_hosts_are_read() {
    let inventory =
        right("version: 1\ncluster: iam\nhosts:\n  is-[001:999]: { address: \"is-[001:999].example.com\" }\n");
    assert_eq!(inventory.clusters[0].hosts.len(), 999);
    assert_eq!(inventory.clusters[0].hosts[41].address, "is-042.example.com");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_or_the_renderer_panic(
        lines in proptest::collection::vec("[ ]{0,4}(version: 1|cluster: a|hosts:|is-\\[1:3\\]:|[a-z_]{1,8}: ?[\\PC]{0,12}|- [&*!<|>\"'\\[{]?[a-z]{0,4})", 0..12),
    ) {
        let text = lines.join("\n");
        let (_, problems) = read(&text, "inventory.yaml");
        hactl::cli::inventory::render(&problems, &text, "inventory.yaml", false);
    }
}
