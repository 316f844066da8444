//! The starts that fail, and what the log says of them: each as the real product was seen to.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use super::{Dead, Start, live};
use crate::lab::database::{Client, Query, Server, wanted};
use crate::lab::{LabHost, Layout, Role, pack, zip};

/// A product as the pack brings it, on a host of its own.
struct Ground {
    folder: TempDir,
    database: Option<Server>,
    port: u16,
}

const PASSWORD: &str = "secret";

impl Ground {
    /// With a database that holds every table, where it is asked for.
    async fn new(with_database: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bytes = pack::pack();
        for entry in zip::read(&bytes).unwrap() {
            let path = folder.path().join(entry.name.split_once('/').unwrap().1);
            if entry.name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::write(&path, entry.content).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode)).unwrap();
            }
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut ground = Self { folder, database: None, port };
        fs::write(ground.home().join("repository/components/lib/driver.jar"), pack::driver()).unwrap();
        if with_database {
            let file = ground.home().join("rows.json");
            let server = Server::new((Ipv4Addr::LOCALHOST, port), PASSWORD.to_owned(), file);
            server.start().await.unwrap();
            ground.database = Some(server);
            let mut client = Client::login(("127.0.0.1", port), "wso2", PASSWORD, "SHARED_DB").await.unwrap();
            for table in wanted() {
                client.ask(&Query::Create(table.to_owned())).await.unwrap();
            }
        }
        ground
    }

    fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.home().join("repository/conf/deployment.toml");
        let text = change(fs::read_to_string(&path).unwrap());
        fs::write(path, text).unwrap();
    }

    /// Names the database, with options behind its URL.
    fn shares(&self, password: &str, options: &str) {
        let url = format!("jdbc:mysql://127.0.0.1:{}/SHARED_DB{options}", self.port);
        self.edit(|text| {
            let (before, rest) = text.split_once("[database.shared_db]").unwrap();
            let after = rest.split_once("[database.shared_db.pool_options]").unwrap().1;
            format!(
                "{before}[database.shared_db]\ntype = \"mysql\"\nurl = \"{url}\"\nusername = \"wso2\"\npassword = \"{password}\"\n[database.shared_db.pool_options]{after}"
            )
        });
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home().join("repository/logs/wso2carbon.log")).unwrap_or_default()
    }

    /// A start that must end, one way or the other; `None`: it serves, or would.
    async fn start(&self, offset: u16) -> Option<Result<u8, Dead>> {
        let line = format!("offset = \"{offset}\"\n");
        self.edit(
            |text| if text.contains(&line) { text } else { text.replace("[server]\n", &format!("[server]\n{line}")) },
        );
        let host = LabHost { name: "is-1", address: Ipv4Addr::new(127, 79, 255, 1), role: Role::Node };
        let layout = Layout::new(Path::new("/nowhere"), 1);
        let start = Start { layout, host, home: self.home(), setup: false };
        let log = super::Log::open(&self.home()).unwrap();
        let served = OnceCell::new();
        let started = async {
            while !self.log().contains("WSO2 Carbon started in") {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let come = async {
            tokio::select! {
                ended = live(&start, &log, &served) => Some(ended),
                () = started => None,
            }
        };
        timeout(Duration::from_secs(60), come).await.unwrap()
    }

    /// What the log of a node says that lives on dead.
    async fn dead(&self) -> String {
        match self.start(0).await {
            Some(Err(dead)) => format!("{}: {}", dead.class, dead.text),
            Some(Ok(status)) => panic!("it ended with {status}: {}", self.log()),
            None => panic!("it lives: {}", self.log()),
        }
    }
}

#[tokio::test]
async fn bad_toml_ends_it_and_the_last_line_says_where() {
    let ground = Ground::new(false).await;
    ground.edit(|text| format!("{text}\n[clustering\nmembers = [\n"));
    assert!(matches!(ground.start(0).await, Some(Ok(1))));
    let last = ground.log().lines().last().unwrap().to_owned();
    assert!(last.contains("ERROR {org.wso2.config.mapper.TomlParser} - ") && last.contains("(line "), "{last}");
}

#[tokio::test]
async fn a_wrong_password_a_dead_database_and_missing_tables_leave_a_shell() {
    let ground = Ground::new(true).await;
    ground.shares("wrong", "");
    let dead = ground.dead().await;
    assert!(dead.contains("Cannot start User Manager Core bundle"), "{dead}");
    assert!(
        dead.contains(
            "Caused by: java.sql.SQLException: Access denied for user 'wso2'@'127.0.0.1' (using password: YES)"
        ),
        "{dead}"
    );
    ground.database.as_ref().unwrap().stop().await;
    let dead = ground.dead().await;
    assert!(
        dead.contains("Cannot initialize the realm") && dead.contains("ConnectException: Connection refused"),
        "{dead}"
    );
    fs::remove_file(ground.home().join("rows.json")).unwrap();
    let empty = Server::new((Ipv4Addr::LOCALHOST, ground.port), PASSWORD.to_owned(), ground.home().join("other.json"));
    empty.start().await.unwrap();
    ground.edit(|text| text.replace("\"wrong\"", &format!("\"{PASSWORD}\"")));
    let dead = ground.dead().await;
    assert!(dead.contains("doesn't exist"), "{dead}");
}

#[tokio::test]
async fn a_missing_driver_a_bare_ampersand_and_a_wrong_store_leave_a_shell() {
    let ground = Ground::new(true).await;
    ground.shares(PASSWORD, "?useSSL=false&x=1");
    let dead = ground.dead().await;
    assert!(
        dead.contains("Error in intializing system data sources") && dead.contains("WstxUnexpectedCharException"),
        "{dead}"
    );
    ground.edit(|text| text.replace("&x=1", "&amp;x=1"));
    fs::remove_file(ground.home().join("repository/components/lib/driver.jar")).unwrap();
    let dead = ground.dead().await;
    assert!(dead.contains("ClassNotFoundException: com.mysql.cj.jdbc.Driver"), "{dead}");
    ground.edit(|text| text.replace("alias = \"wso2carbon\"", "alias = \"other\""));
    let dead = ground.dead().await;
    assert!(dead.contains("FATAL") && dead.contains("Alias not found"), "{dead}");
}

#[tokio::test]
async fn a_port_of_another_program_is_a_line_in_the_log_and_started_is_said_all_the_same() {
    let ground = Ground::new(true).await;
    ground.shares(PASSWORD, "");
    let taken = std::net::TcpListener::bind("127.79.255.1:0").unwrap();
    let offset = taken.local_addr().unwrap().port() - 9443;
    assert!(ground.start(offset).await.is_none(), "{}", ground.log());
    let log = ground.log();
    let (failed, started) = (log.find("Protocol handler start failed"), log.find("WSO2 Carbon started in"));
    assert!(log.contains("Address already in use"), "{log}");
    assert!(failed.is_some() && failed < started, "{log}");
    let pid = fs::read(ground.home().join("wso2carbon.pid")).unwrap();
    assert!(pid.len() == 100 && pid.ends_with(&[0; 60]), "{pid:?}");
    let dropins = ground.home().join("repository/components/dropins/driver_1.0.0.jar");
    assert!(dropins.is_file(), "a driver becomes a bundle");
}

#[tokio::test]
async fn of_two_first_starts_at_once_one_comes_too_late() {
    let (one, mut other) = (Ground::new(true).await, Ground::new(false).await);
    other.port = one.port;
    one.shares(PASSWORD, "");
    other.shares(PASSWORD, "");
    let (first, second) = tokio::join!(one.start(21_000), other.start(21_001));
    let dead: Vec<String> =
        [first, second].into_iter().flatten().filter_map(Result::err).map(|dead| dead.text).collect();
    assert_eq!(dead.len(), 1, "{dead:?}");
    let wanted = "Duplicate entry 'urn:scim:schemas:core:1.0--1234' for key 'UM_DIALECT_URI'";
    assert!(dead[0].contains(wanted) && dead[0].contains("Cannot initialize the realm"), "{dead:?}");
}
