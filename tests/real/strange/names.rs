//! Addresses that are more than four numbers: names that nobody answers for, and those of one interface alone.

use std::fs;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::sshd::{Sshd, find, is_root, output, skip};

/// An address of this machine at which nobody else answers questions about names.
const SILENT: &str = "127.77.53.1";

/// Puts another address in the place of the first host's.
fn at(cluster: &Cluster, address: &str, more: &str) {
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    let own = format!("port: {}, ", cluster.servers[0].port());
    let text = text.replacen("address: 127.0.0.1", &format!("address: \"{address}\""), 1);
    fs::write(cluster.inventory(), text.replacen(&own, &format!("{own}{more}"), 1)).unwrap();
}

#[test]
fn a_name_whose_server_never_answers_ends_by_its_deadline_and_the_others_go_on() {
    if !is_root() || find("unshare").is_none() {
        return skip("only root can give a process another resolv.conf");
    }
    let Some(cluster) = Cluster::start(&[]) else { return };
    // It hears every question, and answers none.
    let Ok(silent) = UdpSocket::bind((SILENT, 53)) else {
        return skip("port 53 is taken at every address");
    };
    at(&cluster, "is-1.example.com", "connect_timeout: 2, ");
    let resolver = cluster.folder.path().join("resolv.conf");
    fs::write(&resolver, format!("nameserver {SILENT}\noptions timeout:30 attempts:5\n")).unwrap();
    for words in [["hosts", "ping"], ["plan", "--verbose"]] {
        let hactl = cluster.command(&[&words[..], &["--output", "json"]].concat());
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c"]);
        command.args(["mount --bind \"$0\" /etc/resolv.conf && exec \"$@\""]).arg(&resolver);
        command.arg(hactl.get_program()).args(hactl.get_args()).stdin(Stdio::null());
        command.current_dir(cluster.folder.path());
        command.envs(hactl.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(3), "{words:?}: {said}");
        let report: Value = serde_json::from_slice(&done.stdout).unwrap();
        let hosts = report["clusters"][0]["hosts"].as_array().unwrap();
        let of_first = hosts[0].to_string();
        assert!(of_first.contains("is-1.example.com cannot be looked up: no answer within 2 s"), "{of_first}");
        assert!(of_first.contains("\"name-not-found\""), "{of_first}");
        let sound = hosts[1]["outcome"].as_str().unwrap();
        assert!(["ok", "reached", "differs", "warned"].contains(&sound), "{words:?}: {:#}", hosts[1]);
    }
    silent.set_nonblocking(true).unwrap();
    assert!(silent.recv(&mut [0; 512]).is_ok(), "somebody has asked here");
}

/// Two interfaces with a wire between them; gone when this is dropped.
struct Wire(String);

impl Wire {
    fn new() -> Option<Self> {
        if !is_root() || find("ip").is_none() {
            skip("only root can make an interface");
            return None;
        }
        let name = format!("hz{}", std::process::id() % 1_000_000);
        let wire = Self(name);
        let (near, far) = (wire.near(), wire.far());
        let ip =
            |line: &str| Command::new("ip").args(line.split(' ')).stderr(Stdio::null()).status().unwrap().success();
        if !ip(&format!("link add {near} type veth peer name {far}")) {
            skip("this machine has no veth");
            return None;
        }
        for (end, address) in [(&near, "fe80::77:1"), (&far, "fe80::77:2")] {
            output("ip", &["link", "set", end, "up"]);
            output("ip", &["addr", "add", &format!("{address}/64"), "dev", end, "nodad"]);
        }
        Some(wire)
    }

    fn near(&self) -> String {
        format!("{}n", self.0)
    }

    fn far(&self) -> String {
        format!("{}f", self.0)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["link", "del", &self.near()]).stderr(Stdio::null()).status());
    }
}

#[test]
fn a_link_local_address_is_reached_through_the_interface_in_its_zone() {
    let Some(wire) = Wire::new() else { return };
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let Some(server) = Sshd::start_in(Sshd::folder_with_keys(), &[&format!("ListenAddress fe80::77:2%{}", wire.far())])
    else {
        return;
    };
    let address = format!("fe80::77:2%{}", wire.near());
    Cluster::lay_down(&server.file("home"));
    cluster.servers[0] = server;
    cluster.write_inventory("");
    let server = &cluster.servers[0];
    let key = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    fs::write(server.known_hosts(), format!("[{address}]:{} {key}", server.port())).unwrap();
    at(&cluster, &address, "");
    let ping = cluster.report(0, &["hosts", "ping"]);
    let rungs: Vec<&str> =
        ping["hosts"][0]["rungs"].as_array().unwrap().iter().map(|rung| rung["rung"].as_str().unwrap()).collect();
    assert_eq!(rungs.first(), Some(&"tcp"), "an address is not looked up: {rungs:?}");
    assert!(server.log().contains("Connection from fe80::77:1"), "{}", server.log());
    cluster.expect(0, &["apply"]);
    assert!(cluster.expect(0, &["apply"]).stdout.contains("nothing to do"));
    // Its key is recorded under the same name.
    fs::write(server.known_hosts(), "").unwrap();
    cluster.expect(0, &["hosts", "trust", "--yes"]);
    assert!(fs::read_to_string(server.known_hosts()).unwrap().starts_with(&format!("[{address}]:{} ", server.port())));
    // Without the zone nobody knows which wire is meant.
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    fs::write(cluster.inventory(), text.replace(&address, "fe80::77:2")).unwrap();
    let done = cluster.hactl(&["plan"]);
    assert!([3, 65].contains(&done.exit), "{done:?}");
}
