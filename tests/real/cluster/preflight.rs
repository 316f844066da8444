//! The rules about hosts: what would make a run fail, or leave nodes that only look well, stops it before any change.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use super::{Cluster, Done, SHIPPED};
use crate::sshd::{find, skip};

/// Two hosts that no rule has anything against but their size, and a server that takes the place of the database.
struct Sound {
    cluster: Cluster,
    /// The HTTPS port of each host, shifted so that tests can run at once and beside a real product.
    ports: Vec<u16>,
    member_ports: Vec<u16>,
    database: Option<TcpListener>,
}

/// An address of this machine that is not the loopback. Nothing is sent.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("203.0.113.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

/// A port that nobody listens on, nor on the one 320 below it. Not from the range that the system gives to clients and to
/// the servers of other tests, which would take it before it is looked at.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 16_000) as u16;
    let is_free = |port: u16| TcpListener::bind(("0.0.0.0", port)).is_ok();
    loop {
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if is_free(port) && is_free(port - 320) {
            return port;
        }
    }
}

fn jdk(folder: &Path, version: &str) {
    fs::create_dir_all(folder.join("jdk/bin")).unwrap();
    let java = folder.join("jdk/bin/java");
    fs::write(&java, format!("#!/bin/sh\necho 'openjdk version \"{version}\" 2023-10-17' >&2\n")).unwrap();
    fs::set_permissions(&java, fs::Permissions::from_mode(0o755)).unwrap();
}

fn start() -> Option<Sound> {
    let Some(address) = own_address() else {
        skip("this machine has no address but the loopback");
        return None;
    };
    let mut cluster = Cluster::start(&["ForceCommand FOLDER/wrap"])?;
    cluster.preflight = true;
    let database = TcpListener::bind("0.0.0.0:0").unwrap();
    let place = format!("host: {address}, port: {}", database.local_addr().unwrap().port());
    let mut text = fs::read_to_string(cluster.inventory()).unwrap().replace("host: db.example.com", &place);
    let (mut ports, mut member_ports) = (Vec::new(), Vec::new());
    for (index, server) in cluster.servers.iter().enumerate() {
        jdk(server.folder(), "17.0.9");
        let offset = free_port() - 9763;
        ports.push(9443 + offset);
        member_ports.push(free_port());
        let toml = SHIPPED.replace("[server]\n", &format!("[server]\noffset = \"{offset}\" # beside others\n"));
        fs::write(cluster.toml_file(index), toml).unwrap();
        let home = format!("home: {}", cluster.home(index).display());
        text = text.replace(&home, &format!("{home}, java_home: {}", server.file("jdk").display()));
        let member = format!("member_address: 10.0.0.{}", index + 1);
        text = text.replace(&member, &format!("member_address: {address}\n    member_port: {}", member_ports[index]));
    }
    fs::write(cluster.inventory(), text).unwrap();
    Some(Sound { cluster, ports, member_ports, database: Some(database) })
}

impl Sound {
    /// Preflight and apply stop with this rule on is-1, and nothing was changed; returns what preflight said.
    #[track_caller]
    fn is_refused(&self, rule: &str) -> Done {
        let before = [self.cluster.toml(0), self.cluster.toml(1)];
        let done = self.cluster.expect(5, &["preflight"]);
        assert!(done.stdout.contains(&format!("error {rule}:")), "{rule} is missing in\n{}", done.stdout);
        assert!(done.stdout.contains("is-2  passed"), "{}", done.stdout);
        let apply = self.cluster.expect(5, &["apply", "--max-failures", "5"]);
        assert!(apply.stdout.contains("error: is-1: preflight:"), "{}", apply.stdout);
        assert!(apply.stdout.contains(&format!("[{rule}]")) && apply.stdout.contains("hint:"), "{}", apply.stdout);
        assert!(apply.stdout.contains("is-2  not reached: preflight found errors on is-1"), "{}", apply.stdout);
        assert_eq!(before, [self.cluster.toml(0), self.cluster.toml(1)], "nothing was changed");
        assert!(!self.cluster.servers[0].file("state/lock").exists(), "no lock was taken");
        let alone = self.cluster.expect(5, &["preflight", "--rule", &rule.to_lowercase()]);
        assert!(alone.stdout.contains(&format!("error {rule}:")), "{}", alone.stdout);
        done
    }

