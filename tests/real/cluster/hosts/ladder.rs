//! The ladder: whole, and broken at each rung that a server or an inventory can break.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Desk, ssh};
use crate::sshd::{Sshd, keygen, output};

fn logins(server: &Sshd) -> usize {
    server.log().matches("Accepted publickey").count()
}

#[test]
fn where_all_is_well_a_host_is_one_line_and_with_v_its_ladder() {
    let (Some(one), Some(two)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let desk = Desk::new(
        &[&one, &two],
        &format!(
            "hosts:\n  is-1: {{ address: localhost, transport: ssh, ssh: {} }}\n  is-2: {{ address: 127.0.0.1, ssh: {} }}\n",
            ssh(&one, ", host_key_alias: one"),
            ssh(&two, "")
        ),
    );
    let key = std::fs::read_to_string(one.file("host_ed25519.pub")).unwrap();
    std::fs::write(one.known_hosts(), format!("one {key}")).unwrap();
    desk.reads("well.txt", 0, &["hosts", "ping"]);
    assert_eq!((one.execs(), two.execs()), (2, 2), "the shell, and the tools");
    desk.reads("well-verbose.txt", 0, &["hosts", "ping", "-v"]);
    assert_eq!((logins(&one), logins(&two)), (2, 2), "one login a run");
    let limited = desk.json(0, &["hosts", "ping", "--limit", "is-2"]);
    assert_eq!(limited["hosts"].as_array().unwrap().len(), 1);
}

#[test]
fn each_broken_rung_says_what_to_do_and_plan_says_the_same() {
    let Some(good) = Sshd::start(&[]) else { return };
    let (Some(forced), Some(sftp)) =
        (Sshd::start(&["ForceCommand /bin/true"]), Sshd::start(&["ForceCommand internal-sftp"]))
    else {
        return;
    };
    let (Some(closed), Some(bare)) = (Sshd::start(&["MaxSessions 0"]), super::tools::bare()) else { return };
    let (Some(user), Some(key), Some(stranger)) = (Sshd::start(&[]), Sshd::start(&[]), Sshd::start(&[])) else {
        return;
    };
    // Accepts connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let servers = [&good, &forced, &sftp, &closed, &bare, &user, &key, &stranger];
    let mut hosts = String::from("hosts:\n");
    let mut host = |name: &str, ssh: &str| {
        let address = if name == "name" { "no-such-name.invalid" } else { "127.0.0.1" };
        hosts.push_str(&format!("  {name}: {{ address: {address}, ssh: {ssh} }}\n"));
    };
    host("good", &ssh(&good, ""));
    host("name", "{ port: 22 }");
    host("port", "{ port: 1 }");
    host("silent", &format!("{{ port: {silent_port}, connect_timeout: 1 }}"));
    host("stranger", &ssh(&stranger, ", host_key_alias: stranger"));
    host("user", &ssh(&user, ", user: nobody-here"));
    host("key", &ssh(&key, "").replace("id_ed25519", "id_other"));
    host("sessions", &ssh(&closed, ""));
    host("forced", &ssh(&forced, ""));
    host("sftp", &ssh(&sftp, ""));
    host("tools", &ssh(&bare, ""));
    keygen(&key.file("id_other"), "ed25519", "");
    let desk = Desk::new(&servers, &hosts).mask(&silent_port.to_string(), "PORT");
    desk.reads("broken.txt", 3, &["hosts", "ping"]);

    // What ping shows is what every other command does.
    let ping = desk.json(3, &["hosts", "ping"]);
    let plan = desk.json(3, &["plan"]);
    for (ping, plan) in ping["hosts"].as_array().unwrap().iter().zip(plan["hosts"].as_array().unwrap()) {
        assert_eq!(ping["host"], plan["host"]);
        let name = ping["host"].as_str().unwrap();
        if ["good", "tools"].contains(&name) {
            continue;
        }
        assert_eq!((&ping["outcome"], &plan["outcome"]), (&"unknown".into(), &"unknown".into()), "{name}");
        assert_eq!(ping["broken"]["code"], plan["code"], "{name}");
        assert_eq!(ping["broken"]["hint"], plan["hint"], "{name}");
    }
}

#[test]
fn a_host_without_sudo_breaks_at_that_rung() {
    let Some(bare) = super::tools::bare() else { return };
    let become_ = ", become: { method: sudo }";
    let desk =
        Desk::new(&[&bare], &format!("hosts:\n  is-1: {{ address: 127.0.0.1, ssh: {} }}\n", ssh(&bare, become_)));
    desk.reads("no-sudo.txt", 3, &["hosts", "ping"]);
}

/// Hosts behind jump hosts, each of which is another server.
fn behind(hops: &[(&str, &Sshd)], hosts: &[(&str, &Sshd, &str)]) -> String {
    let mut text = String::from("jump_hosts:\n  dead: { address: 127.0.0.1, port: 1 }\n");
    for (name, hop) in hops {
        let folder = hop.folder().display();
        text.push_str(&format!(
            "  {name}: {{ address: 127.0.0.1, port: {}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts }}\n",
            hop.port()
        ));
    }
    text.push_str("hosts:\n");
    for (name, host, jump) in hosts {
        text.push_str(&format!(
            "  {name}: {{ address: 127.0.0.1, ssh: {} }}\n",
            ssh(host, &format!(", jump: [{jump}]"))
        ));
    }
    text
}

#[test]
fn a_jump_host_is_shown_once_and_a_dead_one_stands_for_all_behind_it() {
    let (Some(outer), Some(forbids)) = (Sshd::start(&[]), Sshd::start(&["AllowTcpForwarding no"])) else { return };
    let servers: Option<Vec<Sshd>> = (0..7).map(|_| Sshd::start(&[])).collect();
    let Some(servers) = servers else { return };
    let [one, two, three, four, five, six, seven] = servers.as_slice() else { unreachable!("seven were started") };
    let hosts = [
        ("is-1", one, "outer"),
        ("is-2", two, "outer"),
        ("is-3", three, "dead"),
        ("is-4", four, "dead"),
        ("is-5", five, "dead, outer"),
        ("is-6", six, "forbids"),
        ("is-7", seven, "forbids"),
    ];
    let all = [&outer, &forbids, one, two, three, four, five, six, seven];
    let desk = Desk::new(&all, &behind(&[("outer", &outer), ("forbids", &forbids)], &hosts));
    desk.reads("jump.txt", 3, &["hosts", "ping"]);
    assert_eq!((logins(&outer), logins(one), logins(two)), (1, 1, 1), "one login a run for all behind it");
    assert_eq!(outer.execs(), 0, "nothing runs on a jump host");

    let report = desk.json(3, &["hosts", "ping"]);
    let hops: Vec<(&str, &str)> = report["jump_hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| (hop["name"].as_str().unwrap(), hop["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(hops, [("outer", "reached"), ("dead", "unknown"), ("outer", "unknown"), ("forbids", "reached")]);
    assert_eq!(report["jump_hosts"][2]["behind"], "dead");
    let broken = &report["hosts"][4]["broken"];
    assert_eq!((&broken["jump_host"], &broken["code"]), (&"dead".into(), &"connection-refused".into()));
    assert_eq!(broken["item"], "jump-host:dead");
}

#[test]
fn programs_get_every_rung_as_a_document_or_as_it_happens() {
    let (Some(one), Some(two)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    let text = format!(
        "hosts:\n  is-1: {{ address: 127.0.0.1, ssh: {} }}\n  is-2: {{ address: 127.0.0.1, ssh: {} }}\n",
        ssh(&one, ""),
        ssh(&two, ", user: nobody-here")
    );
    let desk = Desk::new(&[&one, &two], &text);
    let said = desk.expect(3, &["hosts", "ping", "--output", "jsonl"]);
    assert_eq!(said.stderr, "", "nothing but the lines");
    let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["host_pinged", "host_pinged", "result"]);
    let schema: Value = serde_json::from_str(&desk.expect(0, &["schema", "hosts-ping"]).stdout).unwrap();
    let result = &lines[2]["result"];
    assert_eq!(crate::cluster::output::faults(result, &schema, &schema, "$"), [""; 0], "{result:#}");
    let hosts = &result["clusters"][0]["hosts"];
    let rungs = |host: &Value| -> Vec<String> {
        host["rungs"].as_array().unwrap().iter().map(|rung| rung["rung"].as_str().unwrap().to_owned()).collect()
    };
    let ladder = ["tcp", "key_exchange", "host_key", "authentication", "channel", "shell", "tools"];
    assert_eq!(rungs(&hosts[0]), ladder);
    assert_eq!(rungs(&hosts[1]), ladder[..3]);
    assert_eq!((&hosts[1]["broken"]["rung"], &hosts[1]["outcome"]), (&"authentication".into(), &"unknown".into()));
    let sum: f64 =
        hosts[0]["rungs"].as_array().unwrap().iter().map(|rung| rung["milliseconds"].as_f64().unwrap()).sum();
    let all = hosts[0]["milliseconds"].as_f64().unwrap();
    assert!(sum > 0.0 && sum <= all + 1.0, "the rungs took {sum} ms of {all} ms");
}

#[test]
fn ctrl_c_ends_a_ping_that_waits_and_tells_what_was_seen() {
    let Some(good) = Sshd::start(&[]) else { return };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let text = format!(
        "hosts:\n  is-1: {{ address: 127.0.0.1, ssh: {} }}\n  is-2: {{ address: 127.0.0.1, ssh: {{ port: {port}, connect_timeout: 600 }} }}\n",
        ssh(&good, "")
    );
    let desk = Desk::new(&[&good], &text);
    let child = desk
        .command(&["hosts", "ping"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while good.log().matches("Disconnected from").count() + usize::from(good.execs() == 2) == 0 {
        assert!(Instant::now() < end, "the good host was not asked: {}", good.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    output("kill", &["-INT", &child.id().to_string()]);
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(130), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("is-2  unknown") && said.contains("[interrupted]"), "{said}");
}
