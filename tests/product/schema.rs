//! `database-schema` on real databases: through a real JDK and real drivers, with the scripts of real packs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64ct::Encoding as _;
use hactl::model::Script;
use hactl::model::profile::Profile;
use hactl::resources::{AssessError, Assessment, Resource, Seen, explain_failure};
use hactl::steps::{Allow, HostContext, Step, Wanted, Wants, registry};
use tempfile::TempDir;

use super::database::{Kind, Server, is_free};
use super::node::{cluster, secrets};
use super::pack::{Pack, artifact, run};

/// A home with a pack's scripts and one driver.
struct Home {
    folder: TempDir,
    kernel: &'static str,
}

impl Home {
    fn new(pack: &Pack, kernel: &'static str, (group, name, version): (&str, &str, &str)) -> Self {
        let folder = tempfile::Builder::new().prefix("hactl-schema-").tempdir().unwrap();
        let (home, drivers) = (folder.path().join("home"), folder.path().join("home/repository/components/lib"));
        fs::create_dir_all(&drivers).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        run("cp", &["-r", pack.root().join("dbscripts").to_str().unwrap(), home.to_str().unwrap()]).unwrap();
        let jar = artifact(group, name, version, "jar").unwrap();
        fs::copy(&jar, drivers.join(jar.file_name().unwrap())).unwrap();
        Self { folder, kernel }
    }

    /// What the step wants, for databases as the inventory describes them.
    fn wanted(&self, databases: &str, password: &str) -> Vec<Box<dyn Resource>> {
        let inventory = format!(
            "version: 1\ncluster: iam\nproduct: {{ name: wso2carbon, version: {}, home: {} }}\nhosts: {{ is-1: {{ address: 127.0.0.1 }} }}\n\
             databases:\n  create_schema: true\n{databases}",
            self.kernel,
            self.folder.path().join("home").display()
        );
        let (cluster, sources) = cluster(&inventory);
        let secrets = secrets(sources, |_| password.to_owned());
        let profile = Profile::find("wso2carbon", self.kernel).unwrap();
        let (host, profile) = (&cluster.hosts[0], Some(&profile));
        let (blobs, archives, allow) = (&[], &[], Allow::default());
        let on = HostContext { cluster: &cluster, host, profile, secrets: &secrets, blobs, archives, allow };
        let step: &&dyn Step = registry().iter().find(|step| step.name().to_string() == "database-schema").unwrap();
        let mut wants = Wants::default();
        wants.begin(0, step.name());
        step.desire(&on, &mut wants).unwrap();
        let resource = |item: hactl::steps::Item| match item.resource {
            Wanted::Resource(resource) => resource,
            Wanted::File(file) => panic!("{}", file.id()),
        };
        wants.into_items().unwrap().into_iter().map(resource).collect()
    }

    fn schema(&self, kind: &str, port: u16, name: &str, password: &str) -> Box<dyn Resource> {
        let more =
            if kind == "mysql" { ", parameters: { useSSL: \"false\", allowPublicKeyRetrieval: \"true\" }" } else { "" };
        let database = format!(
            "  shared_db: {{ type: {kind}, host: 127.0.0.1, port: {port}, name: {name}, username: wso2, password: {{ env: P }}{more} }}\n"
        );
        self.wanted(&database, password).remove(0)
    }

    /// Runs a script as a host does.
    fn run(&self, script: &Script, environment: &[(&str, &str)]) -> (Vec<u8>, Vec<u8>, u32) {
        self.run_by(&["/bin/sh"], script, environment)
    }

    #[expect(clippy::disallowed_methods, reason = "this test is the host")]
    fn run_by(&self, shell: &[&str], script: &Script, environment: &[(&str, &str)]) -> (Vec<u8>, Vec<u8>, u32) {
        let (program, words) = shell.split_first().unwrap();
        let mut shell = Command::new(program);
        shell.args(words).arg("-s").env("TMPDIR", self.folder.path().join("tmp")).envs(environment.iter().copied());
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let text = format!("hactl_main() {{\n(\n{}) </dev/null\n}}\nhactl_main\n", script.text());
        shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = shell.wait_with_output().unwrap();
        (output.stdout, output.stderr, output.status.code().unwrap().unsigned_abs())
    }

    fn look(&self, schema: &dyn Resource) -> Result<Assessment, AssessError> {
        self.look_with(schema, &[])
    }

    fn look_with(&self, schema: &dyn Resource, environment: &[(&str, &str)]) -> Result<Assessment, AssessError> {
        let mut script = Script::new();
        schema.probe(&mut script);
        let (stdout, stderr, status) = self.run(&script, environment);
        schema.assess(Seen { stdout: &stdout, stderr: &stderr, status })
    }

