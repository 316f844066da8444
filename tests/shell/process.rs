//! The product's process, played by a shell that has a product's command line: found, told, stopped and started.

use std::net::TcpListener;
use std::time::Duration;

use hactl::model::Script;
use hactl::model::profile::{Profile, READY};
use hactl::resources::process::{Life, NodeState, Places, Process, Unit};
use hactl::resources::{AssessError, Resource, WholeFile};

use crate::host::{Host, is_root, on_every_plain_host, on_every_shell, skipped, start};

/// Stands for the start script: it behaves as the product's, and like that one it says 0 whatever happens.
const SCRIPT: &str = r#"
cd "$(dirname "$0")/.."
case $1 in
start)
    if [ -e nothing ]; then exit 0; fi
    if [ -z "$JAVA_HOME" ]; then echo 'Error: JAVA_HOME is not defined correctly.'; exit 1; fi
    if [ -e wso2carbon.pid ]; then echo 'Process is already running'; exit 0; fi
    sh bin/wso2server.sh > /dev/null 2>&1 &
    ;;
stop) kill -TERM "$(tr -dc 0-9 < wso2carbon.pid)" ;;
*)
    sh -c 'if [ -e stubborn ]; then trap "" TERM; else trap "exit 0" TERM; fi
        echo $$ > wso2carbon.pid
        while [ -d repository ]; do sleep 0.1; done' sh "-Dcarbon.home=$(pwd)" org.wso2.carbon.bootstrap.Bootstrap
    ;;
esac
"#;

fn process(host: &Host) -> Process {
    let profile = Profile::find("wso2carbon", "4.9.1").unwrap();
    let home = host.path("home");
    let places = Places {
        home: home.clone(),
        start_script: "bin/wso2server.sh".to_owned(),
        pid_file: home.join("wso2carbon.pid").unwrap(),
        configuration: home.join("repository/conf/deployment.toml").unwrap(),
    };
    // Ports that nobody has.
    let mut ports = profile.ports;
    (ports.https, ports.http) = (1, 2);
    let jdk = host.path("jdk");
    let ready = profile.probes[READY].clone();
    Process::new(places, profile.process, ready, ports).java_home(Some(jdk)).timeouts(60, 2)
}

fn home(host: &Host) {
    host.write("home/bin/wso2server.sh", SCRIPT);
    host.write("home/repository/conf/deployment.toml", "[server]\noffset = \"3\"\n");
    host.write("home/repository/components/lib/a driver.jar", "jar");
    host.write("jdk/release", "17");
}

fn look(host: &Host, process: &Process) -> (NodeState, Vec<String>) {
    let assessment = host.assess(process).unwrap();
    let changes: Vec<String> = assessment.changes.iter().map(|change| change.what.clone()).collect();
    assert_eq!(changes.is_empty(), assessment.mend.is_empty());
    (assessment.node.unwrap(), changes)
}

fn apply(host: &Host, process: &Process) -> Result<String, AssessError> {
    let assessment = host.assess(process).unwrap();
    host.mend(&assessment)?;
    host.next_run();
    Ok(assessment.changes.iter().map(|change| change.what.as_str()).collect::<Vec<_>>().join("; "))
}

/// The time of the host's clock some seconds from now, as the log writes it.
fn stamp(seconds: &str) -> String {
    let said = start("date", &["-d", seconds, "+[%Y-%m-%d %H:%M:%S,000]"]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..300 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("still not: {what}");
}

/// Ends what a test has started, also when it fails.
struct End<'h>(&'h Host);

impl Drop for End<'_> {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(self.0.at("home/repository")));
    }
}

