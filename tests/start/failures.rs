//! Starts that fail, each in its own way, and what comes after: one node, one configuration after another.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hactl::resources::Resource;
use hactl::resources::process::{Failure, Life};

use crate::database::Database;
use crate::node::{Node, on_database, with_offset};
use crate::tools::{artifact, command, is_asked_for, skip, until};

const DRIVER: &str = "com.mysql.cj.jdbc.Driver";

/// The cases of one kernel: a node on a database.
struct Ground {
    node: Node,
    database: Database,
    shipped: String,
}

impl Ground {
    fn new(kernel: &'static str, offset: u16) -> Option<Self> {
        let made = Node::unpack(kernel, offset).and_then(|node| Ok((node, Database::start()?)));
        match made {
            Ok((node, database)) => {
                database.create("SHARED", &node.home().join("dbscripts/mysql.sql"));
                let shipped = with_offset(&fs::read_to_string(node.configuration()).unwrap(), offset);
                Some(Self { node, database, shipped })
            }
            Err(why) => {
                skip(&format!("the real kernel {kernel} can't be started: {why}"));
                None
            }
        }
    }

    fn url(&self, options: &str) -> String {
        format!("jdbc:mysql://127.0.0.1:{}/SHARED?useSSL=false{options}", self.database.port)
    }

    fn configuration(&self, options: &str, password: &str) -> String {
        on_database(&self.shipped, &self.url(options), DRIVER, password)
    }

    fn good(&self) -> String {
        self.configuration("&amp;allowPublicKeyRetrieval=true", "right")
    }

    fn install_driver(&self) {
        let jar = artifact("com.mysql", "mysql-connector-j", "8.4.0", "jar").unwrap();
        fs::copy(jar, self.node.home().join("repository/components/lib/mysql-connector-j-8.4.0.jar")).unwrap();
    }

    /// Starts with a configuration that can't work. It is told within 10 s of when the log says so.
    fn fails(&mut self, name: &str, configuration: &str, log_says: &str) -> Failure {
        self.node.configure(configuration);
        let process = self.node.process("");
        self.node.apply(&*process);
        // What the process before has said at its end is not this start's.
        let before = self.node.log().len();
        self.told(name, &*process, before, log_says)
    }

    fn told(&self, name: &str, process: &dyn Resource, before: usize, log_says: &str) -> Failure {
        let (mut said, begin) = (None, Instant::now());
        let failure = until(&format!("{name} is told"), Duration::from_secs(120), || {
            if said.is_none() && self.node.log().get(before..).is_some_and(|log| log.contains(log_says)) {
                said = Some(Instant::now());
            }
            let (state, _) = self.node.look(process);
            assert!(!state.is_ready(), "{name}: {state:#?}");
            match state.life {
                Life::Failed(failure) => Some(failure),
                _ => None,
            }
        });
        let late = said.map_or(Duration::ZERO, |said| said.elapsed());
        eprintln!(
            "{name}: told {:?} after the start, {late:?} after the log: {}: {}",
            begin.elapsed(),
            failure.code,
            failure.cause
        );
        assert!(late < Duration::from_secs(10), "{name} was told {late:?} after the log said so");
        assert!(!failure.tail.is_empty() && failure.tail.len() <= 20, "{failure:#?}");
        failure
    }
}

fn contains(failure: &Failure, code: &str, cause: &str, hint: &str) {
    assert_eq!(failure.code, code, "{failure:#?}");
    assert!(failure.cause.contains(cause), "{failure:#?}");
    assert!(failure.hint.as_ref().is_some_and(|text| text.contains(hint)), "{failure:#?}");
}