    fn mend(&self, assessment: &Assessment) -> Result<(), AssessError> {
        let (_, stderr, status) = self.run(&assessment.mend, &[]);
        if status == 0 { Ok(()) } else { Err(explain_failure("mend-failed", &stderr, status)) }
    }

    /// Nothing that was made for a while has stayed.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.folder.path().join("tmp")).unwrap().next().is_none()
    }
}

const MYSQL: (&str, &str, &str) = ("com.mysql", "mysql-connector-j", "8.4.0");
const MARIADB: (&str, &str, &str) = ("org.mariadb.jdbc", "mariadb-java-client", "3.4.1");
const POSTGRESQL: (&str, &str, &str) = ("org.postgresql", "postgresql", "42.7.4");

/// Looks for a secret in what every process shows of itself, until it is told to stop.
fn watch(secret: &str, stop: &AtomicBool, looked: &AtomicUsize) -> Vec<String> {
    let forms = [secret.to_owned(), base64ct::Base64::encode_string(secret.as_bytes())];
    let own = std::process::id().to_string();
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.file_name().into_string().unwrap();
            if process == own || !process.starts_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            for file in ["cmdline", "environ"] {
                let text = fs::read(Path::new("/proc").join(&process).join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                looked.fetch_add(usize::from(text.contains("Schema")), Ordering::Relaxed);
                if forms.iter().any(|form| text.contains(form)) {
                    seen.push(format!("{file} of {text}"));
                }
            }
        }
    }
    seen
}

#[test]
fn an_empty_database_is_filled_once_and_the_password_is_seen_nowhere() {
    for (kernel, kind, server, driver) in [
        ("4.5.1", "mysql", Kind::MariaDb, MYSQL),
        ("4.10.32", "mysql", Kind::MariaDb, MYSQL),
        ("4.10.32", "mariadb", Kind::MariaDb, MARIADB),
        ("4.10.32", "postgresql", Kind::PostgreSql, POSTGRESQL),
        ("4.5.1", "postgresql", Kind::PostgreSql, POSTGRESQL),
    ] {
        let (Some(pack), Some(server)) = (Pack::fetch(kernel), Server::start(server)) else { continue };
        let home = Home::new(&pack, kernel, driver);
        server.make("shared");
        let schema = home.schema(kind, server.port, "shared", server.password());
        let (stop, looked) = (AtomicBool::new(false), AtomicUsize::new(0));
        let seen = std::thread::scope(|scope| {
            let watching = scope.spawn(|| watch(server.password(), &stop, &looked));
            let empty = home.look(schema.as_ref()).unwrap();
            assert_eq!(empty.because, "the database is empty", "{kernel} {kind}");
            assert_eq!(empty.changes.len(), 1);
            home.mend(&empty).unwrap_or_else(|error| panic!("{kernel} {kind}: {error:?}"));
            let again = home.mend(&empty).unwrap_err();
            assert_eq!(again.code, "schema-changed-meanwhile", "{again:?}");
            let whole = home.look(schema.as_ref()).unwrap();
            assert!(whole.is_in_place() && whole.warnings.is_empty(), "{kernel} {kind}: {whole:?}");
            for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
                if run(shell[0], &[&shell[1..], &["-c", "true"]].concat()).is_err() {
                    continue; // Debian has the first two; the third is a package.
                }
                let mut script = Script::new();
                schema.probe(&mut script);
                let (stdout, stderr, status) = home.run_by(shell, &script, &[]);
                let seen = schema.assess(Seen { stdout: &stdout, stderr: &stderr, status });
                assert!(seen.unwrap().is_in_place(), "{shell:?}");
            }
            stop.store(true, Ordering::Relaxed);
            watching.join().unwrap()
        });
        assert!(looked.load(Ordering::Relaxed) > 0, "the program that holds the password was never seen itself");
        assert_eq!(seen, Vec::<String>::new());
        assert!(home.is_clean());
        let tables = if kind == "postgresql" { "public" } else { "shared" };
        let count = format!("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{tables}'");
        let count: usize = server.ask("shared", &count).parse().unwrap();
        assert!(count > 35, "{kernel} {kind}: {count} tables");
    }
}

