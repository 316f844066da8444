//! A node: a real kernel in a folder of its own, looked at and mended by the scripts that hosts get.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use hactl::model::Script;
use hactl::model::inventory::{Cluster, Host, Place, Secrets, read};
use hactl::model::profile::Profile;
use hactl::resources::process::{Life, NodeState};
use hactl::resources::{AssessError, Assessment, MEND, Resource, Seen, explain_failure, look_ahead};
use hactl::steps::{Allow, HostContext, Wanted, Wants, registry};
use tempfile::TempDir;

use crate::tools::{artifact, command, java_home, try_output, until};

pub(crate) struct Node {
    folder: TempDir,
    pub(crate) kernel: &'static str,
    /// What a script is run in: nothing, or a network namespace.
    pub(crate) inside: Vec<String>,
    pub(crate) offset: u16,
    run: u32,
}

impl Node {
    /// A new home of this kernel.
    pub(crate) fn unpack(kernel: &'static str, offset: u16) -> Result<Self, String> {
        let zip = artifact("org.wso2.carbon", "wso2carbon-core", kernel, "zip")?;
        java_home().ok_or("there is no java")?;
        try_output("curl", &["--version"])?;
        let folder =
            tempfile::Builder::new().prefix("hactl-node-").tempdir_in("/tmp").map_err(|error| error.to_string())?;
        let node = Self { folder, kernel, inside: Vec::new(), offset, run: 0 };
        try_output("unzip", &["-q", zip.to_str().unwrap(), "-d", node.folder.path().to_str().unwrap()])?;
        fs::rename(node.folder.path().join(format!("wso2carbon-core-{kernel}")), node.home()).unwrap();
        Ok(node)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.home().join("repository/conf/deployment.toml")
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.configuration(), text).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        let file = fs::read(self.home().join("repository/logs/wso2carbon.log")).unwrap_or_default();
        String::from_utf8_lossy(&file).into_owned()
    }

    /// The inventory's text for a product at this node.
    pub(crate) fn product(&self, java_home: &str, more: &str) -> String {
        format!(
            "{{ name: wso2carbon, version: {}, home: {}, java_home: {java_home}, port_offset: {}{more} }}",
            self.kernel,
            self.home().display(),
            self.offset
        )
    }

    /// The process that an inventory of this host alone wants.
    pub(crate) fn process(&self, more: &str) -> Box<dyn Resource> {
        self.wanted(&self.product(java_home().unwrap().to_str().unwrap(), more))
    }

    pub(crate) fn process_on(&self, java_home: &str) -> Box<dyn Resource> {
        self.wanted(&self.product(java_home, ""))
    }

    fn wanted(&self, product: &str) -> Box<dyn Resource> {
        let text = format!("version: 1\ncluster: one\nproduct: {product}\nhosts: {{ a: {{ address: 10.0.0.1 }} }}\n");
        let cluster = cluster(&text);
        process(&cluster, &cluster.hosts[0])
    }

    /// Starts the product as an administrator would.
    pub(crate) fn start_by_hand(&self) {
        drop(fs::remove_file(self.home().join("wso2carbon.pid")));
        let script = self.home().join("bin/wso2server.sh");
        let mut command = command("sh");
        command.arg(script).arg("start").env("JAVA_HOME", java_home().unwrap());
        assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    }

    /// Runs a script as a host does.
    fn execute(&self, prelude: &str, script: &Script, set_e: &str) -> Output {
        let words = [self.inside.clone(), vec!["sh".to_owned(), "-s".to_owned()]].concat();
        let state = self.folder.path().join("state");
        let mut child = command(&words[0])
            .args(&words[1..])
            .env_remove("JAVA_HOME")
            .env("HACTL_BLOBS", state.join("blobs"))
            .env("HACTL_BACKUP", state.join(format!("backups/{}", self.run)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("trap '' PIPE HUP INT TERM\n{prelude}\n({set_e}\n{}\n) < /dev/null\n", script.text());
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    pub(crate) fn script(&self, script: &Script) -> String {
        let output = self.execute("", script, "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn assess(&self, process: &dyn Resource) -> Result<Assessment, AssessError> {
        let (mut probe, mut prelude) = (Script::new(), Script::new());
        process.probe(&mut probe);
        look_ahead([process], &mut prelude);
        let output = self.execute(prelude.text(), &probe, "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.is_empty(), "a look says nothing on standard error: {said}");
        process.assess(Seen { stdout: &output.stdout, stderr: &output.stderr, status: status(&output) })
    }

    pub(crate) fn look(&self, process: &dyn Resource) -> (NodeState, Assessment) {
        let mut assessment = self.assess(process).unwrap_or_else(|error| panic!("{error:?}"));
        (assessment.node.take().unwrap(), assessment)
    }

    pub(crate) fn mend(&mut self, assessment: &Assessment) -> Result<Duration, AssessError> {
        assert!(!assessment.mend.is_empty(), "nothing to mend: {}", assessment.because);
        self.run += 1;
        let begin = Instant::now();
        let output = self.execute(MEND, &assessment.mend, "set -e");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a mend prints nothing");
        match status(&output) {
            0 => Ok(begin.elapsed()),
            failed => Err(explain_failure("mend-failed", &output.stderr, failed)),
        }
    }

    /// Looks, mends, and gives back what was changed.
    pub(crate) fn apply(&mut self, process: &dyn Resource) -> String {
        let (_, assessment) = self.look(process);
        let took = self.mend(&assessment).unwrap_or_else(|error| panic!("{error:?}"));
        let what: Vec<&str> = assessment.changes.iter().map(|change| change.what.as_str()).collect();
        eprintln!("{} {}: {} ({took:?})", self.kernel, self.offset, what.join("; "));
        what.join("; ")
    }

    /// Polls until the node is ready or has failed.
    pub(crate) fn settled(&self, process: &dyn Resource) -> NodeState {
        until("the node has come to something", Duration::from_secs(150), || {
            let (state, _) = self.look(process);
            (!matches!(state.life, Life::Starting { .. })).then_some(state)
        })
    }

    pub(crate) fn ready(&self, process: &dyn Resource) -> NodeState {
        let state = self.settled(process);
        assert!(state.is_ready(), "{state:#?}");
        let (_, again) = self.look(process);
        assert_eq!((again.changes, again.mend.is_empty()), (vec![], true));
        state
    }

    /// Kills whatever runs from this home.
    pub(crate) fn kill(&self) {
        for entry in fs::read_dir("/proc").unwrap() {
            let place = entry.unwrap().path();
            let line = fs::read(place.join("cmdline")).unwrap_or_default();
            let home = format!("-Dcarbon.home={}", self.home().display());
            if line.split(|byte| *byte == 0).any(|word| word == home.as_bytes()) {
                let pid = place.file_name().unwrap().to_str().unwrap();
                drop(try_output("kill", &["-9", pid]));
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn status(output: &Output) -> u32 {
    output.status.code().and_then(|code| u32::try_from(code).ok()).unwrap_or(255)
}

pub(crate) fn cluster(text: &str) -> Cluster {
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(text, &place).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    inventory.clusters[0].clone()
}

/// What `start-nodes` wants of a host's process.
pub(crate) fn process(cluster: &Cluster, host: &Host) -> Box<dyn Resource> {
    let product = host.product.as_ref().unwrap();
    let profile = Profile::find(&product.name, &product.version).unwrap();
    let on = HostContext {
        cluster,
        host,
        profile: Some(&profile),
        secrets: &Secrets::default(),
        blobs: &[],
        archives: &[],
        allow: Allow::default(),
    };
    let mut wants = Wants::default();
    let step = registry().iter().find(|step| step.name().0 == "start-nodes").unwrap();
    step.desire(&on, &mut wants).unwrap();
    let mut items = wants.into_items().unwrap();
    match items.pop().unwrap().resource {
        Wanted::Resource(resource) => resource,
        Wanted::File(_) => panic!("a process is no file"),
    }
}

/// The shipped configuration with another database.
pub(crate) fn on_database(shipped: &str, url: &str, driver: &str, password: &str) -> String {
    let (before, rest) = shipped.split_once("[database.shared_db]").unwrap();
    let (_, rest) = rest.split_once("[database.shared_db.pool_options]").unwrap();
    let (_, rest) = rest.split_once("\n\n").unwrap();
    format!(
        "{before}[database.shared_db]\ntype = \"mysql\"\nurl = \"{url}\"\nusername = \"wso2\"\npassword = \"{password}\"\ndriver = \"{driver}\"\n\n{rest}"
    )
}

pub(crate) fn with_offset(text: &str, offset: u16) -> String {
    text.replacen("[server]\n", &format!("[server]\noffset = \"{offset}\"\n"), 1)
}
