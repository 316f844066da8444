//! `hosts facts` over real connections.

use serde_json::Value;

use super::{Desk, ssh};
use crate::sshd::{Sshd, output};

#[test]
fn facts_cost_one_exec_and_are_those_of_the_machine() {
    let (Some(one), Some(two)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let text = format!(
        "product: {{ name: wso2is, version: 7.1.0, home: /nowhere/is, java_home: /nowhere/jdk }}\nhosts:\n  \
         is-1: {{ address: 127.0.0.1, ssh: {} }}\n  is-2: {{ address: 127.0.0.1, ssh: {} }}\nclustering: {{ scheme: multicast }}\n",
        ssh(&one, ""),
        ssh(&two, ", user: nobody-here")
    );
    let desk = Desk::new(&[&one, &two], &text);
    let report = desk.json(3, &["hosts", "facts"]);
    assert_eq!(one.execs(), 1);
    let facts = &report["hosts"][0]["facts"];
    assert_eq!(facts["kernel"], output("uname", &["-r"]).trim());
    assert_eq!(facts["user"], output("id", &["-un"]).trim());
    // Both are this machine's clock.
    let (ahead, uncertainty) = (facts["clock_ahead"].as_f64().unwrap(), facts["clock_uncertainty"].as_f64().unwrap());
    assert!(ahead.abs() <= uncertainty + 0.01, "{ahead} s ahead, within {uncertainty} s");
    assert_eq!(facts["java"], serde_json::json!({ "home": "/nowhere/jdk", "version": null }));
    let disks: Vec<&Value> = facts["disks"].as_array().unwrap().iter().map(|disk| &disk["of"]).collect();
    assert_eq!(disks, ["product", "tmp", "state"]);
    let other = &report["hosts"][1];
    assert_eq!((&other["facts"], &other["failure"]["code"]), (&Value::Null, &"authentication-refused".into()));

    let table = desk.expect(3, &["hosts", "facts"]).stdout;
    assert!(table.starts_with("HOST  SYSTEM") && table.contains("\nis-1  "), "{table}");
    assert!(table.contains("is-2  unknown: authentication: the host does not let nobody-here in"), "{table}");
    let all = desk.expect(0, &["hosts", "facts", "-v", "--limit", "is-1"]).stdout;
    assert!(all.contains("java") && all.contains("none that runs in /nowhere/jdk"), "{all}");
    let schema: Value = serde_json::from_str(&desk.expect(0, &["schema", "hosts-facts"]).stdout).unwrap();
    let whole = desk.expect(3, &["hosts", "facts", "--output", "json"]).stdout;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(crate::cluster::output::faults(&whole, &schema, &schema, "$"), [""; 0], "{whole:#}");
}
