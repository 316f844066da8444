//! A real balancer in front of two small nodes, configured by hactl itself. Everything has a port of its own above 1024,
//! and a folder of its own in place of the package's: none of it needs root.

mod client;
mod drained;
mod faults;
mod node;
mod serving;
mod undo;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use node::Node;
use tempfile::TempDir;

use crate::sshd::{find, is_root, skip};

pub(crate) const KINDS: [&str; 2] = ["nginx", "haproxy"];

/// A balancer, two nodes, and the inventory that describes them.
pub(crate) struct Ground {
    pub(crate) kind: &'static str,
    pub(crate) folder: TempDir,
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) nodes: Vec<Node>,
}

/// What a run of hactl came to.
pub(crate) struct Done {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A port that nothing listens at, on any of the loopback addresses that a test uses.
pub(crate) fn free_port() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if (2..=3).all(|last| TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).is_ok()) {
            return port;
        }
    }
    panic!("there is no free port");
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < end, "{what} did not happen in 20 seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Ground {
    /// Two nodes, and a balancer that is not configured yet. `None` when the test was skipped.
    pub(crate) fn start(kind: &'static str) -> Option<Self> {
        for program in [kind, "openssl"] {
            if find(program).is_none() {
                skip(&format!("there is no {program} on this machine"));
                return None;
            }
        }
        let folder = tempfile::Builder::new().prefix("hactl-balancer").tempdir().unwrap();
        let (http, https, port) = (free_port(), free_port(), free_port());
        let nodes = (2..=3).map(|last| Node::start(Ipv4Addr::new(127, 0, 0, last), port)).collect();
        let ground = Self { kind, folder, http, https, nodes };
        for below in ["balancer/conf.d", "state", "temporary"] {
            fs::create_dir_all(ground.at(below)).unwrap();
        }
        ground.certificate("sso");
        fs::write(
            ground.at("profile.yaml"),
            format!("extends: wso2is-7.1\nports: {{ https: {}, http: {port} }}\n", free_port()),
        )
        .unwrap();
        if kind == "nginx" {
            ground.write_main();
        }
        ground.write_inventory("");
        Some(ground)
    }

    pub(crate) fn at(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Makes a certificate and its key.
    pub(crate) fn certificate(&self, name: &str) {
        let (certificate, key) = (self.at(&format!("{name}.crt")), self.at(&format!("{name}.key")));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=sso.example.com", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(certificate)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// A main file like the one that Debian ships, with its default site, which takes the HTTP port for all names.
    fn write_main(&self) {
        let folder = self.folder.path().display();
        let user = if is_root() { "user root;\n" } else { "" };
        let bodies: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("    {kind}_temp_path {folder}/temporary/{kind};\n"))
            .concat();
        let text = format!(
            "{user}worker_processes 2;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ worker_connections 256; }}\n\
             http {{\n    access_log off;\n{bodies}    include {folder}/balancer/conf.d/*.conf;\n    server {{\n        \
             listen 127.0.0.1:{} default_server;\n        server_name _;\n        return 410;\n    }}\n}}\n",
            self.http
        );
        fs::write(self.at("balancer/nginx.conf"), text).unwrap();
    }

    /// Writes the inventory; `more` are lines of the `load_balancer` section.
    pub(crate) fn write_inventory(&self, more: &str) {
        let text = format!(
            "version: 1\ncluster: iam-test\n\
             product: {{ name: wso2is, version: 7.1.0, home: /opt/none, profile: profile.yaml }}\n\
             ssh: {{ state_folder: {folder}/state }}\nhosts:\n  \
             is-1: {{ address: 127.0.0.2 }}\n  is-2: {{ address: 127.0.0.3 }}\n  \
             lb-1: {{ address: localhost, roles: [load-balancer] }}\n\
             endpoint: {{ hostname: sso.example.com, http_port: {}, https_port: {} }}\n\
             load_balancer:\n  kind: {}\n  http: proxy\n  listen: [127.0.0.1]\n  certificate: sso.crt\n  \
             key: {{ file: sso.key }}\n  configuration: {folder}/balancer\n  pid_file: {folder}/pid\n{more}",
            self.http,
            self.https,
            self.kind,
            folder = self.folder.path().display(),
        );
        fs::write(self.at("inventory.yaml"), text).unwrap();
    }

    /// Runs hactl.
    pub(crate) fn hactl(&self, words: &[&str]) -> Done {
        let output = Command::new(env!("CARGO_BIN_EXE_hactl"))
            .args(words)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("USER", "tester")
            .env("XDG_STATE_HOME", self.at("controller"))
            .env_remove("HACTL_INVENTORY")
            // What stands in the ~/.ssh/config of whoever runs the tests is not tested.
            .env("HACTL_SSH_CONFIG", "none")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Done {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs hactl, which must end with this code.
    #[track_caller]
    pub(crate) fn expect(&self, exit: i32, words: &[&str]) -> Done {
        let done = self.hactl(words);
        let log = fs::read_to_string(self.at("error.log")).unwrap_or_default();
        assert_eq!(done.exit, exit, "hactl {words:?}\n{}\n{}\n--- its own log\n{log}", done.stdout, done.stderr);
        done
    }

    /// Configures the balancer, which must end with this code.
    #[track_caller]
    pub(crate) fn apply(&self, exit: i32) -> Done {
        self.expect(exit, &["apply", "--limit", "lb-1"])
    }

    /// The balancer is as wanted, and a run finds nothing to do and leaves nothing behind.
    #[track_caller]
    pub(crate) fn is_converged(&self) {
        let done = self.apply(0);
        assert!(done.stdout.contains("in place") && !done.stdout.contains("changed"), "{}", done.stdout);
        for file in crate::cluster::files_below(self.folder.path()) {
            assert!(!file.display().to_string().contains("/.hactl."), "{} was left over", file.display());
        }
    }

    /// The file that hactl writes.
    pub(crate) fn configuration(&self) -> PathBuf {
        match self.kind {
            "nginx" => self.at("balancer/conf.d/hactl-iam-test.conf"),
            _ => self.at("balancer/haproxy.cfg"),
        }
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.configuration()).unwrap()
    }

    /// The process id of the balancer.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.at("pid")).ok()?.trim().parse().ok()
    }

    /// Ends the balancer, and waits for that.
    pub(crate) fn stop(&self) {
        let Some(pid) = self.pid() else { return };
        Command::new("kill").args(["-TERM", &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
        until("the balancer's end", || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        });
    }

    /// What has been answered to that many requests, by node.
    pub(crate) fn answered(&self, count: usize, headers: &[(&str, &str)]) -> [usize; 2] {
        let mut answered = [0, 0];
        for _ in 0..count {
            match self.get("/", headers).body.as_str() {
                "127.0.0.2" => answered[0] += 1,
                "127.0.0.3" => answered[1] += 1,
                other => panic!("{other} has answered"),
            }
        }
        answered
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What hactl has started must end when it is asked to; in the end nothing of a test may be left.
        for signal in ["-TERM", "-KILL"] {
            let Some(pid) = self.pid() else { return };
            drop(Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status());
            let end = Instant::now() + Duration::from_secs(2);
            while PathBuf::from(format!("/proc/{pid}")).exists() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}
