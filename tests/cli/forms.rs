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
fn the_keys_of_the_commands_of_hosts_stay() {
    let desk = Desk::new(INVENTORY);
    let of = |name: &str| -> Value { serde_json::from_str(&desk.expect(0, &["schema", name]).stdout).unwrap() };
    let (list, ping, facts) = (of("hosts-list"), of("hosts-ping"), of("hosts-facts"));
    for schema in [&list, &ping, &facts] {
        assert_eq!(keys(schema), ["version", "exit", "clusters"]);
    }
    assert_eq!(keys(&list["$defs"]["HostsReport"]), ["cluster", "hosts"]);
    let row = ["host", "groups", "roles", "product", "address", "port", "user", "jump", "transport", "become"];
    assert_eq!(keys(&list["$defs"]["HostRow"]), [&row[..], &["become_user"]].concat());
    let report = ["cluster", "jump_hosts", "hosts", "interrupted", "milliseconds"];
    assert_eq!(keys(&ping["$defs"]["PingReport"]), report);
    let hop = ["name", "address", "port", "user", "behind", "outcome", "rungs", "broken"];
    assert_eq!(keys(&ping["$defs"]["JumpHostPing"]), hop);
    let host = ["host", "outcome", "jump", "rungs", "broken", "warnings", "milliseconds"];
    assert_eq!(keys(&ping["$defs"]["HostPing"]), host);
    assert_eq!(keys(&ping["$defs"]["RungReport"]), ["rung", "milliseconds", "note"]);
    let rungs: Vec<&str> =
        ping["$defs"]["Rung"]["oneOf"].as_array().unwrap().iter().map(|rung| rung["const"].as_str().unwrap()).collect();
    let ladder = ["dns", "tcp", "key_exchange", "host_key", "authentication", "channel", "become", "shell", "tools"];
    assert_eq!(rungs, [&ladder[..], &["command"]].concat());
    assert_eq!(keys(&facts["$defs"]["HostFactsReport"]), ["host", "facts", "failure"]);
    let said = keys(&facts["$defs"]["HostFacts"]);
    for key in ["system", "kernel", "init", "libc", "memory_kb", "disks", "jdks", "java", "clock_ahead", "addresses"] {
        assert!(said.iter().any(|known| known == key), "{key} is not in {said:?}");
    }
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
    assert_eq!(kinds, ["again", "left_out", "line", "lost", "over", "result"]);
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

#[test]
fn the_keys_of_host_keys_stay() {
    let schema: Value =
        serde_json::from_str(&Desk::new(INVENTORY).expect(0, &["schema", "hosts-trust"]).stdout).unwrap();
    assert_eq!(keys(&schema), ["version", "exit", "keys", "failure"]);
    let row = ["cluster", "hosts", "jump_host", "behind", "address", "port", "state", "name", "kind", "fingerprint"];
    assert_eq!(keys(&schema["$defs"]["HostKeyRow"]), [&row[..], &["file", "failure"]].concat());
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
