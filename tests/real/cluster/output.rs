//! What real runs print holds against the schemas that `hactl schema` prints, and names the cluster where there are several.

use std::fs;

use serde_json::Value;

use super::Cluster;

/// Everything in `value` that `schema` does not allow, with its path. Knows the words that hactl's schemas use.
pub(crate) fn faults(value: &Value, schema: &Value, root: &Value, path: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return faults(value, &root["$defs"][name], root, path);
    }
    let mut found = Vec::new();
    for word in ["anyOf", "oneOf"] {
        let Some(ways) = schema[word].as_array() else { continue };
        let results: Vec<Vec<String>> = ways.iter().map(|way| faults(value, way, root, path)).collect();
        if results.iter().all(|result| !result.is_empty()) {
            // The way that came nearest tells the most.
            let nearest = results.into_iter().min_by_key(Vec::len).unwrap();
            found.push(format!("{path}: none of {word}: {}", nearest.join(", ")));
        }
    }
    if let Some(wanted) = schema.get("const").filter(|wanted| *wanted != value) {
        found.push(format!("{path}: is not {wanted}"));
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        found.push(format!("{path}: is none of {words:?}"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::String(one) => one == kind || one == "number" && kind == "integer",
        Value::Array(several) => several.iter().any(|one| one == kind || one == "number" && kind == "integer"),
        _ => true,
    };
    if !allowed {
        found.push(format!("{path}: is {kind}, not {}", schema["type"]));
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(key).is_none() {
            found.push(format!("{path}: {key} is missing"));
        }
    }
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(key) {
            found.extend(faults(value, below, root, &format!("{path}.{key}")));
        }
    }
    if let Some(items) = schema.get("items") {
        for (index, value) in value.as_array().into_iter().flatten().enumerate() {
            found.extend(faults(value, items, root, &format!("{path}[{index}]")));
        }
    }
    found
}

fn schema(cluster: &Cluster, of: &str) -> Value {
    serde_json::from_str(&cluster.expect(0, &["schema", of]).stdout).unwrap()
}

#[test]
fn reports_and_events_of_real_runs_hold_against_their_schemas() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (report, event) = (schema(&cluster, "report"), schema(&cluster, "event"));
    assert!(!faults(&serde_json::json!({ "version": "1", "exit": 0 }), &report, &report, "$").is_empty());
    let runs: &[(i32, &[&str])] = &[
        (2, &["plan"]),
        (3, &["status", "--known-hosts", "/nowhere"]),
        (0, &["apply"]),
        (0, &["apply"]),
        (1, &["apply"]),
    ];
    for (index, (exit, words)) in runs.iter().enumerate() {
        if index == 4 {
            fs::write(cluster.toml_file(1), "not toml").unwrap();
        }
        let lines = cluster.expect(*exit, &[words, &["--output", "jsonl"][..]].concat()).stdout;
        let mut last = Value::Null;
        for line in lines.lines() {
            last = serde_json::from_str(line).unwrap();
            assert_eq!(faults(&last, &event, &event, "$"), [""; 0], "{line}");
        }
        assert_eq!(last["event"], "result", "the last line is the result");
        assert_eq!(last["result"]["exit"], *exit);
        assert_eq!(faults(&last["result"], &report, &report, "$"), [""; 0], "{last:#}");
        if *exit != 0 {
            let done = cluster.expect(*exit, &[words, &["--output", "json"][..]].concat());
            let whole: Value = serde_json::from_str(&done.stdout).unwrap();
            assert_eq!(faults(&whole, &report, &report, "$"), [""; 0], "{whole:#}");
            assert_eq!(done.stderr, "", "nothing but the document");
        }
    }
}

#[test]
fn hosts_of_several_clusters_are_told_apart() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let one = fs::read_to_string(cluster.inventory()).unwrap();
    let other = one.replace("cluster: test", "cluster: other").replace("sso.example.com", "other.example.com");
    fs::write(cluster.inventory(), format!("{one}---\n{other}")).unwrap();
    let locks = cluster.expect(0, &["lock", "status"]).stdout;
    assert_eq!(locks, "test\nis-1  free\nis-2  free\nother\nis-1  free\nis-2  free\n");
    let locks: Value =
        serde_json::from_str(&cluster.expect(0, &["lock", "status", "--output", "json"]).stdout).unwrap();
    assert_eq!(locks["locks"][2]["cluster"], "other");
    let status = cluster.expect(2, &["status"]).stdout;
    let first: Vec<&str> = status.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["test", "is-1", "is-2", "other", "is-1", "is-2"]);
}

#[test]
fn a_plan_that_failed_on_one_host_does_not_promise_an_apply() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    fs::write(cluster.toml_file(1), "not toml").unwrap();
    let done = cluster.expect(1, &["plan"]);
    assert!(done.stdout.contains("on 1 host, 1 failed.") && !done.stdout.contains("would make"), "{}", done.stdout);
}

#[test]
fn a_lock_that_another_run_holds_is_not_told_to_be_free() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let state = cluster.servers[0].file("state");
    fs::create_dir_all(&state).unwrap();
    let held = "run 01ARZ3NDEKTSV4RRFFQ69G5FAV\nowner ops@jump\nboot b\nprocess 7.9\ncommand apply\ntaken 1\nexpires 9999999999\n";
    fs::write(state.join("lock"), held).unwrap();
    let done = cluster.expect(9, &["lock", "release", "--run", "01ARZ3NDEKTSV4RRFFQ69G5FAW"]);
    assert!(done.stdout.contains("is-1  held by ops@jump"), "{}", done.stdout);
    let done = cluster.expect(0, &["lock", "release", "--run", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    assert_eq!(done.stdout, "is-1  free\nis-2  free\n");
}
