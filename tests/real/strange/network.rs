//! Packets that are dropped, and connections that this machine has no room for.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::cases::Expected::{self, Looked, Unknown};
use super::{Host, beside, look_at};
use crate::cluster::Cluster;
use crate::sshd::{Sshd, skip};

/// A port that drops what comes, as a firewall does: its queue is full.
struct Dropping {
    port: u16,
    _kept: (Socket, Vec<TcpStream>),
}

impl Dropping {
    fn new() -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(stream);
            if waiting.len() > 64 {
                skip("a listener's queue does not fill here");
                return None;
            }
        }
        Some(Self { port: address.port(), _kept: (socket, waiting) })
    }
}

/// A host at each of these ports.
fn hosts(server: &Sshd, ports: impl Iterator<Item = u16>) -> Vec<Host> {
    let host = |(index, port)| Host {
        name: format!("dead-{index}").leak(),
        port,
        user: None,
        identity: server.identity(),
        known_hosts: server.known_hosts(),
        patience: 10,
        home: server.file("home"),
        expected: Unknown("tcp", "connect-timeout", "does not answer within"),
        openssh: None,
    };
    ports.enumerate().map(host).collect()
}

#[test]
fn dropped_packets_cost_one_time_out_for_all_hosts_together() {
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(dropping) = (0..8).map(|_| Dropping::new()).collect::<Option<Vec<_>>>() else { return };
    let begun = Instant::now();
    look_at(&hosts(&server, dropping.iter().map(|one| one.port)), "plan");
    // One after another they would need 80 s.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_greeting_of_a_whole_megabyte_costs_nobody_else_anything() {
    // sshd itself breaks off over more than 256 KiB: its two halves send each other no more at once.
    let broken = Unknown("authentication", "authentication-dropped", "the server hung up");
    let cases = [("long", 250_000, Looked), ("too-long", 1 << 20, broken)];
    let greeting = |length: usize| {
        let folder = Sshd::folder_with_keys();
        std::fs::write(folder.path().join("banner"), "no trespassing\n".repeat(length / 15)).unwrap();
        Sshd::start_in(folder, &["Banner FOLDER/banner"])
    };
    let Some(servers) = cases.iter().map(|(_, length, _)| greeting(*length)).collect::<Option<Vec<_>>>() else {
        return;
    };
    let host = |((name, _, expected), server): (&(&'static str, usize, Expected), &Sshd)| {
        Cluster::lay_down(&server.file("home"));
        Host {
            name,
            port: server.port(),
            user: None,
            identity: server.identity(),
            known_hosts: server.known_hosts(),
            patience: 20,
            home: server.file("home"),
            expected: *expected,
        }
    };
    look_at(&cases.iter().zip(&servers).map(host).collect::<Vec<_>>(), "plan");
}

#[test]
fn the_limit_of_open_files_is_raised_or_named() {
    let Some(server) = Sshd::start(&[]) else { return };
    // Nobody takes the connections out of the queues, so they stay open.
    let silent: Vec<TcpListener> = (0..80).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let all = hosts(&server, silent.iter().map(|listener| listener.local_addr().unwrap().port()));
    let Some(cluster) = beside(&all) else { return };
    for (limit, raised) in [("ulimit -S", true), ("ulimit", false)] {
        let hactl = cluster.command(&["plan", "-c", "200"]);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("{limit} -n 64; exec \"$@\""), "sh"]);
        limited.arg(hactl.get_program()).args(hactl.get_args());
        limited.current_dir(hactl.get_current_dir().unwrap());
        limited.envs(hactl.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let done = limited.output().unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        assert_eq!(done.status.code(), Some(3), "{text}");
        assert_eq!(text.contains("too-many-open-files"), !raised, "{text}");
        assert_eq!(text.contains("raise the limit (`ulimit -n"), !raised, "{text}");
        assert!(text.contains("exchanges no keys within 10 s"), "{text}");
    }
}
