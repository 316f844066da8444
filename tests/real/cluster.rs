//! hactl itself against two real servers that each hold a product's home.

mod become_user;
mod crowds;
mod exec;
mod faults;
mod hosts;
mod interrupted;
mod jump;
mod logs;
mod openssh;
pub(crate) mod output;
mod pack;
mod preflight;
mod prompt;
mod secrets;
mod tokens;
mod trust;
mod twice;
mod undo;
mod uploads;
mod user_config;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hactl::model::Sha256;
use tempfile::TempDir;
use toml_edit::DocumentMut;

use crate::sshd::{Sshd, by_openssh, me};

/// A configuration file in the shape that IS 7 ships, with what editors like to destroy: comments, odd blanks, a commented table.
pub(crate) const SHIPPED: &str = "\
# the server itself
[server]
hostname = \"localhost\"   # change me
node_ip = \"127.0.0.1\"
base_path = \"https://$ref{server.hostname}:${carbon.management.port}\"

[super_admin]
username = \"admin\"
password = \"admin\"
create_admin_account = true

[user_store]
type = \"database_unique_id\"

[database.identity_db]
type = \"h2\"
url = \"jdbc:h2:./repository/database/IDENTITY;DB_CLOSE_ON_EXIT=FALSE\"
username = \"wso2carbon\"
password = \"wso2carbon\"

[database.shared_db]
type = \"h2\"
url = \"jdbc:h2:./repository/database/SHARED;DB_CLOSE_ON_EXIT=FALSE\"
username = \"wso2carbon\"
password = \"wso2carbon\"

[keystore.primary]
file_name = \"wso2carbon.p12\"
password = \"wso2carbon\"
type=\"PKCS12\"

\t# [keystore.internal]
#file_name = \"$ref{keystore.primary.file_name}\"

[account_recovery.endpoint.auth]
hash= \"0123456789abcdef\"
";

/// The password in the inventory's environment: it holds what shells, TOML and XML stumble over.
pub(crate) const PASSWORD: &str = "poison-&<>\"'\\$-end";

/// Two servers, and the inventory that describes them.
pub(crate) struct Cluster {
    pub(crate) folder: TempDir,
    pub(crate) servers: Vec<Sshd>,
    /// Are the rules about hosts judged? These hosts have no JDK, and member addresses that are on no interface.
    pub(crate) preflight: bool,
}

