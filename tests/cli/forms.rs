//! What other programs read: the schemas.

use serde_json::Value;

use super::{Desk, INVENTORY};

fn keys(schema: &Value) -> Vec<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_keys_of_a_report_stay() {
    let schema: Value = serde_json::from_str(&Desk::new(INVENTORY).expect(0, &["schema", "report"]).stdout).unwrap();
    assert_eq!(keys(&schema), ["version", "exit", "clusters"]);
    let report = &schema["$defs"]["Report"];
    let wanted =
        ["version", "command", "cluster", "run", "hosts", "stages", "findings", "proof", "interrupted", "milliseconds"];
    assert_eq!(keys(report), wanted);
    let host = keys(&schema["$defs"]["HostReport"]);
    assert_eq!(
        host,
        ["host", "failures", "made", "items", "node", "looked_at", "execs", "findings", "milliseconds"],
        "and what the outcome brings"
    );
    assert_eq!(keys(&schema["$defs"]["ItemReport"]), ["id", "steps", "stage", "because", "changes", "warnings"]);
}

#[test]
fn the_kinds_of_events_stay() {
    let schema: Value = serde_json::from_str(&Desk::new(INVENTORY).expect(0, &["schema", "event"]).stdout).unwrap();
    let mut kinds = Vec::new();
    collect(&schema, &mut kinds);
    kinds.sort();
    assert_eq!(
        kinds,
        ["host", "host_done", "result", "run_started", "stage_done", "stage_started", "waiting", "warning"]
    );
}

#[test]
fn the_keys_of_commands_and_logs_stay() {
    let schema: Value = serde_json::from_str(&Desk::new(INVENTORY).expect(0, &["schema", "call"]).stdout).unwrap();
    let mut kinds = Vec::new();
    collect(&schema, &mut kinds);
    kinds.sort();
    assert_eq!(kinds, ["left_out", "line", "over", "result"]);
    let line = schema["oneOf"].as_array().unwrap().iter().find(|kind| kind["properties"]["event"]["const"] == "line");
    let mut line = keys(line.unwrap());
    line.sort();
    assert_eq!(line, ["cluster", "event", "file", "host", "line", "part", "stream"]);
    assert_eq!(keys(&schema["$defs"]["CallResult"]), ["version", "exit", "calls"]);
    let report = [
        "cluster",
        "host",
        "file",
        "outcome",
        "status",
        "signal",
        "failure",
        "stdout",
        "stderr",
        "left_out",
        "milliseconds",
    ];
    assert_eq!(keys(&schema["$defs"]["CallReport"]), report);
}

fn collect(schema: &Value, kinds: &mut Vec<String>) {
    match schema {
        Value::Object(entries) => {
            kinds.extend(schema["properties"]["event"]["const"].as_str().map(str::to_owned));
            entries.values().for_each(|value| collect(value, kinds));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, kinds)),
        _ => {}
    }
}
