//! A command that is refused: people read why on standard error, and with `--output json` programs on standard output.

use serde_json::{Value, json};

use super::{Desk, INVENTORY};

/// The document that a refused command prints, which must say this of itself.
#[track_caller]
fn refused(desk: &Desk, exit: i32, words: &[&str]) -> Vec<Value> {
    let done = desk.expect(exit, &[words, &["--output", "json"]].concat());
    let mut document: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {}", done.stdout));
    assert_eq!((&document["version"], &document["exit"]), (&json!(1), &json!(exit)), "{words:?}: {document:#}");
    // The same in a line.
    let line = desk.expect(exit, &[words, &["--output", "jsonl"]].concat()).stdout;
    assert_eq!(line.lines().count(), 1, "{words:?}: {line}");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["event"], &line["result"]), (&json!("refused"), &document), "{words:?}: {line:#}");
    // People read it as ever, and no JSON.
    let text = desk.expect(exit, words);
    assert!(!text.stderr.is_empty() && text.stdout.is_empty(), "{words:?}: {text:?}");
    // What clap says of the usage names the flags that were given.
    let first = |said: &str| said.lines().next().map(str::to_owned);
    assert_eq!(first(&text.stderr), first(&done.stderr), "{words:?}");
    let Value::Array(problems) = document["problems"].take() else { panic!("{words:?}: {document:#}") };
    for problem in &problems {
        let code = problem["code"].as_str().unwrap();
        desk.expect(0, &["explain", code]);
        assert!(!problem["message"].as_str().unwrap().is_empty(), "{problem:#}");
    }
    assert!(!problems.is_empty(), "{words:?}");
    problems
}

#[test]
fn a_wrong_inventory_is_told_with_file_line_and_column_and_without_a_secret() {
    let wrong = INVENTORY
        .replace("address: 192.0.2.2", "addres: 192.0.2.2")
        .replace("{ env: HACTL_TEST_PASSWORD } }", "poison }");
    let desk = Desk::new(&wrong);
    for command in ["plan", "apply", "validate", "status", "preflight", "logs"] {
        let problems = refused(&desk, 65, &[command]);
        let unknown = problems.iter().find(|problem| problem["code"] == "unknown-key").unwrap();
        assert_eq!((&unknown["line"], &unknown["column"]), (&json!(7), &json!(11)), "{unknown:#}");
        assert_eq!(unknown["severity"], "error");
        assert!(unknown["file"].as_str().unwrap().ends_with("inventory.yaml"), "{unknown:#}");
        assert!(unknown["hint"].as_str().unwrap().contains("address"), "{unknown:#}");
        assert!(problems.len() >= 3 && !format!("{problems:?}").contains("poison"), "{problems:?}");
    }
    refused(&desk, 65, &["plan", "-i", "no-such-file.yaml"]);
}

#[test]
fn wrong_words_are_told_whoever_finds_them() {
    let desk = Desk::new(INVENTORY);
    for (words, said, hint) in [
        (&["aply"][..], "unrecognized subcommand 'aply'", "apply"),
        (&["plan", "--concurrency", "none"], "invalid value 'none'", "hactl help"),
        (&["rollback"], "required arguments were not provided", "hactl help"),
        (&["plan", "--limit", "is-9"], "--limit is-9: no host", "did you mean `is-"),
        (&["plan", "--cluster", "other"], "has no cluster `other`", "iam"),
        (&["preflight", "--rule", "X99"], "--rule X99: there is no such rule", "hactl explain"),
        (&["explain", "no-such-code"], "`no-such-code` is not a code", ""),
        (&["logs", "--since", "yesterday"], "--since yesterday", ""),
        (&["apply", "--resume", "01JCW0000000000000000000AA"], "--resume", "hactl runs"),
    ] {
        let problems = refused(&desk, 64, words);
        let [problem] = problems.as_slice() else { panic!("{words:?}: {problems:#?}") };
        assert!(problem["message"].as_str().unwrap().contains(said), "{problem:#}");
        assert!(problem["hint"].as_str().unwrap_or_default().contains(hint), "{problem:#}");
    }
    assert_eq!(desk.expect(0, &["help", "plan"]).stderr, "");
}

#[test]
fn a_wrong_playbook_is_told_with_its_own_file() {
    let desk = Desk::new(INVENTORY);
    desk.write("mine.yaml", "stages:\n  - { name: One, on: product, steps: [datasource] }\n");
    let problems = refused(&desk, 65, &["plan", "--playbook", "mine.yaml"]);
    assert_eq!((&problems[0]["file"], &problems[0]["line"]), (&json!("mine.yaml"), &json!(2)), "{problems:#?}");
    let problems = refused(&desk, 65, &["plan", "--playbook", "no-such.yaml"]);
    assert_eq!(problems[0]["code"], "playbook-unreadable");
}

#[test]
fn what_validate_finds_is_one_document_also_where_all_is_well() {
    let desk = Desk::new(INVENTORY);
    let document: Value = serde_json::from_str(&desk.expect(0, &["validate", "--output", "json"]).stdout).unwrap();
    assert_eq!((&document["version"], &document["exit"]), (&json!(1), &json!(0)), "{document:#}");
    assert!(document["problems"].is_array(), "{document:#}");
    let schema: Value = serde_json::from_str(&desk.expect(0, &["schema", "refusal"]).stdout).unwrap();
    let keys = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&schema), ["version", "exit", "problems"]);
    let wanted = ["code", "severity", "message", "file", "line", "column", "path", "hint"];
    assert_eq!(keys(&schema["$defs"]["RefusedProblem"]), wanted);
}