/// What a run of hactl came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cluster {
    /// Two hosts with the shipped configuration. `config` are lines of sshd_config. `None` when the test was skipped.
    pub(crate) fn start(config: &[&str]) -> Option<Self> {
        let servers: Option<Vec<Sshd>> = (0..2).map(|_| Self::server(config)).collect();
        let folder = tempfile::Builder::new().prefix("hactl-cluster").tempdir().unwrap();
        let cluster = Self { folder, servers: servers?, preflight: false };
        fs::write(cluster.driver(), b"the bytes of a driver").unwrap();
        cluster.write_inventory("");
        Some(cluster)
    }

    fn server(config: &[&str]) -> Option<Sshd> {
        let folder = Sshd::folder_with_keys();
        let home = folder.path().join("home");
        Self::lay_down(&home);
        fs::write(folder.path().join("hosts"), "127.0.0.1 localhost\n").unwrap();
        let wrap = folder.path().join("wrap");
        // Runs `hook-N` before the Nth command, if there is one: the only way to be there at the right moment.
        fs::write(
            &wrap,
            "#!/bin/sh\ncd \"${0%/*}\" || exit 99\nprintf x >> count\nn=$(wc -c < count)\n[ ! -x ./hook-$n ] || . ./hook-$n\n\
             cd / || exit 99\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
        )
        .unwrap();
        fs::set_permissions(&wrap, fs::Permissions::from_mode(0o755)).unwrap();
        Sshd::start_in(folder, config)
    }

    /// Makes a folder a product's home.
    pub(crate) fn lay_down(home: &Path) {
        for below in ["repository/conf", "repository/components/lib", "repository/components/dropins"] {
            fs::create_dir_all(home.join(below)).unwrap();
        }
        fs::write(home.join("repository/conf/deployment.toml"), SHIPPED).unwrap();
    }

    /// Writes the inventory; `more` are further top-level keys.
    pub(crate) fn write_inventory(&self, more: &str) {
        let mut hosts = String::new();
        let transport = if by_openssh() { "openssh" } else { "ssh" };
        for (index, server) in self.servers.iter().enumerate() {
            let folder = server.folder().display();
            hosts.push_str(&format!(
                "  is-{}:\n    address: 127.0.0.1\n    transport: {transport}\n    ssh: {{ port: {}, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts, \
                 state_folder: {folder}/state }}\n    product: {{ home: {folder}/home }}\n    member_address: 10.0.0.{}\n",
                index + 1,
                server.port(),
                index + 1
            ));
        }
        let digest = Sha256::of(b"the bytes of a driver");
        let text = format!(
            "version: 1\ncluster: test\nssh: {{ user: {}, agent: false }}\nproduct: {{ name: wso2is, version: 7.1.0 }}\nhosts:\n{hosts}\
             databases:\n  driver: {{ file: mysql-connector-j-8.4.0.jar, sha256: {digest} }}\n  \
             identity_db: {{ type: mysql, host: db.example.com, name: IDENTITY_DB, username: wso2, password: {{ env: HACTL_TEST_PASSWORD }} }}\n  \
             shared_db: {{ type: mysql, host: db.example.com, name: SHARED_DB, username: wso2, password: {{ env: HACTL_TEST_PASSWORD }} }}\n\
             clustering: {{ scheme: wka, domain: test.domain }}\n\
             endpoint: {{ hostname: sso.example.com, http_port: 80, https_port: 443, hosts_entry: false }}\n{more}",
            me()
        );
        fs::write(self.inventory(), text).unwrap();
    }

    pub(crate) fn inventory(&self) -> PathBuf {
        self.folder.path().join("inventory.yaml")
    }

    pub(crate) fn driver(&self) -> PathBuf {
        self.folder.path().join("mysql-connector-j-8.4.0.jar")
    }

    /// hactl, ready to be run with these words; the inventory is found in the folder that it runs in.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hactl"));
        // A run that is taken up again, or has a playbook of its own, has its own steps.
        let own_steps = words.iter().any(|word| ["--resume", "--playbook"].contains(word));
        let with_steps = ["plan", "apply", "status"].iter().any(|command| words.first() == Some(command)) && !own_steps;
        let preflight = self.preflight || words.first() != Some(&"apply");
        let skip: &[&str] = match (with_steps, preflight) {
            (false, _) => &[],
            // There is no product on these hosts that could be started: whole hosts are another test's.
            (true, true) => &["--skip-step", "start-nodes,verify"],
            (true, false) => &["--skip-step", "start-nodes,verify,preflight"],
        };
        command
            .args(words)
            .args(skip)
            .current_dir(self.folder.path())
            .env("HACTL_TEST_PASSWORD", PASSWORD)
            .env("HOME", self.folder.path())
            .env("USER", me())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env_remove("HACTL_INVENTORY")
            // What stands in the ~/.ssh/config of whoever runs the tests is not tested.
            .env("HACTL_SSH_CONFIG", "none")
            .stdin(Stdio::null());
        command
    }

    /// Runs hactl.
    pub(crate) fn hactl(&self, words: &[&str]) -> Done {
        let output = self.command(words).output().unwrap();
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
        assert_eq!(done.exit, exit, "hactl {words:?}\n--- stdout\n{}\n--- stderr\n{}", done.stdout, done.stderr);
        done
    }

    /// Runs hactl with `--output json`, and returns the report of the one cluster.
    #[track_caller]
    pub(crate) fn report(&self, exit: i32, words: &[&str]) -> serde_json::Value {
        let done = self.expect(exit, &[words, &["--output", "json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        json["clusters"][0].clone()
    }

    pub(crate) fn home(&self, index: usize) -> PathBuf {
        self.servers[index].file("home")
    }

    pub(crate) fn toml_file(&self, index: usize) -> PathBuf {
        self.home(index).join("repository/conf/deployment.toml")
    }

    pub(crate) fn toml(&self, index: usize) -> String {
        fs::read_to_string(self.toml_file(index)).unwrap()
    }

    /// What a key of a host's configuration file holds, as the product would read it.
    #[track_caller]
    pub(crate) fn value(&self, index: usize, path: &str) -> String {
        let document: DocumentMut = self.toml(index).parse().unwrap();
        let mut item = document.as_item();
        for key in path.split('.') {
            item = item.get(key).unwrap_or_else(|| panic!("{path} is not there:\n{document}"));
        }
        item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned)
    }

    /// A command of this server runs `script` before its own work: the `count`th from now.
    pub(crate) fn hook(&self, index: usize, count: usize, script: &str) {
        let server = &self.servers[index];
        let so_far = fs::read(server.file("count")).unwrap_or_default().len();
        let hook = server.file(&format!("hook-{}", so_far + count));
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Both hosts hold what the inventory says, nothing is left to do, and nothing of a run is left over.
    #[track_caller]
    pub(crate) fn is_converged(&self) {
        let report = self.report(0, &["apply"]);
        for (index, host) in report["hosts"].as_array().unwrap().iter().enumerate() {
            assert_eq!(host["outcome"], "in_place", "{host:#}");
            assert_eq!(host["execs"], 1, "a host that is in place costs one exec");
            assert_eq!(self.value(index, "server.hostname"), "sso.example.com");
            for file in files_below(self.servers[index].folder()) {
                let name = file.file_name().unwrap().to_str().unwrap();
                assert!(!name.starts_with(".hactl") && !name.starts_with(".lock"), "{} was left over", file.display());
                assert!(!name.ends_with(".part"), "{} was left over", file.display());
            }
        }
    }
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