#[test]
fn a_process_is_started_told_and_started_again_when_what_it_reads_changes() {
    on_every_shell(|host| {
        home(host);
        let _end = End(host);
        let process = process(host);
        host.write("home/wso2carbon.pid", "1\n\0\0\0");
        // What a process before has said.
        let old = format!("TID: [-1234] [] {} INFO {{x}} - WSO2 Carbon started in 12 sec\n", stamp("-100 seconds"));
        host.write("home/repository/logs/wso2carbon.log", &old);
        let (state, changes) = look(host, &process);
        assert_eq!((state.life, state.pid), (Life::Absent, None));
        assert!(
            changes[0].starts_with("start, with wso2carbon.pid out of the way, which names process 1 ("),
            "{changes:?}"
        );
        apply(host, &process).unwrap();

        let (first, changes) = look(host, &process);
        assert_eq!(changes, Vec::<String>::new());
        assert_eq!((first.started_with.clone(), first.started_with.is_some()), (first.wanted.clone(), true));
        let Life::Starting { waits_for, .. } = &first.life else { panic!("{first:?}") };
        assert!(waits_for.contains("started in"), "{waits_for}");
        // What it says itself, on two days.
        let now = stamp("+1 seconds");
        host.write(
            "home/repository/logs/wso2carbon-11-20-2026.log",
            format!("{old}TID: [] [] {now}  INFO {{x}} - Starting WSO2 Carbon...\nTID: [] [] {now}  INFO {{x}} - Cluster domain: one\nTID: [] [] {now}  INFO {{x}} - Member joined [u-2]: /10.0.0.2:4000\nTID: [] [] {now}  INFO {{x}} - Member joined [u-3]: /10.0.0.3:4000\n"),
        );
        host.write(
            "home/repository/logs/wso2carbon.log",
            format!("TID: [] [] {now}  INFO {{x}} - Member left [u-2]: /10.0.0.2:4000\nTID: [] [] {now}  INFO {{x}} - WSO2 Carbon started in 9 sec\n"),
        );
        let (state, _) = look(host, &process);
        let Life::Starting { waits_for, .. } = &state.life else { panic!("{state:?}") };
        assert_eq!(waits_for, "port 4 to be its own", "the offset is that of the file");
        let members: Vec<&str> = state.members.iter().map(|member| member.address.as_str()).collect();
        assert_eq!((state.clustering, members), (true, vec!["10.0.0.3:4000"]));

        // It is not the time of a file that counts, but what is in it.
        host.write("home/repository/conf/deployment.toml", "[server]\noffset = \"3\"\n");
        assert_eq!(look(host, &process).1, Vec::<String>::new());
        host.write("home/repository/components/lib/another.jar", "jar");
        host.write("home/stubborn", "");
        let said = apply(host, &process).unwrap();
        assert!(said.starts_with("restart: started with ") && said.contains("…, wants "), "{said}");
        let (second, changes) = look(host, &process);
        assert!(second.pid.is_some() && second.pid != first.pid && changes.is_empty(), "{second:?}");
        // It hears no TERM: it is killed when its time is over.
        let salted = self::process(host).salt("2");
        apply(host, &salted).unwrap();
        let (third, _) = look(host, &salted);
        assert!(third.pid.is_some() && third.pid != second.pid, "{third:?}");
    });
}

/// One that fails at once is started again within the second in which it failed.
#[test]
fn the_last_words_of_a_start_that_has_failed_are_not_the_next_ones() {
    on_every_shell(|host| {
        home(host);
        let _end = End(host);
        let process = process(host);
        let now = start("date", &["+[%Y-%m-%d %H:%M:%S,%3N]"]).output().unwrap();
        let now = String::from_utf8(now.stdout).unwrap().trim().to_owned();
        host.write(
            "home/repository/logs/wso2carbon.log",
            format!("TID: {now}  INFO {{x}} - Starting WSO2 Carbon...\nTID: {now} ERROR {{y}} - Cannot start User Manager Core bundle\n"),
        );
        assert!(matches!(look(host, &process).0.life, Life::Failed(_)), "it is what a failure looks like");
        apply(host, &process).unwrap();
        let (state, _) = look(host, &process);
        assert!(matches!(state.life, Life::Starting { .. }), "{state:?}");
    });
}

