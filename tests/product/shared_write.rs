//! Two real kernels on one real database: each answers, and what one writes the other reads. Needs `mariadbd` besides.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use hactl::model::profile::Profile;
use hactl::orchestration::{Door, Ground, NodePlace, Place, Stop, answers, prove};
use hactl::steps::verify::{Asks, Bodies, Shared};
use hactl::transport::http::{Bounds, Tls};
use tempfile::TempDir;

use crate::database::{Kind, Server};
use crate::node::{cluster, secrets};
use crate::pack::{artifact, run, skipped};

/// The kernel that is started. `HACTL_TEST_KERNEL=4.9.1-m1` starts another one.
const KERNEL: &str = "4.5.1";

/// How long a node may take to start on a busy machine.
const START: Duration = Duration::from_secs(150);

/// A program with everything that it starts; killed when dropped.
struct Program(Child);

impl Program {
    fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(run("kill", &["-KILL", "--", &format!("-{}", self.0.id())]));
        drop(self.0.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "this test runs the real product's programs")]
fn command(program: &Path) -> Command {
    Command::new(program)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/libexec".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An offset whose ports nobody has, not even another node of this test.
fn free_offset(taken: &[u16]) -> u16 {
    let ports = |offset: u16| [9443, 9763, 11111, 9999].map(|port: u16| port + offset);
    let is_free = |offset: &u16| {
        !taken.contains(offset) && ports(*offset).iter().all(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok())
    };
    // Each process begins elsewhere, so that two of them seldom look at the same ones.
    let first = 500 + (std::process::id() % 300) as u16 * 10;
    (first..first + 500).find(is_free).unwrap()
}

/// A node that runs, and what it is reached at.
struct Running {
    place: NodePlace,
    home: PathBuf,
    _process: Program,
}

impl Running {
    fn start(home: &Path, offset: u16) -> Self {
        let name = home.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let java = fs::canonicalize(find("java").unwrap()).unwrap();
        let mut start = command(Path::new("/bin/sh"));
        start.arg(home.join("bin/wso2server.sh")).env("JAVA_HOME", java.parent().unwrap().parent().unwrap());
        let process = Program::start(&mut start, &home.join("out"));
        let doors = vec![Door::direct("127.0.0.1", 9443 + offset)];
        let place = Place::new(doors, Tls::Unverified { name: "sso.example.com".into() }, "sso.example.com".into());
        Self { place: NodePlace { name, place }, home: home.to_owned(), _process: process }
    }

    /// Waits until it answers as a node that serves.
    async fn ready(&self, asks: &Asks) {
        let ready = asks.probes.iter().find(|ask| ask.name == "ready").unwrap();
        let end = Instant::now() + START;
        while let Err(why) = answers(&self.place.place, ready, Bounds::default()).await {
            let log = || fs::read_to_string(self.home.join("repository/logs/wso2carbon.log")).unwrap_or_default();
            assert!(Instant::now() < end, "{}: {why}\n{}", self.place.name, log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A kernel's home with everything that two nodes of one machine need.
fn home(pack: &Path, name: &str, offset: u16, database: &Server, members: &[u16; 2], own: u16) -> PathBuf {
    let home = pack.parent().unwrap().join(name);
    run("cp", &["-r", pack.to_str().unwrap(), home.to_str().unwrap()]).unwrap();
    let file = home.join("repository/conf/deployment.toml");
    let shipped = fs::read_to_string(&file).unwrap();
    let (before, rest) = shipped.split_once("[database.shared_db]\n").unwrap();
    let (_, after) = rest.split_once("[database.shared_db.pool_options]").unwrap();
    let server = format!("[server]\noffset = {offset}\nforce_local_cache = true\n");
    let [first, second] = members;
    // The product's mapper does not escape.
    let (port, password) = (database.port, database.password().replace('&', "&amp;"));
    let text = format!(
        r#"{}[database.shared_db]
type = "mysql"
url = "jdbc:mysql://127.0.0.1:{port}/shared?useSSL=false&amp;allowPublicKeyRetrieval=true"
username = "wso2"
password = "{password}"
driver = "com.mysql.cj.jdbc.Driver"
validationQuery = "SELECT 1"
[database.shared_db.pool_options]{after}
[clustering]
membership_scheme = "wka"
domain = "verify.domain"
local_member_host = "127.0.0.1"
local_member_port = "{own}"
members = ["127.0.0.1:{first}", "127.0.0.1:{second}"]
"#,
        before.replacen("[server]\n", &server, 1)
    );
    fs::write(&file, text).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn two_real_nodes_answer_and_what_one_writes_the_other_reads() {
    if env::var_os("HACTL_REQUIRE_REAL").is_none() {
        return skipped("starting real kernels takes minutes: HACTL_REQUIRE_REAL=1 asks for it");
    }
    let Some(database) = Server::start(Kind::MariaDb) else { return };
    let kernel = env::var("HACTL_TEST_KERNEL").unwrap_or_else(|_| KERNEL.to_owned());
    let pack = artifact("org.wso2.carbon", "wso2carbon-core", &kernel, "zip");
    let driver = artifact("com.mysql", "mysql-connector-j", "8.4.0", "jar");
    match pack.and_then(|pack| Ok((pack, driver?))) {
        Ok((pack, driver)) => prove_kernel(&kernel, &pack, &driver, &database).await,
        Err(why) => skipped(&format!("the real kernel {kernel} is not there: {why}")),
    }
}

async fn prove_kernel(kernel: &str, zip: &Path, driver: &Path, database: &Server) {
    let folder = TempDir::new().unwrap();
    run("unzip", &["-q", zip.to_str().unwrap(), "-d", folder.path().to_str().unwrap()]).unwrap();
    let pack = folder.path().join(format!("wso2carbon-core-{kernel}"));
    fs::copy(driver, pack.join("repository/components/lib/mysql-connector-j-8.4.0.jar")).unwrap();
    database.make("shared");
    database.ask("shared", &format!("source {}", pack.join("dbscripts/mysql.sql").display()));

    let inventory = format!(
        "version: 1\ncluster: iam\nproduct: {{ name: wso2carbon, version: {kernel}, home: /opt/x }}\n\
         hosts: {{ is-1: {{ address: 10.0.0.1 }} }}\nadmin: {{ username: admin, password: {{ env: ADMIN }} }}\n"
    );
    let (cluster, sources) = cluster(&inventory);
    let profile = Profile::find("wso2carbon", kernel).unwrap();
    let asks = |password: &str, value: &str| {
        let secrets = secrets(sources.clone(), |_| password.to_owned());
        Arc::new(Asks::new(&cluster, &profile, &secrets, &Bodies::new(), value).unwrap())
    };
    let right = asks("admin", "hactl-1f2e");

    let members = [free_port(), free_port()];
    let first = free_offset(&[]);
    let offsets = [first, free_offset(&[first])];
    let mut running = Vec::new();
    // One after another: two first starts on one empty schema would race.
    for (index, name) in ["is-1", "is-2"].into_iter().enumerate() {
        let home = home(&pack, name, offsets[index], database, &members, members[index]);
        let node = Running::start(&home, offsets[index]);
        node.ready(&right).await;
        running.push(node);
    }
    let ground = Ground::new(running.iter().map(|node| node.place.clone()).collect(), None);
    let proof = prove(&ground, &right, &Stop::new()).await.unwrap_or_else(|failure| panic!("{kernel}: {failure:?}"));
    assert_eq!(proof.words(), "both nodes answer when asked directly; what is-1 wrote is-2 reads", "{kernel}");
    assert_eq!(proof.not_proved, [""; 0], "{kernel}");
    let Shared::Read { what, .. } = &proof.shared else { panic!("{proof:?}") };
    assert_eq!(what, "a server role");

    // Nothing is left of it, on either node.
    let Ok(shared) = &right.shared else { panic!("the kernel has it") };
    for node in &ground.nodes {
        let left = answers(&node.place, &shared.read, Bounds::default()).await.unwrap_err();
        assert!(left.contains("200 without `return>hactl-1f2e<`"), "{left}");
    }
    // A node that a wrong user asks is no proof, and the password is in no word of it.
    let failure = prove(&ground, &asks("wr0ng&word", "hactl-2"), &Stop::new()).await.unwrap_err();
    assert_eq!(failure.code, "verify-wrong-answer", "{failure:?}");
    assert!(failure.cause.contains("answered `login` with 200 without `return>true<`"), "{failure:?}");
    assert!(!format!("{failure:?}").contains("wr0ng"), "{failure:?}");
}
