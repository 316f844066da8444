//! A real sshd in a temporary folder, with its own host keys and one key that may log in.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hactl::model::inventory::TransportKind;
use hactl::transport::Link;
use tempfile::TempDir;

/// Says that a test is skipped, aloud; a failure where everything must be there.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "HACTL_REQUIRE_REAL is set, and {why}");
    eprintln!("SKIPPED: {why}");
}

/// Do the tests run as root?
pub(crate) fn is_root() -> bool {
    output("id", &["-u"]).trim() == "0"
}

/// The name of the user who runs the tests.
pub(crate) fn me() -> String {
    output("id", &["-un"]).trim().to_owned()
}

/// Runs a local program that must succeed, and returns what it printed.
pub(crate) fn output(program: &str, words: &[&str]) -> String {
    let done = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {words:?}: {}: {said}", done.status);
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Waits until a program listens behind this socket: for a moment it is there, and nobody does.
pub(crate) fn wait_for_socket(socket: &Path) {
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = UnixStream::connect(socket) {
        assert!(Instant::now() < end, "{}: {error}", socket.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The full path of a program, also of those that are not in a plain user's `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// How hosts are reached by these tests: by hactl itself, or with `HACTL_TEST_TRANSPORT=openssh` by the user's own `ssh`.
pub(crate) fn kind() -> TransportKind {
    match std::env::var("HACTL_TEST_TRANSPORT").as_deref() {
        Ok("openssh") => TransportKind::Openssh,
        Ok("ssh") | Err(_) => TransportKind::Ssh,
        Ok(other) => panic!("HACTL_TEST_TRANSPORT is {other}, and not ssh or openssh"),
    }
}

/// Are hosts reached by the user's own `ssh`?
pub(crate) fn by_openssh() -> bool {
    kind() == TransportKind::Openssh
}

/// Is this about what hactl's own SSH does in its own way, while the tests run over the user's own `ssh`? Then says so.
pub(crate) fn is_left_to_openssh(what: &str) -> bool {
    if by_openssh() {
        eprintln!("LEFT TO OPENSSH: {what}");
    }
    by_openssh()
}

/// A running server. It and everything that it started is killed when this is dropped.
pub(crate) struct Sshd {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Sshd {
    /// Starts a server that lets the user of the tests in with [`Self::identity`]. `config` are lines of sshd_config
    /// and win over the ones that are written here. `None` when there is no sshd: then the test was skipped aloud.
    pub(crate) fn start(config: &[&str]) -> Option<Self> {
        Self::start_in(Self::folder_with_keys(), config)
    }

    /// A folder with the keys that a server needs, to be changed before [`Self::start_in`].
    pub(crate) fn folder_with_keys() -> TempDir {
        let folder = tempfile::Builder::new().prefix("hactl-sshd").tempdir().unwrap();
        // sshd reads authorized_keys as the user who logs in, and that need not be us.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for (file, kind) in [("host_ed25519", "ed25519"), ("host_ecdsa", "ecdsa"), ("id_ed25519", "ed25519")] {
            keygen(&folder.path().join(file), kind, "");
        }
        let public = folder.path().join("id_ed25519.pub");
        fs::copy(public, folder.path().join("authorized_keys")).unwrap();
        folder
    }

    /// Starts a server in a folder with keys.
    pub(crate) fn start_in(folder: TempDir, config: &[&str]) -> Option<Self> {
        Self::start_with(folder, config, &[])
    }

    /// Starts a server in a folder with keys, with more in its environment.
    pub(crate) fn start_with(folder: TempDir, config: &[&str], environment: &[(&str, &Path)]) -> Option<Self> {
        let Some(sshd) = find("sshd") else {
            skip("there is no sshd");
            return None;
        };
        Self::start_as(folder, config, environment, &sshd)
    }

    /// The same by another name of the program, after which it asks for its rules of authentication (PAM).
    pub(crate) fn start_as(
        folder: TempDir,
        config: &[&str],
        environment: &[(&str, &Path)],
        sshd: &Path,
    ) -> Option<Self> {
        if is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        // Between our looking for a free port and sshd's binding it, somebody else may take it.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            fs::write(folder.path().join("sshd_config"), written(folder.path(), port, config)).unwrap();
            let mut child = spawn(sshd, folder.path(), environment);
            if listens(&mut child, &folder.path().join("log"), port) {
                let server = Self { folder, child, port };
                server.record("host_ed25519.pub");
                return Some(server);
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("sshd does not start: {log}");
    }

    /// Kills the server with all that it started, as a host that goes down does.
    pub(crate) fn go_down(&mut self) {
        self.signal("KILL");
        self.child.wait().unwrap();
    }

    /// Starts it anew, on the same port and with the same keys.
    pub(crate) fn come_up(&mut self) {
        let sshd = find("sshd").unwrap();
        let log = self.file("log");
        fs::write(&log, "").unwrap();
        self.child = spawn(&sshd, self.folder(), &[]);
        assert!(listens(&mut self.child, &log, self.port), "{}", self.log());
    }

    /// The server's folder: its host keys `host_ed25519` and `host_ecdsa`, `authorized_keys`, its `log`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the server's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The port that the server listens on, at 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The private key file that may log in.
    pub(crate) fn identity(&self) -> PathBuf {
        self.file("id_ed25519")
    }

    /// The file that holds the server's key; rewritten by [`Self::record`].
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.file("known_hosts")
    }

    /// Makes the public key in a file of the folder the only one that is recorded for the server.
    pub(crate) fn record(&self, public: &str) {
        let key = fs::read_to_string(self.file(public)).unwrap();
        fs::write(self.known_hosts(), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    /// How to reach the server as the user of the tests.
    pub(crate) fn link(&self) -> Link {
        Link {
            name: "host-1".to_owned(),
            identities: vec![self.identity()],
            known_hosts: vec![self.known_hosts()],
            connect_timeout: Duration::from_secs(20),
            ..Link::bare(kind(), "127.0.0.1", self.port, &me())
        }
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// How many commands the server was asked to run, counted from its log. Wants `LogLevel VERBOSE`, which is set.
    pub(crate) fn execs(&self) -> usize {
        self.log().lines().filter(|line| line.contains("Starting session: ")).count()
    }

    /// Kills what the server has started, and leaves the server itself listening.
    pub(crate) fn end_sessions(&self) {
        send("KILL", &descendants(self.child.id()));
    }

    /// Sends a signal to the server and to everything that it started.
    pub(crate) fn signal(&self, signal: &str) {
        let mut victims = descendants(self.child.id());
        victims.push(self.child.id());
        send(signal, &victims);
    }
}

fn spawn(sshd: &Path, folder: &Path, environment: &[(&str, &Path)]) -> Child {
    Command::new(sshd)
        .args(["-D", "-E"])
        .arg(folder.join("log"))
        .arg("-f")
        .arg(folder.join("sshd_config"))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn send(signal: &str, victims: &[u32]) {
    for victim in victims {
        // Some may have ended in between.
        drop(Command::new("kill").args([format!("-{signal}"), victim.to_string()]).stderr(Stdio::null()).status());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of sshd\n{}", self.log());
        }
        self.signal("KILL");
        drop(self.child.wait());
    }
}

/// Makes a key pair with ssh-keygen.
pub(crate) fn keygen(file: &Path, kind: &str, passphrase: &str) {
    // Few rounds of key derivation: tests are built without optimisation.
    let file = file.to_str().unwrap();
    output("ssh-keygen", &["-q", "-t", kind, "-a", "1", "-N", passphrase, "-C", "test", "-f", file]);
}

fn written(folder: &Path, port: u16, config: &[&str]) -> String {
    let folder = folder.display();
    // sshd takes the first of each. A home of its own: what stands in the .bashrc of whoever runs the tests is not tested.
    format!(
        "{}
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_ed25519
HostKey {folder}/host_ecdsa
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
LogLevel VERBOSE
SetEnv HOME={folder}
",
        config.join("\n").replace("FOLDER", &folder.to_string())
    )
}

/// Waits until the server says so itself: whoever answers on the port may be another test's server.
fn listens(child: &mut Child, log: &Path, port: u16) -> bool {
    let wanted = format!("Server listening on 127.0.0.1 port {port}.");
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        if fs::read_to_string(log).is_ok_and(|text| text.contains(&wanted)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    drop(child.wait());
    false
}

/// The processes below one, from the process table.
pub(crate) fn descendants(of: u32) -> Vec<u32> {
    let table: Vec<(u32, u32)> = output("ps", &["-e", "-o", "pid=,ppid="])
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(table.iter().filter(|(_, above)| *above == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}