#[test]
fn what_fails_is_told_by_its_cause_and_by_the_end_of_the_log() {
    on_every_shell(|host| {
        home(host);
        let _end = End(host);
        let process = process(host);
        apply(host, &process).unwrap();
        let now = stamp("+1 seconds");
        // As 4.5.1 says it when two nodes start for the first time at once.
        let lines = format!(
            "TID: [-1234] [] {now} ERROR {{org.wso2.carbon.user.core.internal.Activator}} - Cannot start User Manager Core bundle\n\
             org.wso2.carbon.user.core.UserStoreException: Cannot initialize the realm.\n\tat org.wso2.carbon.X\n\
             Caused by: org.wso2.carbon.user.core.UserStoreException: Error\n\
             Caused by: java.sql.SQLIntegrityConstraintViolationException: Duplicate entry 'urn:scim--1234' for key 'UM_DIALECT_URI'\n"
        );
        host.write("home/repository/logs/wso2carbon.log", &lines);
        let (state, changes) = look(host, &process);
        let Life::Failed(failure) = &state.life else { panic!("{state:?}") };
        assert_eq!(failure.code, "start-failed");
        assert!(failure.cause.contains("Duplicate entry 'urn:scim--1234'"), "{failure:?}");
        assert!(failure.hint.as_ref().unwrap().contains("start this one again"), "{failure:?}");
        assert_eq!(failure.tail.len(), 5, "{failure:?}");
        assert!(failure.error().cause.contains("\n  | Caused by: java.sql"), "{failure:?}");
        assert!(changes[0].starts_with("restart: "), "{changes:?}");
        // A cause that is not known is the innermost of the first failure.
        host.write("home/repository/logs/wso2carbon.log", lines.replace("Duplicate entry", "Odd entry"));
        let Life::Failed(failure) = look(host, &process).0.life else { panic!() };
        assert!(failure.cause.contains("Odd entry"), "{failure:?}");
        // Nothing but the log is left of a start.
        std::fs::rename(host.at("home/repository"), host.at("home/gone")).unwrap();
        eventually("the process has ended", || {
            std::fs::rename(host.at("home/gone"), host.at("home/repository")).ok();
            let ended = look(host, &process).0.pid.is_none();
            if !ended {
                std::fs::rename(host.at("home/repository"), host.at("home/gone")).unwrap();
                std::thread::sleep(Duration::from_millis(300));
            }
            ended
        });
        let begin = format!("TID: [] [] {now}  INFO {{c}} - Starting WSO2 Carbon...\n");
        for (log, failed) in [
            (format!("{begin}{lines}"), true),
            (begin.clone(), true),
            (format!("{begin}{lines}TID: [] [] {now} INFO {{c}} - Shutdown hook triggered....\n"), false),
            (format!("{begin}TID: [] [] {now} INFO {{c}} - WSO2 Carbon started in 9 sec\n"), false),
            (format!("{lines}{begin}TID: [] [] {now} INFO {{c}} - WSO2 Carbon started in 9 sec\n"), false),
        ] {
            host.write("home/repository/logs/wso2carbon.log", &log);
            let (state, changes) = look(host, &process);
            assert_eq!(matches!(state.life, Life::Failed(_)), failed, "{log}{state:?}");
            assert!(changes[0].starts_with("start"), "{changes:?}");
        }
    });
}

#[test]
fn a_start_that_does_nothing_is_told() {
    on_every_shell(|host| {
        home(host);
        let _end = End(host);
        let nowhere = process(host).java_home(None);
        let error = apply(host, &nowhere).unwrap_err();
        assert_eq!(error.code, "java-home-wrong", "{error:?}");
        assert!(error.cause.contains("JAVA_HOME is not defined correctly"), "{error:?}");
        if is_root() {
            let error = apply(host, &process(host).run_as(Some("hactl-nobody".to_owned()))).unwrap_err();
            assert_eq!(error.code, "owner-missing", "{error:?}");
        }
    });
}