/// A process that is no product.
fn foreign() -> std::process::Child {
    command("sleep").arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn every_failure_is_told(kernel: &'static str, offset: u16) {
    if !is_asked_for() {
        return;
    }
    let Some(mut ground) = Ground::new(kernel, offset) else { return };
    let pid_file = ground.node.home().join("wso2carbon.pid");

    // 4: no JDK: the script does nothing and says it.
    ground.node.configure(&ground.good());
    let process = ground.node.process("").id();
    let nowhere = ground.node.process_on("/nowhere/jdk");
    assert_eq!(nowhere.id(), process);
    let (state, assessment) = ground.node.look(&*nowhere);
    assert_eq!(state.life, Life::Absent);
    let begin = Instant::now();
    let error = ground.node.mend(&assessment).unwrap_err();
    assert_eq!(error.code, "java-home-wrong", "{error:?}");
    assert!(error.cause.contains("JAVA_HOME is not defined correctly"), "{error:?}");
    // A script that says nothing is waited for for ten seconds.
    assert!(begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());

    // 3, 7: a foreign process in the pid file; a configuration that is no TOML.
    let mut other = foreign();
    fs::write(&pid_file, format!("{}\n{}", other.id(), "\0".repeat(80))).unwrap();
    let (_, assessment) = ground.node.look(&*ground.node.process(""));
    assert!(assessment.changes[0].what.contains(&format!("names process {} (sleep)", other.id())), "{assessment:?}");
    let failure = ground.fails("bad TOML", "[server\noffset = \"1\"\n", "TomlParser");
    contains(&failure, "start-failed", "Unexpected end of line, expected ] (line 1, column 8)", "deployment.toml");
    assert!(other.try_wait().unwrap().is_none(), "the foreign process still lives");
    let state = until("the process has ended", Duration::from_secs(20), || {
        let (state, _) = ground.node.look(&*ground.node.process(""));
        (!state.is_running()).then_some(state)
    });
    let Life::Failed(failure) = state.life else { panic!("{state:#?}") };
    contains(&failure, "start-failed", "(line 1, column 8)", "deployment.toml");
    other.kill().unwrap();
    // From here on nobody collects it: it stays as a zombie.
    fs::write(&pid_file, format!("{}\n", other.id())).unwrap();

    // 6: dead inside. A driver that is not there, behind a zombie in the pid file.
    let (_, assessment) = ground.node.look(&*ground.node.process(""));
    assert!(assessment.changes[0].what.contains("has ended"), "{assessment:?}");
    let good = ground.good();
    let failure = ground.fails("missing driver", &good, "ClassNotFoundException");
    contains(&failure, "start-failed", "com.mysql.cj.jdbc.Driver", "databases.driver");
    ground.install_driver();

    let wrong = ground.configuration("&amp;allowPublicKeyRetrieval=true", "wrong");
    let failure = ground.fails("wrong password", &wrong, "Access denied");
    contains(&failure, "start-failed", "Access denied for user 'wso2'", "password");

    // 11: an ampersand as it is.
    let raw = ground.configuration("&autoReconnect=true", "right");
    let failure = ground.fails("raw ampersand", &raw, "WstxUnexpectedCharException");
    contains(&failure, "start-failed", "Unexpected character", "&amp;");

    let store = good.replacen("password =\"wso2carbon\"", "password =\"wrong\"", 1);
    assert_ne!(store, good);
    let failure = ground.fails("wrong key store password", &store, "password was incorrect");
    contains(&failure, "start-failed", "password was incorrect", "key store");

    ground.database.down();
    let failure = ground.fails("database down", &good, "Communications link failure");
    contains(&failure, "start-failed", "", "database server");
    ground.database.up();

    // 5: another program has the port: the log may say that it has started all the same.
    let port = 9443 + offset;
    let taken = TcpListener::bind(("0.0.0.0", port)).unwrap();
    // The same configuration: it is started again because it has failed.
    let failure = ground.fails("port taken", &good, "Address already in use");
    contains(&failure, "port-taken", &format!("held by process {}", std::process::id()), "product.port_offset");
    drop(taken);

    // 9, 10, 15: all is well, with an unknown key, and a name that nobody knows.
    let odd = good.replacen("hostname = \"localhost\"", "hostname = \"hactl-nobody.invalid\"\nunheard_of = 1", 1);
    assert_ne!(odd, good);
    ground.node.configure(&odd);
    let process = ground.node.process("");
    ground.node.apply(&*process);
    let state = ground.node.ready(&*process);
    assert_eq!(state.pid.map(|pid| pid.to_string()).as_deref(), fs::read_to_string(&pid_file).unwrap().lines().next());
    assert!(ground.database.sql("SELECT COUNT(*) FROM SHARED.UM_USER").trim() != "0");
    let bundles = fs::read_dir(ground.node.home().join("repository/components/dropins")).unwrap();
    let bundles = bundles.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("mysql"));
    assert_eq!(bundles.count(), 1);

    stranger(&mut ground, &*process);
}

/// A process that hactl did not start is judged by its age; a pid file that names another is told.
fn stranger(ground: &mut Ground, process: &dyn Resource) {
    ground.node.kill();
    let (state, _) = ground.node.look(process);
    assert_eq!(state.life, Life::Absent, "one that was killed has not failed to start");
    ground.node.start_by_hand();
    let state = until("a process started by hand is seen", Duration::from_secs(20), || {
        let (state, assessment) = ground.node.look(process);
        state.is_running().then(|| {
            assert_eq!(assessment.changes, [], "{assessment:?}");
            state
        })
    });
    assert_eq!(state.started_with, None);
    fs::write(ground.node.home().join("wso2carbon.pid"), "1\n").unwrap();
    let (_, assessment) = ground.node.look(process);
    assert!(assessment.warnings.iter().any(|warning| warning.contains("names process 1")), "{assessment:?}");
    until("an edit is later than the start", Duration::from_secs(20), || {
        ground.node.look(process).0.uptime.filter(|seconds| *seconds > 1)
    });
    let text = fs::read_to_string(ground.node.configuration()).unwrap();
    ground.node.configure(&text);
    let what = ground.node.apply(process);
    assert!(what.contains("before repository/conf/deployment.toml was changed"), "{what}");
    let again = ground.node.look(process).0;
    assert!(again.started_with.is_some() && again.pid != state.pid, "{again:?}");
}

#[test]
fn every_failure_of_kernel_4_9_is_told() {
    every_failure_is_told("4.9.1-m1", 231);
}
