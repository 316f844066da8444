//! `inventory.example.yaml` holds every key once, and nothing but keys that are known.

use std::collections::BTreeMap;
use std::path::Path;

use hactl::model::inventory::{keys, read_leniently};

fn example() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory.example.yaml")).unwrap()
}

/// The keys of the example as paths of the schema, with how often each stands there, comments included: a line of the
/// form `# KEY: VALUE` is a key that is not in use.
fn written() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    for line in example().lines() {
        let Some((indent, key)) = key_of(line) else { continue };
        above.retain(|(column, _)| *column < indent);
        let parents: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
        let path = schema_path(&parents, &key);
        *found.entry(path).or_default() += 1;
        above.push((indent, key));
    }
    found
}

/// The key of a line and its column. The example writes one key a line for this reason.
fn key_of(line: &str) -> Option<(usize, String)> {
    let code = line.trim_start().strip_prefix("- ").unwrap_or(line.trim_start());
    let (key, _) = code.split_once(':')?;
    let word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-[]".contains(c));
    let column = line.len() - code.len();
    (word
        && !line.trim_start().starts_with('#')
        && (code.len() == key.len() + 1 || code[key.len() + 1..].starts_with(' ')))
    .then(|| (column, key.to_owned()))
}

/// The path with the user's own names as `NAME`.
fn schema_path(parents: &[&str], key: &str) -> String {
    let mut path = String::new();
    for part in parents.iter().chain([&key]) {
        let named = ["groups", "hosts", "jump_hosts", "databases.extra"].contains(&path.as_str());
        let free = path.ends_with("vars")
            || path.ends_with("properties")
            || path.ends_with("parameters")
            || path.ends_with("pool");
        let part = if named || free { "NAME" } else { part };
        path = if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    }
    path
}

#[test]
fn every_key_of_the_schema_is_in_the_example() {
    let written = written();
    let absent: Vec<&str> = keys()
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| !written.contains_key(*path) && !repeated(path, &written))
        .collect();
    assert!(absent.is_empty(), "not in inventory.example.yaml: {absent:#?}");
}

/// Keys that are shown in one place and may stand in others too: those of `ssh` and `product` under a group and a host,
/// and those of a database under every database.
fn repeated(path: &str, written: &BTreeMap<String, usize>) -> bool {
    let below = |prefix: &&str| path.strip_prefix(*prefix).is_some_and(|rest| rest.starts_with('.'));
    let databases = ["databases.identity_db", "databases.shared_db", "databases.user_db", "databases.extra.NAME"];
    let shown = |key: &str| databases.iter().any(|database| written.contains_key(&format!("{database}.{key}")));
    // A body is a file or a text: the example shows the text line by line, and the file in a probe of one line.
    path == "failover.probes.body.file"
        || ["groups.NAME.ssh", "groups.NAME.product", "hosts.NAME.ssh", "hosts.NAME.product"].iter().any(&below)
        || databases.iter().any(below) && path.rsplit('.').next().is_some_and(shown)
}

#[test]
fn no_key_of_the_cluster_stands_in_the_example_twice() {
    let twice: Vec<String> = written()
        .into_iter()
        .filter(|(path, count)| *count > 1 && !path.contains("NAME"))
        .map(|(path, _)| path)
        .collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn the_example_is_right() {
    let text = example();
    let (inventory, problems) = read_leniently(&text, &crate::place("inventory.example.yaml"));
    let shown = hactl::cli::inventory::render(&problems, &text, "inventory.example.yaml", false);
    let codes: Vec<&str> =
        problems.iter().map(|problem| problem.code).filter(|code| *code != "unused-section").collect();
    assert!(codes.is_empty(), "{shown}");
    assert!(inventory.clusters[0].hosts.len() > 2);
    assert!(inventory.files.len() > 3);
}

#[test]
fn every_key_of_the_example_has_a_comment() {
    let text = example();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let commented = line.contains(" # ")
            || index.checked_sub(1).is_some_and(|above| lines[above].trim_start().starts_with('#'));
        assert!(key_of(line).is_none() || commented, "inventory.example.yaml:{}: {line}", index + 1);
    }
}
