//! `transport: openssh`: what only the user's own `ssh` can do, what of the user's configuration holds, and that nothing of
//! it is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::interrupted::{eventually, is_running, long_command};
use super::{Cluster, Done, files_below};
use crate::sshd::{Sshd, find, me, skip};

/// A cluster whose hosts are reached by the user's own `ssh`; `None` when there is none.
fn start() -> Option<Cluster> {
    if find("ssh").is_none() {
        skip("there is no ssh");
        return None;
    }
    let cluster = Cluster::start(&[])?;
    change(&cluster, |text| text.replace("transport: ssh", "transport: openssh"));
    Some(cluster)
}

fn change(cluster: &Cluster, how: impl Fn(String) -> String) {
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    fs::write(cluster.inventory(), how(text)).unwrap();
}

/// A configuration that is read instead of the user's.
fn ssh_config(cluster: &Cluster, config: &str) -> PathBuf {
    let file = cluster.folder.path().join("ssh_config");
    fs::write(&file, config).unwrap();
    file
}

fn done(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    Done {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What the inventory says of a host's way, but where its state is kept.
fn without_ways(cluster: &Cluster, mut text: String) -> String {
    for (index, server) in cluster.servers.iter().enumerate() {
        let folder = server.folder().display();
        let said =
            format!("port: {}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts, ", server.port());
        let named = format!("  is-{}:\n    address: 127.0.0.1\n", index + 1);
        assert!(text.contains(&said) && text.contains(&named), "{text}");
        text = text.replace(&said, "").replace(&named, &format!("  is-{0}:\n    address: is-{0}.test\n", index + 1));
    }
    text
}

#[test]
fn the_users_configuration_says_what_the_inventory_does_not_and_nothing_else_of_it_happens() {
    let Some(cluster) = start() else { return };
    if find("busybox").is_none() {
        return skip("there is no busybox, whose nc is the proxy command");
    }
    change(&cluster, |text| without_ways(&cluster, text).replace(&format!("user: {}, ", me()), ""));
    let here = cluster.folder.path().display().to_string();
    let mut config = String::new();
    for (index, server) in cluster.servers.iter().enumerate() {
        let folder = server.folder().display();
        config.push_str(&format!(
            "Match originalhost is-{}.test exec true\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {folder}/id_ed25519\n  \
             UserKnownHostsFile {folder}/known_hosts\n  ProxyCommand busybox nc %h %p\n",
            index + 1,
            server.port(),
            me()
        ));
    }
    // What a configuration that grew for years may hold, and what must not come of it.
    config.push_str(&format!(
        "Host *\n  ForwardAgent yes\n  StrictHostKeyChecking no\n  PermitLocalCommand yes\n  LocalCommand touch {here}/local\n  \
         RemoteCommand touch {here}/remote\n  RequestTTY force\n  ControlMaster auto\n  ControlPath {here}/own\n  ControlPersist 600\n  \
         LocalForward {here}/forward 127.0.0.1:1\n  LogLevel QUIET\n  ForwardX11 yes\n  EscapeChar x\n"
    ));
    let file = ssh_config(&cluster, &config);
    let run = |words: &[&str]| done(cluster.command(words).env("HACTL_SSH_CONFIG", &file));
    let applied = run(&["apply"]);
    assert_eq!(applied.exit, 0, "{}{}", applied.stdout, applied.stderr);
    let again = run(&["apply"]);
    assert!(again.stdout.contains("2 hosts in place"), "{}{}", again.stdout, again.stderr);
    for unwanted in ["local", "remote", "own", "forward"] {
        assert!(!cluster.folder.path().join(unwanted).exists(), "{unwanted} is there");
    }
    // Whatever the configuration says, a key that is not recorded is not trusted.
    fs::write(cluster.servers[0].known_hosts(), "").unwrap();
    let strange = run(&["plan"]);
    assert_eq!(strange.exit, 3, "{}", strange.stdout);
    assert!(strange.stdout.contains("error: is-1: host key:"), "{}", strange.stdout);
    assert_eq!(fs::read_to_string(cluster.servers[0].known_hosts()).unwrap(), "", "nothing is written there");
    // And one that can't be read is said to be that.
    fs::write(cluster.folder.path().join("ssh_config"), "NoSuchKeyword yes\n").unwrap();
    let broken = run(&["plan"]);
    assert!(broken.stdout.contains("[openssh-configuration]"), "{}", broken.stdout);
    assert!(broken.stdout.to_lowercase().contains("nosuchkeyword"), "{}", broken.stdout);
}

#[test]
fn a_machine_without_ssh_says_so() {
    let Some(cluster) = start() else { return };
    let empty = cluster.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(cluster.expect(0, &["validate"]).exit, 0, "that is no mistake in the inventory");
    let done = done(cluster.command(&["plan"]).env("PATH", empty));
    assert_eq!(done.exit, 3, "{}", done.stdout);
    assert!(done.stdout.contains("[openssh-missing]") && done.stdout.contains("transport: ssh"), "{}", done.stdout);
}

/// The processes whose command lines name this.
fn processes(word: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    let lines =
        all.filter_map(|file| fs::read(file).ok()).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(word)).collect()
}

#[test]
fn whatever_ends_hactl_no_ssh_no_socket_and_nothing_on_the_hosts_is_left() {
    let Some(cluster) = start() else { return };
    let Some(hop) = Sshd::start(&[]) else { return };
    let folder = hop.folder().display();
    change(&cluster, |text| {
        text.replace("agent: false }", "agent: false, jump: [hop] }")
            + &format!(
                "jump_hosts:\n  hop: {{ address: 127.0.0.1, port: {}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts }}\n",
                hop.port()
            )
    });
    let playbook = long_command(&cluster);
    let reached = cluster.servers[0].file("reached");
    let runtime = tempfile::Builder::new().prefix("hactl-run").tempdir().unwrap();
    let rooms = runtime.path().join("hactl-").display().to_string();
    for (signal, times) in [("-KILL", 1), ("-INT", 2), ("-HUP", 1)] {
        drop(fs::remove_file(&reached));
        let mut child = cluster
            .command(&["apply", "--playbook", playbook.to_str().unwrap(), "--limit", "is-1"])
            .env("XDG_RUNTIME_DIR", runtime.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the command", || reached.exists());
        let there = processes(&rooms);
        // One for the jump host, one for the host and one between them, and who ends them.
        assert!(there.len() >= 4, "{there:#?}");
        assert!(!files_below(runtime.path()).is_empty() && is_running(&cluster), "the test looks in the right places");
        for _ in 0..times {
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        child.wait().unwrap();
        eventually("the end of every ssh", || processes(&rooms).is_empty());
        eventually("the end of the folder", || fs::read_dir(runtime.path()).unwrap().next().is_none());
        eventually("the end of what the run had started", || !is_running(&cluster));
    }
    let done = done(cluster.command(&["plan"]).env("XDG_RUNTIME_DIR", runtime.path()));
    assert_eq!(done.exit, 2, "{}", done.stdout);
    eventually("the end of a run in order", || {
        processes(&rooms).is_empty() && fs::read_dir(runtime.path()).unwrap().next().is_none()
    });
}

/// A Kerberos realm of one user and one host.
struct Realm {
    folder: TempDir,
    server: Child,
}

const REALM: &str = "HACTL.TEST";

impl Realm {
    fn start() -> Option<Self> {
        let programs = ["krb5kdc", "kdb5_util", "kadmin.local", "kinit"];
        if let Some(missing) = programs.iter().find(|program| find(program).is_none()) {
            skip(&format!("there is no {missing}"));
            return None;
        }
        let folder = tempfile::Builder::new().prefix("hactl-realm").tempdir().unwrap();
        let here = folder.path().display();
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let client = format!(
                "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
                 dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n[realms]\n {REALM} = {{\n  \
                 kdc = 127.0.0.1:{port}\n }}\n"
            );
            let server = format!(
                "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n {REALM} = {{\n  \
                 database_name = {here}/principal\n  key_stash_file = {here}/stash\n  acl_file = {here}/acl\n }}\n"
            );
            fs::write(folder.path().join("krb5.conf"), client).unwrap();
            fs::write(folder.path().join("kdc.conf"), server).unwrap();
            if !folder.path().join("stash").exists() {
                run(folder.path(), "kdb5_util", &["create", "-s", "-r", REALM, "-P", "a-test-of-hactl"]);
                for (principal, keytab) in [("host/localhost", "host.keytab"), (me().as_str(), "user.keytab")] {
                    let keytab = folder.path().join(keytab);
                    run(folder.path(), "kadmin.local", &["-r", REALM, "-q", &format!("addprinc -randkey {principal}")]);
                    let query = format!("ktadd -k {} {principal}", keytab.display());
                    run(folder.path(), "kadmin.local", &["-r", REALM, "-q", &query]);
                }
            }
            let mut server = tool(folder.path(), "krb5kdc").args(["-n", "-r", REALM]).spawn().unwrap();
            let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while std::time::Instant::now() < end && server.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { folder, server });
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            drop(server.kill());
            drop(server.wait());
        }
        panic!("krb5kdc does not start");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn tool(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(find(name).unwrap());
    command
        .env("KRB5_CONFIG", folder.join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", folder.join("kdc.conf"))
        .env("KRB5CCNAME", folder.join("tickets"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn run(folder: &Path, name: &str, words: &[&str]) {
    let output = tool(folder, name).args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {words:?}: {said}");
}

#[test]
fn a_kerberos_ticket_lets_us_in() {
    let Some(mut cluster) = start() else { return };
    let Some(realm) = Realm::start() else { return };
    let environment = [("KRB5_KTNAME", realm.file("host.keytab")), ("KRB5_CONFIG", realm.file("krb5.conf"))];
    let environment: Vec<(&str, &Path)> = environment.iter().map(|(name, path)| (*name, path.as_path())).collect();
    let config = ["GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no", "PubkeyAuthentication no"];
    let folder = Sshd::folder_with_keys();
    fs::create_dir_all(folder.path().join("home/repository/conf")).unwrap();
    fs::write(folder.path().join("home/repository/conf/deployment.toml"), super::SHIPPED).unwrap();
    let Some(server) = Sshd::start_with(folder, &config, &environment) else { return };
    if server.log().contains("Unsupported option GSSAPIAuthentication") {
        return skip("this sshd knows no Kerberos");
    }
    let key = fs::read_to_string(server.file("host_ed25519.pub")).unwrap();
    fs::write(server.known_hosts(), format!("[localhost]:{} {key}", server.port())).unwrap();
    let (port, folder) = (server.port(), server.folder().display().to_string());
    let old = cluster.servers[0].folder().display().to_string();
    let old_port = cluster.servers[0].port();
    change(&cluster, |text| {
        text.replace(&old, &folder)
            .replace(&format!("port: {old_port}"), &format!("port: {port}"))
            .replace(&format!("identity: {folder}/id_ed25519, "), "")
            .replacen("address: 127.0.0.1", "address: localhost", 1)
    });
    cluster.servers[0] = server;
    let file = ssh_config(&cluster, "Host *\n  GSSAPIAuthentication yes\n  PubkeyAuthentication no\n");
    let plan = || {
        let mut command = cluster.command(&["plan", "--limit", "is-1"]);
        command.env("HACTL_SSH_CONFIG", &file).env("KRB5_CONFIG", realm.file("krb5.conf"));
        command.env("KRB5CCNAME", realm.file("tickets"));
        done(&mut command)
    };
    let without = plan();
    assert_eq!(without.exit, 3, "{}{}", without.stdout, without.stderr);
    assert!(without.stdout.contains("[authentication-refused]"), "{}", without.stdout);
    run(realm.folder.path(), "kinit", &["-k", "-t", realm.file("user.keytab").to_str().unwrap(), &me()]);
    let with = plan();
    assert_eq!(with.exit, 2, "{}{}", with.stdout, with.stderr);
    assert!(cluster.servers[0].log().contains("Accepted gssapi-with-mic"), "{}", cluster.servers[0].log());
}
