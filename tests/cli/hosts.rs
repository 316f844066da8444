//! `hactl hosts list`: no host is asked, so none is needed.

use super::Desk;

const INVENTORY: &str = "\
version: 1
cluster: iam
ssh: { user: ops, jump: [bastion], become: { method: sudo, password: { env: HACTL_NOT_SET } } }
jump_hosts: { bastion: { address: 192.0.2.200 } }
product: { name: wso2is, version: 7.1.0, home: /opt/wso2is }
groups: { east: {} }
hosts:
  is-1: { address: 192.0.2.1, groups: [east] }
  is-2: { address: \"2001:db8::2\", ssh: { user: other, port: 2222, become: { method: none } } }
  lb-1: { address: lb.example.com, roles: [load-balancer], ssh: { jump: [outer.example.com, bastion] } }
  here: { address: localhost, member_address: 192.0.2.9, ssh: { become: { method: sudo, user: wso2 } } }
load_balancer: { kind: nginx, certificate: inventory.yaml, key: { env: HACTL_NOT_SET } }
endpoint: { hostname: sso.example.com, http_port: 80, https_port: 443 }
clustering: { scheme: wka, hazelcast: { max_no_heartbeat_seconds: 60 } }
";

const LIST: &str = "\
CLUSTER  HOST  REACHED AT                THROUGH                     BECOMES       PRODUCT       ROLES AND GROUPS
iam      is-1  ops@192.0.2.1:22          bastion                     root by sudo  wso2is 7.1.0  east
iam      is-2  other@[2001:db8::2]:2222  bastion                     -             wso2is 7.1.0  -
iam      lb-1  ops@lb.example.com:22     outer.example.com, bastion  root by sudo  -             load-balancer
iam      here  this machine              -                           wso2 by sudo  wso2is 7.1.0  -
";

#[test]
fn the_hosts_are_listed_as_they_would_be_reached_and_no_secret_is_asked_for() {
    let desk = Desk::new(INVENTORY);
    let done = desk.expect(0, &["hosts", "list"]);
    assert_eq!(done.stdout, LIST);
}

#[test]
fn a_script_gets_one_name_per_line_and_only_those_that_it_asks_for() {
    let desk = Desk::new(INVENTORY);
    assert_eq!(desk.expect(0, &["hosts", "list", "-q"]).stdout, "is-1\nis-2\nlb-1\nhere\n");
    assert_eq!(desk.expect(0, &["hosts", "list", "-q", "--limit", "east,lb-*"]).stdout, "is-1\nlb-1\n");
    let done = desk.expect(64, &["hosts", "list", "--limit", "is-3"]);
    assert!(done.stderr.contains("no host or group of iam has this name"), "{}", done.stderr);
    assert_eq!(done.stdout, "");
}

#[test]
fn a_program_gets_all_of_it() {
    let desk = Desk::new(INVENTORY);
    let said = desk.expect(0, &["hosts", "list", "--output", "json"]).stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["version"], &said["exit"], &said["clusters"][0]["cluster"]),
        (&1.into(), &0.into(), &"iam".into())
    );
    let hosts = &said["clusters"][0]["hosts"];
    assert_eq!(
        hosts[0],
        serde_json::json!({
            "host": "is-1", "groups": ["east"], "roles": [], "product": "wso2is 7.1.0", "address": "192.0.2.1",
            "port": 22, "user": "ops", "jump": ["bastion"], "transport": "ssh", "become": "sudo", "become_user": "root"
        })
    );
    assert_eq!(hosts[2]["jump"], serde_json::json!(["outer.example.com", "bastion"]));
    assert_eq!((&hosts[3]["transport"], &hosts[3]["become_user"]), (&"local".into(), &"wso2".into()));
    let line = desk.expect(0, &["hosts", "list", "--output", "jsonl"]).stdout;
    assert!(line.starts_with("{\"event\":\"result\",") && line.lines().count() == 1, "{line}");
}