    #[track_caller]
    fn passes(&self) {
        self.cluster.expect(0, &["preflight"]);
    }

    fn inventory(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.cluster.inventory()).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        fs::write(self.cluster.inventory(), text.replacen(from, to, 1)).unwrap();
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The file that the JVM writes: digits, a newline, and NULs up to 100 bytes.
fn write_pid(cluster: &Cluster, pid: u32) {
    let mut text = format!("{pid}\n").into_bytes();
    text.resize(100, 0);
    fs::write(cluster.home(0).join("wso2carbon.pid"), text).unwrap();
}

#[test]
fn sound_hosts_pass_and_a_run_costs_one_exec_more_only_when_there_is_something_to_do() {
    let Some(sound) = start() else { return };
    let report = sound.cluster.report(0, &["preflight"]);
    assert_eq!(report["hosts"][0]["outcome"], "passed", "{report:#}");
    assert_eq!(report["hosts"][0]["execs"], 1, "{report:#}");
    let before = sound.cluster.servers[0].execs();
    sound.cluster.expect(0, &["apply"]);
    let with = sound.cluster.servers[0].execs() - before;
    sound.cluster.is_converged();
    fs::write(sound.cluster.toml_file(0), SHIPPED).unwrap();
    fs::remove_file(sound.cluster.home(0).join("repository/components/lib/mysql-connector-j-8.4.0.jar")).unwrap();
    let before = sound.cluster.servers[0].execs();
    sound.cluster.expect(0, &["apply", "--skip-step", "preflight"]);
    assert_eq!(with, sound.cluster.servers[0].execs() - before + 1);
}

#[test]
fn a_jdk_that_the_version_is_not_made_for_or_that_is_missing_stops_a_run() {
    let Some(sound) = start() else { return };
    jdk(sound.cluster.servers[0].folder(), "1.8.0_402");
    let done = sound.is_refused("O01");
    assert!(done.stdout.contains("is JDK 8; wso2is 7.1.0 is made for 11 to 21"), "{}", done.stdout);
    fs::remove_file(sound.cluster.servers[0].file("jdk/bin/java")).unwrap();
    sound.is_refused("O01");
    sound.cluster.expect(0, &["apply", "--skip-step", "preflight"]);
    jdk(sound.cluster.servers[0].folder(), "21");
    sound.passes();
    sound.cluster.expect(0, &["apply"]);
}

#[test]
fn a_pid_file_that_names_another_program_is_told_and_stops_nothing() {
    let Some(sound) = start() else { return };
    let other = Killed(Command::new("sleep").arg("600").spawn().unwrap());
    write_pid(&sound.cluster, other.0.id());
    let done = sound.cluster.expect(0, &["preflight"]);
    assert!(done.stdout.contains(&format!("process {}, which is sleep", other.0.id())), "{}", done.stdout);
    assert!(done.stdout.contains("moves it aside"), "{}", done.stdout);
    drop(other);
    // Nobody has the number any more: the start script does not mind.
    sound.passes();
    sound.cluster.expect(0, &["apply"]);
    sound.cluster.is_converged();
}

#[test]
fn a_port_that_another_program_holds_stops_a_run_and_the_product_s_own_does_not() {
    let Some(sound) = start() else { return };
    let taken = TcpListener::bind(("0.0.0.0", sound.ports[0])).unwrap();
    let done = sound.is_refused("O03");
    let holder = format!("port {} is held by process {} (", sound.ports[0], std::process::id());
    assert!(done.stdout.contains(&holder), "{}", done.stdout);
    drop(taken);
    let taken = TcpListener::bind(("0.0.0.0", sound.member_ports[0])).unwrap();
    sound.is_refused("M07");
    drop(taken);
    if let Some(python) = find("python3") {
        let listen = "import socket, sys, time
for port in sys.argv[1:3]:
    listener = socket.create_server(('', int(port)))
    globals()['keep' + port] = listener
print('up', flush=True)
time.sleep(600)";
        let mut product = Command::new(python)
            .args(["-c", listen, &sound.ports[0].to_string(), &sound.member_ports[0].to_string()])
            .arg(format!("-Dcarbon.home={}", sound.cluster.home(0).display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0; 2];
        std::io::Read::read_exact(product.stdout.as_mut().unwrap(), &mut up).unwrap();
        let _product = Killed(product);
        sound.passes();
    }
    sound.cluster.expect(0, &["apply"]);
}

#[test]
fn a_member_address_that_the_host_does_not_have_stops_a_run() {
    let Some(sound) = start() else { return };
    let address = own_address().unwrap();
    sound.inventory(&format!("member_address: {address}"), "member_address: 10.254.253.252");
    let done = sound.is_refused("M02");
    assert!(done.stdout.contains("10.254.253.252 is not an address of this host"), "{}", done.stdout);
    assert!(done.stdout.contains(&address), "it says which addresses there are: {}", done.stdout);
    sound.inventory("member_address: 10.254.253.252", &format!("member_address: {address}"));
    sound.passes();
    sound.cluster.expect(0, &["apply"]);
}

#[test]
fn a_database_that_does_not_listen_stops_a_run_and_each_node_says_so() {
    let Some(mut sound) = start() else { return };
    drop(sound.database.take());
    let done = sound.cluster.expect(5, &["preflight"]);
    for host in ["is-1", "is-2"] {
        assert!(done.stdout.contains(&format!("takes no connection from {host}")), "{}", done.stdout);
    }
    let apply = sound.cluster.expect(5, &["apply"]);
    assert!(apply.stdout.contains("[D08]"), "{}", apply.stdout);
}

#[test]
fn clocks_keystores_and_versions_are_compared_between_the_hosts() {
    let Some(sound) = start() else { return };
    let bin = sound.cluster.servers[0].file("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("date"), "#!/bin/sh\nexec /bin/date -d '-47 seconds' \"$@\"\n").unwrap();
    fs::set_permissions(bin.join("date"), fs::Permissions::from_mode(0o755)).unwrap();
    // Preflight, the look and the preflight of apply, and one rule alone.
    for count in 1..=4 {
        sound.cluster.hook(0, count, "PATH=$PWD/bin:$PATH; export PATH");
    }
    let done = sound.is_refused("O04");
    assert!(done.stdout.contains("s behind that of is-2"), "{}", done.stdout);
    sound.passes();
    for (index, text) in ["one", "another"].iter().enumerate() {
        let home = sound.cluster.home(index);
        fs::create_dir_all(home.join("repository/resources/security")).unwrap();
        fs::create_dir_all(home.join("bin")).unwrap();
        fs::write(home.join("repository/resources/security/wso2carbon.p12"), text).unwrap();
        fs::write(home.join("bin/version.txt"), format!("The product {text}")).unwrap();
    }
    let done = sound.cluster.expect(5, &["preflight"]);
    for words in ["error K02:", "error O06:", "is not the one of is-1", "`The product another` here"] {
        assert!(done.stdout.contains(words), "{words} is missing in\n{}", done.stdout);
    }
}

#[test]
fn mistakes_of_the_inventory_and_unknown_hosts_and_rules_are_told() {
    let Some(sound) = start() else { return };
    sound.inventory("scheme: wka", "scheme: wka, hazelcast: { max_no_heartbeat_seconds: 3 }");
    let done = sound.cluster.expect(5, &["preflight"]);
    assert!(done.stdout.contains("error M11:"), "the same rules as in `hactl validate`: {}", done.stdout);
    sound.inventory(", hazelcast: { max_no_heartbeat_seconds: 3 }", "");
    let wrong = sound.cluster.expect(64, &["preflight", "--rule", "X99"]);
    assert!(wrong.stderr.contains("--rule X99: there is no such rule"), "{}", wrong.stderr);
    sound.cluster.servers[1].signal("KILL");
    let done = sound.cluster.expect(3, &["preflight"]);
    assert!(done.stdout.contains("is-2  unknown") && done.stdout.contains("1 host unknown"), "{}", done.stdout);
    let line = sound.cluster.expect(3, &["preflight", "--output", "jsonl"]).stdout;
    assert!(line.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{line}");
}
