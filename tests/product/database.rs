//! Real database servers, started for a test on a port and in a folder of their own.

#![expect(clippy::disallowed_methods, reason = "these tests start real servers")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::pack::run;

const PASSWORD: &str = "open & sesame 'ü";

/// A kind of server, and how a test is its administrator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    MariaDb,
    PostgreSql,
}

/// A running server. It has the user `wso2`, whose password is [`Server::password`].
pub(crate) struct Server {
    kind: Kind,
    folder: TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl Server {
    /// Starts a server; `None`, said aloud, where it is not installed.
    ///
    /// With `HACTL_REQUIRE_REAL=1` that is a failure.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        match Self::try_start(kind) {
            Ok(server) => Some(server),
            Err(why) if std::env::var_os("HACTL_REQUIRE_REAL").is_some_and(|value| value == "1") => panic!("{why}"),
            Err(why) => {
                eprintln!("SKIPPED: no database server: {why}");
                None
            }
        }
    }

    fn try_start(kind: Kind) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("hactl-db-").tempdir().map_err(|error| error.to_string())?;
        let data = folder.path().join("data");
        let data = data.to_str().ok_or("a path that is not UTF-8")?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).unwrap().port();
        let socket = folder.path().join("socket");
        let child = match kind {
            Kind::MariaDb => {
                let user = format!("--user={}", String::from_utf8_lossy(&run("id", &["-un"])?.stdout).trim());
                // A MariaDB that starts deletes the temporary tables of every other one in its tmpdir.
                let (data, tmp) = (format!("--datadir={data}"), format!("--tmpdir={}", folder.path().display()));
                let common = ["--no-defaults", &user, &data, &tmp];
                run("mariadb-install-db", &[&common[..], &["--auth-root-authentication-method=normal"]].concat())?;
                let mut server = Command::new(found(&["mariadbd", "/usr/sbin/mariadbd"])?);
                server.args(common);
                server
                    .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"])
                    .arg(format!("--port={port}"))
                    .arg(format!("--socket={}", socket.display()));
                server
            }
            Kind::PostgreSql => {
                let mut initdb = as_ordinary_user(&found_postgresql("initdb")?, folder.path())?;
                let output = initdb.args(["-A", "scram-sha-256", "-U", "admin", "--pwfile"]);
                let pwfile = folder.path().join("pwfile");
                fs::write(&pwfile, "admin\n").unwrap();
                let output = output
                    .arg(&pwfile)
                    .args(["-E", "UTF8", "--locale=C", "-D", data])
                    .output()
                    .map_err(|error| error.to_string())?;
                if !output.status.success() {
                    return Err(String::from_utf8_lossy(&output.stderr).into_owned());
                }
                let mut server = as_ordinary_user(&found_postgresql("postgres")?, folder.path())?;
                server.args(["-D", data, "-h", "127.0.0.1", "-F", "-p", &port.to_string(), "-k"]).arg(folder.path());
                server
            }
        };
        let mut child = child;
        let log = fs::File::create(folder.path().join("log")).unwrap();
        child.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = child.spawn().map_err(|error| error.to_string())?;
        let mut server = Self { kind, folder, port, child };
        let deadline = Instant::now() + Duration::from_secs(60);
        while server.try_ask("postgres", "SELECT 1").is_err() {
            let ended = server.child.try_wait().unwrap();
            let log = || fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "the server did not come up: {}", log());
            std::thread::yield_now();
        }
        match kind {
            Kind::MariaDb => server.ask(
                "",
                &format!(
                    "CREATE USER wso2@'127.0.0.1' IDENTIFIED BY '{}'; CREATE USER wso2@localhost IDENTIFIED BY '{0}'",
                    PASSWORD.replace('\'', "''")
                ),
            ),
            Kind::PostgreSql => {
                server.ask("postgres", &format!("CREATE USER wso2 PASSWORD '{}'", PASSWORD.replace('\'', "''")))
            }
        };
        Ok(server)
    }

    pub(crate) fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Makes an empty database that the user owns.
    pub(crate) fn make(&self, name: &str) {
        match self.kind {
            Kind::MariaDb => self.ask("", &format!("CREATE DATABASE {name} CHARACTER SET latin1; GRANT ALL ON {name}.* TO wso2@'127.0.0.1'; GRANT ALL ON {name}.* TO wso2@localhost")),
            Kind::PostgreSql => self.ask("postgres", &format!("CREATE DATABASE {name} OWNER wso2")),
        };
    }

    /// Runs SQL as the administrator, and returns what it prints.
    pub(crate) fn ask(&self, database: &str, sql: &str) -> String {
        self.try_ask(database, sql).unwrap_or_else(|why| panic!("{sql}: {why}"))
    }

    fn try_ask(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut client = match self.kind {
            Kind::MariaDb => {
                let mut client = Command::new("mariadb");
                client.args(["--no-defaults", "-uroot", "-N", "-B", "-S"]).arg(self.folder.path().join("socket"));
                client.args(["-e", sql]).args(Some(database).filter(|name| !name.is_empty() && *name != "postgres"));
                client
            }
            Kind::PostgreSql => {
                let mut client = Command::new("psql");
                client.env("PGPASSWORD", "admin").args([
                    "-qtAX",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-h",
                    "127.0.0.1",
                    "-U",
                    "admin",
                    "-p",
                ]);
                client.args([&self.port.to_string(), "-d", database, "-c", sql]);
                client
            }
        };
        let output = client.output().map_err(|error| error.to_string())?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // PostgreSQL's own processes follow it; it has nothing that is worth keeping.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A program that does not want to be run by root, run by somebody else where the test is root.
fn as_ordinary_user(program: &Path, folder: &Path) -> Result<Command, String> {
    if run("id", &["-u"])?.stdout != b"0\n" {
        return Ok(Command::new(program));
    }
    run("chown", &["postgres:", folder.to_str().ok_or("a path that is not UTF-8")?])?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    Ok(command)
}

fn found(names: &[&str]) -> Result<PathBuf, String> {
    let is_there = |name: &&&str| Command::new(name).arg("--version").stdout(Stdio::null()).status().is_ok();
    names.iter().find(is_there).map(PathBuf::from).ok_or_else(|| format!("{} is not installed", names[0]))
}

/// Debian keeps PostgreSQL's programs in a folder of their version.
fn found_postgresql(name: &str) -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin").join(name))
        .collect();
    folders.retain(|program| program.is_file());
    folders.sort();
    folders.pop().map_or_else(|| found(&[name]), Ok)
}

/// Is nobody listening there? For a test that wants a port without a server.
pub(crate) fn is_free(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}