#[test]
fn a_process_that_root_may_not_look_into_is_known_by_what_its_owner_sees() {
    if !is_root() {
        skipped("only root can be a root that may not look into the processes of others");
        return;
    }
    on_every_shell(|host| {
        home(host);
        let _end = End(host);
        host.open_to_everybody();
        // The one program beside the shell's own that becomes another user; Debian's busybox comes without it.
        std::fs::create_dir(host.at("su")).unwrap();
        let su = ["/bin/su", "/usr/bin/su"].into_iter().find(|su| std::path::Path::new(su).exists());
        std::os::unix::fs::symlink(su.expect("root has su"), host.at("su/su")).unwrap();
        host.put_first(&host.at("su"));
        for folder in ["home", "home/repository"] {
            std::os::unix::fs::chown(host.at(folder), Some(65534), Some(65534)).unwrap();
        }
        host.contain();
        let process = process(host).run_as(Some("nobody".to_owned()));
        apply(host, &process).unwrap();
        let (state, changes) = look(host, &process);
        assert_eq!((state.started_with.is_some(), changes), (true, Vec::<String>::new()), "{state:?}");
        assert_eq!(state.started_with, state.wanted);
    });
}

#[test]
fn a_script_that_starts_nothing_is_told_after_ten_seconds() {
    let first = std::cell::Cell::new(true);
    on_every_shell(|host| {
        // Once is enough for ten seconds.
        if !first.replace(false) {
            return;
        }
        home(host);
        host.write("home/nothing", "");
        let error = apply(host, &process(host)).unwrap_err();
        assert_eq!(error.code, "start-did-nothing", "{error:?}");
    });
}

/// Knows nothing but what hactl should say, and starts the unit's process itself.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
case "$*" in
daemon-reload | "reset-failed fake.service") ;;
"enable fake.service") : > "$(dirname "$0")/enabled" ;;
"is-enabled fake.service") if [ -e "$(dirname "$0")/enabled" ]; then echo enabled; else echo disabled; exit 1; fi ;;
"start fake.service")
    cd "$(dirname "$0")/../home" || exit 1
    if [ -e nothing ]; then exit 0; fi
    . /run/hactl/fake.service.env
    export HACTL_FINGERPRINT
    setsid sh bin/wso2server.sh > /dev/null 2>&1 < /dev/null &
    ;;
"is-active --quiet fake.service") ! [ -e "$(dirname "$0")/../home/nothing" ] || exit 3 ;;
"show --property=ActiveState,SubState,Result,ExecMainStatus fake.service") printf 'ActiveState=%s\n' failed ;;
*) echo "Unknown command: $*" >&2; exit 1 ;;
esac
"#;

#[test]
fn a_unit_of_systemd_is_enabled_and_started() {
    if !is_root() {
        return skipped("only root writes below /run");
    }
    // Plain, so that the unit's file is prepared ahead, as with the real thing.
    on_every_plain_host(|host| {
        home(host);
        let _end = End(host);
        let program = host.write("bin/systemctl", SYSTEMCTL);
        host.set_mode("bin/systemctl", 0o755);
        let unit = Unit { name: "fake.service".to_owned(), file: host.path("fake.service") };
        let file = WholeFile::new(unit.file.clone(), "[Unit]\n");
        let process = process(host).unit(Some(unit));
        host.put_first(program.parent().unwrap());
        let items: [&dyn Resource; 2] = [&file, &process];
        let items = items.map(|item| host.assess(item).unwrap());
        let changes: Vec<&str> = items[1].changes.iter().map(|change| change.what.as_str()).collect();
        assert_eq!(changes, ["enable fake.service", "start"]);
        host.mend_together(&items).unwrap();
        let (state, changes) = look(host, &process);
        assert!(state.is_running() && state.started_with.is_some() && changes.is_empty(), "{state:?} {changes:?}");
        assert!(!std::path::Path::new("/run/hactl/fake.service.env").exists());
        host.write("fake.service", "[Unit]\n# another\n");
        let said = apply(host, &process).unwrap();
        assert!(said.starts_with("restart: started with "), "{said}");
        let calls = host.read("bin/calls");
        let once = "daemon-reload\nenable fake.service\nreset-failed fake.service\nstart fake.service\n";
        let twice = calls.replace("is-enabled fake.service\n", "").replace("is-active --quiet fake.service\n", "");
        assert_eq!(twice, format!("{once}{once}"), "{calls}");

        // A unit that runs no more is not waited for.
        host.write("home/nothing", "");
        host.write("fake.service", "[Unit]\n# a third\n");
        let error = apply(host, &process).unwrap_err();
        assert_eq!(error.code, "start-did-nothing", "{error:?}");
        assert!(error.cause.ends_with(": systemd says of fake.service: ActiveState=failed"), "{error:?}");
        assert!(!std::path::Path::new("/run/hactl/fake.service.env").exists());
    });
}