#[test]
fn a_database_that_is_not_as_it_should_be_is_told_by_its_cause() {
    for (kernel, kind, server, driver) in
        [("4.5.1", "mysql", Kind::MariaDb, MYSQL), ("4.10.32", "postgresql", Kind::PostgreSql, POSTGRESQL)]
    {
        let (Some(pack), Some(server)) = (Pack::fetch(kernel), Server::start(server)) else { continue };
        let home = Home::new(&pack, kernel, driver);
        server.make("shared");
        let (port, password) = (server.port, server.password());
        let refused = |schema: &dyn Resource, code: &str, said: &str| {
            let error = home.look(schema).unwrap_err();
            assert_eq!(error.code, code, "{kind}: {error:?}");
            assert!(error.cause.contains(said), "{kind}: {}", error.cause);
            assert!(!format!("{error:?}").contains(password), "{error:?}");
            error.hint.unwrap()
        };
        refused(home.schema(kind, port, "shared", "wrong").as_ref(), "schema-login-refused", "wso2");
        server.ask("postgres", "CREATE DATABASE closed");
        let absent = home.schema(kind, port, "absent", password);
        if kind == "mysql" {
            // A user without any right beyond its own databases is not told whether another one exists.
            assert!(refused(absent.as_ref(), "schema-no-rights", "Access denied").contains("CREATE DATABASE absent"));
            server.ask("", "GRANT SELECT ON *.* TO wso2@'127.0.0.1', wso2@localhost");
        }
        let hint = refused(absent.as_ref(), "schema-database-missing", "absent");
        let statement =
            if kind == "mysql" { "`CREATE DATABASE absent CHARACTER SET latin1`" } else { "`CREATE DATABASE absent`" };
        assert!(hint.contains(statement), "{hint}");

        let schema = home.schema(kind, port, "shared", password);
        home.mend(&home.look(schema.as_ref()).unwrap()).unwrap();
        server.ask("shared", "DROP TABLE UM_HYBRID_REMEMBER_ME");
        refused(schema.as_ref(), "schema-half-made", "1 are missing: UM_HYBRID_REMEMBER_ME");
        server.ask("shared", "CREATE TABLE UM_HYBRID_REMEMBER_ME (X INT)");
        assert!(home.look(schema.as_ref()).unwrap().is_in_place());

        let jars = home.folder.path().join("home/repository/components/lib");
        fs::rename(&jars, home.folder.path().join("lib")).unwrap();
        refused(schema.as_ref(), "schema-driver-missing", "no jar in");
        fs::rename(home.folder.path().join("lib"), &jars).unwrap();
        let scripts = home.folder.path().join("home/dbscripts");
        fs::rename(&scripts, home.folder.path().join("dbscripts")).unwrap();
        refused(schema.as_ref(), "schema-script-missing", "dbscripts");
        fs::rename(home.folder.path().join("dbscripts"), &scripts).unwrap();
        let error = home.look_with(schema.as_ref(), &[("JAVA_HOME", "/nowhere"), ("PATH", "/nowhere")]).unwrap_err();
        assert_eq!(error.code, "schema-no-java", "{error:?}");
        drop(server);
        assert!(is_free(port));
        refused(schema.as_ref(), "schema-server-unreachable", "efused");
        assert!(home.is_clean());
    }
}

#[test]
fn a_statement_that_fails_is_named_and_what_stays_is_said() {
    for (kernel, kind, server, driver, before, says, left) in [
        (
            "4.5.1",
            "mysql",
            Kind::MariaDb,
            MYSQL,
            "CREATE VIEW UM_SYSTEM_USER AS SELECT 1 AS X",
            "already exists",
            " tables were made before it and stay",
        ),
        (
            "4.10.32",
            "postgresql",
            Kind::PostgreSql,
            POSTGRESQL,
            "CREATE SEQUENCE UM_USER_PK_SEQ",
            "already exists",
            "nothing was left in the database",
        ),
    ] {
        let (Some(pack), Some(server)) = (Pack::fetch(kernel), Server::start(server)) else { continue };
        let home = Home::new(&pack, kernel, driver);
        server.make("shared");
        server.ask("shared", before);
        server.ask("shared", "CREATE TABLE OTHER (X INT)");
        let schema = home.schema(kind, server.port, "shared", server.password());
        let found = home.look(schema.as_ref()).unwrap();
        assert_eq!(found.warnings, ["the database of shared_db holds 1 tables of something else"]);
        let error = home.mend(&found).unwrap_err();
        assert_eq!(error.code, "schema-statement");
        assert!(
            error.cause.contains("sql, statement ") && error.cause.contains(says) && error.cause.contains(left),
            "{error:?}"
        );
        match home.look(schema.as_ref()) {
            Ok(again) => assert_eq!((kind, again.because.as_str()), ("postgresql", "tables are missing")),
            Err(half) => assert_eq!((kind, half.code), ("mysql", "schema-half-made")),
        }
    }
}

