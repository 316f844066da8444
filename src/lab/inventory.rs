//! The inventory of a lab: an ordinary one.

use super::layout::{CLUSTER, DATABASE, DATABASE_USER, HOSTNAME, PRODUCT_VERSION};
use super::{Layout, Role, pack};

/// The text of `inventory.yaml`. It names where secrets come from, as every inventory does.
pub(super) fn text(layout: &Layout, pack_sha256: &str, driver_sha256: &str) -> String {
    let mut hosts = String::new();
    for host in layout.reachable() {
        let folder = layout.host_folder(host.name);
        hosts.push_str(&format!("  {}:\n    address: {}\n", host.name, host.address));
        let state = yaml(&folder.join("var/lib/hactl").to_string_lossy());
        if host.role == Role::Balancer {
            hosts.push_str("    roles: [load-balancer]\n");
        }
        if host.role == Role::Node {
            hosts.push_str(&format!("    member_port: {}\n", layout.member_port(&host)));
        }
        hosts.push_str(&format!("    ssh: {{ state_folder: {state} }}\n"));
        if host.role == Role::Node {
            let home = yaml(&layout.product_home(host.name).to_string_lossy());
            let java = yaml(&layout.java_home(host.name).to_string_lossy());
            hosts.push_str(&format!("    product:\n      home: {home}\n      java_home: {java}\n"));
            hosts.push_str(&format!("      port_offset: {}\n", layout.offset(&host)));
            hosts.push_str("      name: wso2carbon\n");
            hosts.push_str(&format!("      version: {PRODUCT_VERSION}\n"));
            hosts.push_str(&format!("      pack: {{ file: packs/{}, sha256: {pack_sha256} }}\n", pack::PACK));
        }
    }
    format!(
        "\
# A practice cluster on this machine, written by `hactl lab up`. Its hosts are folders, and their addresses loopback.
version: 1
cluster: {CLUSTER}
ssh:
  user: {user}
  port: {ssh}
  identity: keys/id_ed25519
  known_hosts: keys/known_hosts
  agent: false
hosts:
{hosts}\
databases:
  create_schema: true
  driver: {{ file: drivers/{driver}, sha256: {driver_sha256} }}
  shared_db: {{ type: mysql, host: {database_host}, port: {database_port}, name: {DATABASE}, username: {DATABASE_USER}, password: {{ file: secrets/database }} }}
keystores:
  primary: {{ file: keys/lab.jks, type: JKS, password: {{ file: secrets/keystore }}, alias: lab }}
clustering: {{ scheme: wka, domain: lab.domain, hazelcast: {{ max_no_heartbeat_seconds: 60 }} }}
endpoint: {{ hostname: {HOSTNAME}, http_port: {http}, https_port: {https}, hosts_entry: false }}
admin: {{ username: admin, password: {{ file: secrets/admin }} }}
load_balancer:
  kind: nginx
  sticky: cookie
  show_node: true
  certificate: keys/{HOSTNAME}.crt
  key: {{ file: keys/{HOSTNAME}.key }}
  listen: [{balancer}]
  configuration: {configuration}
  pid_file: {pid_file}
",
        user = super::user(),
        ssh = layout.ssh_port(),
        driver = pack::DRIVER,
        database_host = layout.database(),
        database_port = layout.database_port(),
        http = layout.http_port(),
        https = layout.https_port(),
        balancer = layout.balancer(),
        configuration = yaml(&layout.host_folder("lb-1").join("etc/nginx").to_string_lossy()),
        pid_file = yaml(&layout.host_folder("lb-1").join("var/run/nginx.pid").to_string_lossy()),
    )
}

/// A text as a YAML scalar.
fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
