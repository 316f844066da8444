//! `TomlKeys` over generated files in the shape of `deployment.toml`.

use hactl::resources::edit::{Edit, TomlKeys, Value};
use proptest::prelude::*;
use toml_edit::{DocumentMut, Item};

use super::shapes::{Layout, layout, nasty, without};

const TABLES: [&str; 8] = [
    "server",
    "user_store",
    "database.shared_db",
    "database",
    "clustering",
    "hazelcast",
    "transport.https",
    "user_store.properties",
];
const KEYS: [&str; 8] =
    ["hostname", "password", "\"a.quoted key\"", "members", "pool.size", "pool.wait", "inline", "number"];

/// A generated file: its lines, and for each the key that it belongs to.
#[derive(Debug, Clone)]
struct Generated {
    text: String,
    lines: Vec<String>,
    owners: Vec<Option<Vec<String>>>,
}

fn spelled() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::select(vec![
        vec!["\"localhost\""],
        vec!["'C:\\wso2'   # a comment with = and ]"],
        vec!["1_000"],
        vec!["true#close"],
        vec!["0x10"],
        vec!["1.5e3"],
        vec!["2026-11-21T02:30:05Z"],
        vec!["[", "  \"192.168.2.1:4000\", # first", "\t'two' ]  # end"],
        vec!["\"\"\"", "several [lines]", "hostname = \\", "  joined\"\"\""],
        vec!["{ port = 9443, ssl.protocol = 'TLS' } # inline"],
        vec!["{}"],
        vec!["\"\\u00e9 \\\" # \""],
    ])
}