#[test]
fn two_datasources_of_one_database_fill_it_once() {
    let (Some(pack), Some(server)) = (Pack::fetch("4.10.32"), Server::start(Kind::MariaDb)) else { return };
    let home = Home::new(&pack, "4.10.32", MARIADB);
    let database = |name: &str, schema: &str| {
        format!(
            "  {name}: {{ type: mariadb, host: 127.0.0.1, port: {}, name: {schema}, username: wso2, password: {{ env: P }} }}\n",
            server.port
        )
    };
    for name in ["one", "two"] {
        server.make(name);
    }
    let databases = database("shared_db", "one")
        + &database("user_db", "one")
        + "  extra:\n  "
        + &database("config", "two")
        + "  "
        + &database("other", "two");
    let wanted = home.wanted(&databases, server.password());
    let ids: Vec<String> = wanted.iter().map(|schema| schema.id()).collect();
    assert_eq!(ids, ["schema:shared_db+user_db", "schema:config"], "no script is known for `other`");
    for schema in wanted {
        home.mend(&home.look(schema.as_ref()).unwrap()).unwrap();
        assert!(home.look(schema.as_ref()).unwrap().is_in_place());
    }
}

/// The names behind `CREATE TABLE` in the lines of a script that are not comments.
fn tables(script: &str) -> BTreeSet<String> {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text: String =
        lines.collect::<Vec<_>>().join(" ").to_uppercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let names = text.split("CREATE TABLE ").skip(1).map(|rest| rest.trim_start_matches("IF NOT EXISTS "));
    names
        .map(|rest| {
            rest.split(['(', ' '])
                .next()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
                .trim_matches(['[', ']', '"', '`'])
                .to_owned()
        })
        .collect()
}

#[test]
fn the_scripts_of_every_kind_of_database_are_understood() {
    for kernel in ["4.5.1", "4.10.32"] {
        let Some(pack) = Pack::fetch(kernel) else { continue };
        let home = Home::new(&pack, kernel, POSTGRESQL);
        for kind in ["mysql", "mariadb", "postgresql", "oracle", "mssql", "db2"] {
            if !Profile::find("wso2carbon", kernel).unwrap().databases.types.keys().any(|known| known.word() == kind) {
                assert_eq!((kernel, kind), ("4.5.1", "mariadb"));
                continue;
            }
            let schema = home.schema(kind, 1, "shared", "open sesame");
            let file = if kind == "mariadb" { "mysql" } else { kind };
            let script = fs::read(home.folder.path().join(format!("home/dbscripts/{file}.sql"))).unwrap();
            let encode = base64ct::Base64::encode_string;
            let answer = format!("script {} {}\nconnected\n", encode(b"x.sql"), encode(&script));
            let told = schema.assess(Seen { stdout: answer.as_bytes(), stderr: b"", status: 0 });
            let told = told.unwrap_or_else(|error| panic!("{kernel} {kind}: {error:?}"));
            let values = |word: &str| -> Vec<String> {
                let lines = told.mend.text().lines().filter_map(|line| line.strip_prefix(&format!("{word} ")));
                lines.map(|value| String::from_utf8(base64ct::Base64::decode_vec(value).unwrap()).unwrap()).collect()
            };
            let script = String::from_utf8(script).unwrap();
            let made: BTreeSet<String> = values("absent").into_iter().collect();
            assert_eq!(made, tables(&script), "{kernel} {kind}");
            let statements = values("statement");
            for statement in &statements {
                let upper = statement.to_uppercase();
                assert!(!upper.starts_with("DROP") && !upper.contains("DROP TABLE"), "{kernel} {kind}: {statement}");
                let one = upper.matches("CREATE TABLE").count() <= 1;
                assert!(
                    one && !upper.lines().any(|line| line.trim() == "/" || line.trim() == "GO"),
                    "{kernel} {kind}: {statement}"
                );
            }
            // Nothing is lost: every index and trigger outside of comments is in some statement.
            for thing in [
                "CREATE INDEX",
                "CREATE UNIQUE INDEX",
                "CREATE TRIGGER",
                "CREATE OR REPLACE TRIGGER",
                "CREATE SEQUENCE",
                "INSERT INTO",
            ] {
                let count = |text: &str| {
                    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
                    lines.collect::<Vec<_>>().join(" ").to_uppercase().matches(thing).count()
                };
                let kept: usize = statements.iter().map(|statement| count(statement)).sum();
                assert_eq!(kept, count(&script), "{kernel} {kind}: {thing}");
            }
        }
    }
}