/// What a look says of a port that this very process listens at, when it takes `pid` for the product's process. `before`
/// is shell that stands before the functions.
fn port_of(host: &Host, port: u16, pid: u32, before: &str) -> String {
    let prelude = [
        include_str!("../../src/resources/look.sh"),
        include_str!("../../src/resources/process/shared.sh"),
        include_str!("../../src/resources/process/look.sh"),
        before,
    ]
    .join("\n");
    let mut script = Script::new();
    script.line(&format!("hactl_pid={pid} hactl_offset=0"));
    script.line(&format!("hactl_look_ports {port}"));
    let done = host.execute(&prelude, &script, "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // Other tests of this process listen at ports of their own.
    let said = String::from_utf8(done.stdout).unwrap();
    said.lines().filter(|line| line.contains(&format!(" {port}"))).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_port_that_the_process_opens_between_two_looks_is_its_own() {
    on_every_shell(|host| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, pid) = (listener.local_addr().unwrap().port(), std::process::id());
        let own = format!("listens {port}\nport {port} own\n");
        assert_eq!(port_of(host, port, pid, ""), own);
        // Its files are listed a moment before it opens the port: that one is not among them, another one is.
        let early = format!(
            "ls() {{ if [ \"$2\" = /proc/{pid}/fd ]; then echo 'lrwx------ 1 0 0 64 Nov 21 12:00 9 -> socket:[1]'; \
             else command ls \"$@\"; fi; }}"
        );
        assert_eq!(port_of(host, port, pid, &early), own);
        // Another program's port stays that program's.
        let mut other = start("sleep", &["100"]).spawn().unwrap();
        let held = port_of(
            host,
            port,
            other.id(),
            "ls() { if [ \"$2\" = \"/proc/$hactl_pid/fd\" ]; then echo 'x -> socket:[1]'; else command ls \"$@\"; fi; }",
        );
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(held.starts_with(&format!("port {port} held {pid} ")), "{held}");
    });
}

#[test]
fn it_knows_what_it_reads() {
    on_every_shell(|host| {
        let process = process(host);
        for (place, reads) in [
            ("home/repository/conf/deployment.toml", true),
            ("home/repository/components/lib/mysql.jar", true),
            ("home/repository/resources/security/mine.p12", true),
            ("home/repository/resources/conf/templates/repository/conf/carbon.xml.j2", true),
            ("jdk/release", true),
            ("home/repository/conf/log4j2.properties", false),
            ("home/repository/conf/carbon.xml", false),
            ("home/repository/components/dropins/mysql_1.0.0.jar", false),
            ("home/repository/deployment/server/userstores", false),
            ("home", false),
        ] {
            assert_eq!(process.reads(&host.path(place)), reads, "{place}");
        }
        let missing = host.assess(&process).unwrap_err();
        assert_eq!(missing.code, "product-missing");
    });
}
