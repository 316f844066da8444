//! The probes of a preflight, in every shell, on real processes, sockets and files.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hactl::model::Script;
use hactl::model::inventory::{Place, read};
use hactl::model::profile::Profile;
use hactl::steps::Allow;
use hactl::steps::preflight::{Clock, Subject, rules};

use crate::host::{Host, on_every_shell, start};

/// A node whose product is at `is home`, with a database on this port.
fn subject(host: &Host, database: u16) -> Subject {
    let home = serde_json::to_string(host.path("is home").as_str()).unwrap();
    let text = format!(
        "version: 1\ncluster: iam\nproduct: {{ name: wso2is, version: 7.1.0, home: {home} }}\n\
         hosts: {{ is-1: {{ address: 127.0.0.1 }} }}\ndatabases:\n  \
         shared_db: {{ type: mysql, host: 127.0.0.1, port: {database}, name: X, username: u, password: {{ env: P }} }}\n\
         clustering: {{ scheme: multicast }}\n"
    );
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let cluster = Arc::new(read(&text, &place).unwrap().clusters[0].clone());
    let profile = Arc::new(Profile::find("wso2is", "7.1.0").unwrap());
    Subject::new(&cluster, &cluster.hosts[0], Some(&profile), Allow::default()).unwrap()
}

/// What the probe of a rule printed.
#[track_caller]
fn said(host: &Host, subject: &Subject, rule: &str) -> String {
    let (mut prelude, mut script) = (Script::new(), Script::new());
    subject.prelude(&mut prelude);
    rules().find(|known| known.id == rule).unwrap().probe(subject, &mut script);
    let output = host.execute(prelude.text(), &script, "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{rule}: {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn number(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("no {key} in\n{text}"));
    // Behind the number of a disk stands more of it.
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_empty_host_has_nothing_to_say_of_a_product() {
    on_every_shell(|host| {
        let subject = subject(host, 1);
        for rule in ["O02", "O06", "K02", "T01", "D01", "D02"] {
            assert_eq!(said(host, &subject, rule), "", "{rule}");
        }
        // Only who we are there.
        let said = said(host, &subject, "O07");
        assert!(said.starts_with("me ") && said.lines().count() == 1, "{said}");
    });
}

#[test]
fn a_pid_file_is_read_past_its_nuls_and_a_zombie_is_seen() {
    on_every_shell(|host| {
        let subject = subject(host, 1);
        let mut child = start("true", &[]).spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        let end = Instant::now() + Duration::from_secs(20);
        while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut content = format!("{}\n", child.id()).into_bytes();
        content.resize(100, 0);
        host.write("is home/wso2carbon.pid", content);
        let zombie = said(host, &subject, "O02");
        child.wait().unwrap();
        assert!(
            zombie.starts_with(&format!("pid foreign {} Z ", child.id())) && zombie.ends_with(" true\n"),
            "{zombie}"
        );
        assert_eq!(said(host, &subject, "O02"), "", "nobody has the number any more");
        host.write("is home/wso2carbon.pid", "");
        assert_eq!(said(host, &subject, "O02"), "");
    });
}

#[test]
fn the_product_s_own_process_is_known_by_its_home_even_through_a_link() {
    on_every_shell(|host| {
        let subject = subject(host, 1);
        host.write("real home/x", "");
        std::os::unix::fs::symlink(host.at("real home"), host.at("is home")).unwrap();
        let home = format!("-Dcarbon.home={}", host.at("real home").display());
        let mut product = start("sh", &["-c", "echo up; read x", "java", &home])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(product.stdout.as_mut().unwrap(), &mut [0; 2]).unwrap();
        host.write("real home/wso2carbon.pid", format!("{}\n", product.id()));
        let own = said(host, &subject, "O02");
        let owner = said(host, &subject, "O07");
        let files = said(host, &subject, "O05");
        product.kill().unwrap();
        product.wait().unwrap();
        assert!(own.starts_with(&format!("pid own {} ", product.id())), "{own}");
        assert!(owner.contains("\nuser ") && owner.starts_with("me "), "{owner}");
        assert!(number(&files, "files") > 0, "{files}");
    });
}

#[test]
fn ports_are_shifted_by_the_server_s_own_offset_and_their_holder_is_named() {
    on_every_shell(|host| {
        let subject = subject(host, 1);
        let listener = loop {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            if listener.local_addr().unwrap().port() > 9763 {
                break listener;
            }
        };
        let port = listener.local_addr().unwrap().port();
        let toml = format!(
            "[other]\noffset = 7\n[server]\nhostname = \"x\"\noffset = \"{}\" # ours\n[more]\noffset = 9\n",
            port - 9443
        );
        host.write("is home/repository/conf/deployment.toml", toml);
        let held = said(host, &subject, "O03");
        let holder = format!("port {port} held {} {} ", me(), std::process::id());
        assert!(held.starts_with(&holder), "{holder} is not in\n{held}");
        drop(listener);
        assert!(said(host, &subject, "O03").starts_with(&format!("port {port} free\n")));
        host.write("is home/repository/conf/deployment.toml", "[server]\n");
        assert!(said(host, &subject, "O03").contains("port 9763 "), "without an offset the usual ports are looked at");
    });
}

fn me() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap())
}