/// Comments and blank lines before, indent, key, equals, value.
type Written = (Vec<&'static str>, &'static str, &'static str, &'static str, Vec<&'static str>);

fn written() -> impl Strategy<Value = Written> {
    let before =
        prop::collection::vec(prop::sample::select(vec!["", "# a comment", "#hostname = \"old\"", "\t"]), 0..3);
    let indent = prop::sample::select(vec!["", "  ", "\t"]);
    let equals = prop::sample::select(vec![" = ", "=", "= "]);
    (before, indent, prop::sample::select(KEYS.to_vec()), equals, spelled())
}

fn generated() -> impl Strategy<Value = Generated> {
    let keys = || prop::collection::vec(written(), 0..5);
    let tables = prop::collection::vec((prop::sample::select(TABLES.to_vec()), keys(), any::<bool>()), 0..6);
    let end = prop::collection::vec(prop::sample::select(vec!["", "# the end", "#[recaptcha]"]), 0..3);
    (layout(), keys(), tables, end).prop_map(|(layout, top, tables, end)| build(&layout, top, tables, &end))
}

fn build(
    layout: &Layout,
    top: Vec<Written>,
    tables: Vec<(&'static str, Vec<Written>, bool)>,
    end: &[&str],
) -> Generated {
    let mut contents = Vec::new();
    let mut owners = Vec::new();
    let mut seen = Vec::new();
    let mut blocks = vec![("", top, false)];
    for table in tables {
        if !blocks.iter().any(|(name, ..)| *name == table.0) {
            blocks.push(table);
        }
    }
    for (table, keys, comment) in blocks {
        if !table.is_empty() {
            contents.push(format!("[{table}]{}", if comment { "  # header" } else { "" }));
            owners.push(None);
        }
        for (before, indent, key, equals, value) in keys {
            let path = path(table, key);
            if seen.contains(&path) {
                continue;
            }
            for line in before {
                contents.push(line.to_owned());
                owners.push(None);
            }
            for (index, line) in value.iter().enumerate() {
                contents.push(if index == 0 { format!("{indent}{key}{equals}{line}") } else { (*line).to_owned() });
                owners.push(Some(path.clone()));
            }
            seen.push(path);
        }
    }
    contents.extend(end.iter().map(|line| (*line).to_owned()));
    owners.resize(contents.len(), None);
    let lines = layout.lines(&contents);
    Generated { text: layout.text(&lines), lines, owners }
}

fn path(table: &str, key: &str) -> Vec<String> {
    let table = table.split('.').filter(|segment| !segment.is_empty());
    let key = match key.strip_prefix('"') {
        Some(quoted) => vec![quoted.trim_end_matches('"')],
        None => key.split('.').collect(),
    };
    table.chain(key).map(str::to_owned).collect()
}

/// A path, most often one that the file may hold, and what it should be.
fn wish() -> impl Strategy<Value = (Vec<String>, Option<Value>)> {
    let tables = prop::sample::select([&TABLES[..], &["", "", "new", "new.table", "server.inline"]].concat());
    let keys = prop::sample::select([&KEYS[..], &["fresh", "\"fresh key\"", "pool.fresh"]].concat());
    let value = prop_oneof![
        4 => nasty().prop_map(Value::Text),
        1 => any::<i64>().prop_map(Value::Integer),
        1 => any::<bool>().prop_map(Value::Boolean),
        1 => prop::collection::vec(nasty().prop_map(Value::Text), 0..3).prop_map(Value::List),
        1 => Just(Value::Text("localhost".to_owned())),
        1 => Just(Value::Integer(1000)),
    ];
    (tables, keys, prop::option::weighted(0.8, value)).prop_map(|(table, key, value)| (path(table, key), value))
}

fn holds(item: Option<&Item>, value: &Value) -> bool {
    fn equal(held: &toml_edit::Value, value: &Value) -> bool {
        match value {
            Value::Text(text) => held.as_str() == Some(text),
            Value::Integer(number) => held.as_integer() == Some(*number),
            Value::Boolean(yes) => held.as_bool() == Some(*yes),
            Value::List(items) => held.as_array().is_some_and(|held| {
                held.len() == items.len() && held.iter().zip(items).all(|(held, item)| equal(held, item))
            }),
            Value::Secret(_) => false,
        }
    }
    item.and_then(Item::as_value).is_some_and(|held| equal(held, value))
}

fn look<'d>(document: &'d DocumentMut, path: &[String]) -> Option<&'d Item> {
    path.iter().try_fold(document.as_item(), |item, segment| item.get(segment))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_wished_keys_change(file in generated(), wishes in prop::collection::vec(wish(), 1..5)) {
        let before = file.text;
        // What the generator made of colliding keys may be no TOML; that is not looked at here.
        prop_assume!(before.parse::<DocumentMut>().is_ok());
        let edit = wishes.iter().fold(TomlKeys::new(), |edit, (path, value)| match value {
            Some(value) => edit.set_path(path.clone(), value.clone()),
            None => edit.remove(&path.iter().map(String::as_str).collect::<Vec<_>>()),
        });
        let edited = match edit.apply(&before) {
            Ok(edited) => edited,
            Err(error) => {
                prop_assert!(["toml-not-a-table", "toml-not-a-value"].contains(&error.code), "{error:?} of {before:?}");
                return Ok(());
            }
        };
        let after = edited.text.as_str();

        // The wished values are held, the removed keys are gone; the last wish for a path counts.
        let document: DocumentMut = after.parse().unwrap();
        for (index, (path, value)) in wishes.iter().enumerate() {
            if wishes[index + 1..].iter().any(|(later, _)| later == path) {
                continue;
            }
            match value {
                Some(value) => prop_assert!(holds(look(&document, path), value), "{path:?} in {after:?}"),
                None => prop_assert!(look(&document, path).is_none(), "{path:?} in {after:?}"),
            }
        }

        // Every line that belongs to no wished key is there, byte for byte, in its order; every other line is about one.
        let related = |owner: &[String]| wishes.iter().any(|(path, _)| path.starts_with(owner));
        let is_kept = |owner: &Option<Vec<String>>| !owner.as_ref().is_some_and(|owner| related(owner));
        let kept = file.lines.iter().zip(&file.owners).filter(|(_, owner)| is_kept(owner)).map(|(line, _)| line);
        let kept: Vec<&String> = kept.collect();
        let others = without(&kept, after).map_err(TestCaseError::fail)?;
            let about = |line: &str| {
                let line = line.trim_start_matches('\u{feff}').trim();
                let names = wishes.iter().map(|(path, _)| path.last().unwrap());
                line.is_empty() || line.starts_with('[') || names.into_iter().any(|name| line.contains(name.as_str()))
                    || file.lines.iter().any(|before| before.trim() == line)
            };
            prop_assert!(others.iter().all(|line| about(line)), "{others:?}");
        prop_assert_eq!(after.starts_with('\u{feff}'), before.starts_with('\u{feff}'));
        prop_assert!(!after.replace("\r\n", "").contains('\r'));
        if !before.contains("\r\n") {
            prop_assert!(!after.contains("\r\n"));
        }

        // The second time there is nothing to do.
        let again = edit.apply(after).unwrap();
        prop_assert!(again.changes.is_empty(), "{:?}", again.changes);
        prop_assert_eq!(again.text.as_str(), after);
        prop_assert_eq!(edited.changes.is_empty(), after == before);
    }
}
