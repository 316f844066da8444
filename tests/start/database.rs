//! A MariaDB server with a folder and a port of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::tools::{command, output, try_output, until};

pub(crate) struct Database {
    folder: TempDir,
    server: Option<Child>,
    pub(crate) port: u16,
}

impl Database {
    /// A server with one user, and no database.
    pub(crate) fn start() -> Result<Self, String> {
        let folder =
            tempfile::Builder::new().prefix("hactl-db-").tempdir_in("/tmp").map_err(|error| error.to_string())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut database = Self { folder, server: None, port };
        let [data, user, tmp] = database.options();
        let install = ["--no-defaults", &data, &user, &tmp, "--auth-root-authentication-method=normal"];
        try_output("mariadb-install-db", &install)?;
        database.up();
        database.sql("CREATE USER 'wso2'@'127.0.0.1' IDENTIFIED BY 'right';");
        Ok(database)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What making its files and serving them have in common.
    fn options(&self) -> [String; 3] {
        [
            format!("--datadir={}", self.path("data").display()),
            format!("--user={}", output("id", &["-un"]).trim()),
            // A MariaDB that starts deletes the temporary tables of every other one in its tmpdir.
            format!("--tmpdir={}", self.folder.path().display()),
        ]
    }

    /// Starts the server, and waits until it answers.
    pub(crate) fn up(&mut self) {
        let program = if Path::new("/usr/sbin/mariadbd").exists() { "/usr/sbin/mariadbd" } else { "mariadbd" };
        let server = command(program)
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--character-set-server=latin1", "--skip-name-resolve"])
            .args(self.options())
            .arg(format!("--socket={}", self.path("socket").display()))
            .arg(format!("--pid-file={}", self.path("pid").display()))
            .arg(format!("--port={}", self.port))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.server = Some(server.unwrap());
        until("the database answers", Duration::from_secs(60), || self.try_sql("SELECT 1").ok());
    }

    pub(crate) fn down(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    fn try_sql(&self, text: &str) -> Result<String, String> {
        let socket = format!("--socket={}", self.path("socket").display());
        let done = try_output("mariadb", &["--no-defaults", &socket, "-u", "root", "-N", "-e", text])?;
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    pub(crate) fn sql(&self, text: &str) -> String {
        self.try_sql(text).unwrap()
    }

    /// A new database with the tables of a pack's script.
    pub(crate) fn create(&self, name: &str, script: &Path) {
        self.sql(&format!(
            "CREATE DATABASE {name}; GRANT ALL ON {name}.* TO 'wso2'@'127.0.0.1'; USE {name}; source {};",
            script.display()
        ));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.down();
    }
}