#[test]
fn a_server_that_takes_connections_and_one_that_does_not_are_told_apart() {
    on_every_shell(|host| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = said(host, &subject(host, port), "D08");
        assert!(open.starts_with(&format!("server 127.0.0.1 {port} open")), "{open}");
        drop(listener);
        let closed = said(host, &subject(host, port), "D08");
        assert!(closed.starts_with(&format!("server 127.0.0.1 {port} closed ")), "{closed}");
        assert!(closed.contains("refused"), "{closed}");
    });
}

#[test]
fn files_are_named_with_their_digests() {
    on_every_shell(|host| {
        let subject = subject(host, 1);
        let store = host.write("is home/repository/resources/security/wso2carbon.p12", "abc");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(said(host, &subject, "K02"), format!("keystore {abc} {}\n", store.display()));
        let jar = host.write("is home/repository/components/lib/mysql-connector-j-8.4.0.jar", "abc");
        host.write("is home/repository/components/lib/other.jar", "abc");
        assert_eq!(said(host, &subject, "D01"), format!("jar {abc} {}\n", jar.display()));
        host.write("is home/repository/conf/carbon.xml", "abc");
        host.write("is home/repository/conf/user-mgt.xml", "abd");
        let noted = "900150983cd24fb0d6963f7d28e17f72";
        host.write(
            "is home/repository/resources/conf/.metadata/metadata_config.properties",
            format!("#Sat Nov 21\nrepository/conf/carbon.xml={noted}\nrepository/conf/user-mgt.xml={noted}\n"),
        );
        assert_eq!(said(host, &subject, "T01"), "edited repository/conf/user-mgt.xml\n");
        host.write("is home/bin/version.txt", "The product v7.1.0");
        assert_eq!(said(host, &subject, "O06").trim_end(), "version The product v7.1.0");
    });
}

#[test]
fn a_host_tells_its_size_its_clock_and_its_addresses() {
    on_every_shell(|host| {
        let subject = subject(host, 1);
        let limits = said(host, &subject, "O05");
        assert!(number(&limits, "processors") >= 1, "{limits}");
        assert!(number(&limits, "memory") > 100_000, "{limits}");
        // The share in percent stands beside it in the same line.
        assert!(number(&limits, "disk") > 1000, "{limits}");
        assert!(said(host, &subject, "M02").lines().any(|line| line == "address 127.0.0.1"));
        let mut script = Script::new();
        script.line(Clock::ASK);
        let output = host.execute("", &script, "");
        let clock = String::from_utf8(output.stdout).unwrap();
        assert!(Clock::between(&clock, &clock, 0.0, 1.0).is_some(), "{clock}");
    });
}
