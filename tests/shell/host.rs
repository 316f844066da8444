//! A host made of a temporary folder and one of the shells that hosts have.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use hactl::model::{RemotePath, Script};
use hactl::resources::{AssessError, Assessment, MEND, Resource, Seen, explain_failure, look_ahead, together};

/// A shell and its coreutils.
struct Shell {
    name: &'static str,
    command: &'static [&'static str],
    /// Only the applets of busybox, not the machine's own coreutils.
    applets: bool,
}

const SHELLS: [Shell; 3] = [
    Shell { name: "sh", command: &["sh", "-s"], applets: false },
    Shell { name: "bash", command: &["bash", "-s"], applets: false },
    Shell { name: "busybox", command: &["busybox", "sh", "-s"], applets: true },
];

/// Without any of these, root may not read what belongs to the processes of others.
const BLIND: &str = "-sys_ptrace,-perfmon,-sys_admin";

/// A host: everything it holds is below `root`.
pub(crate) struct Host {
    shell: &'static Shell,
    folder: tempfile::TempDir,
    path: Option<String>,
    first: RefCell<String>,
    run: Cell<u32>,
    user: Cell<Option<u32>>,
    /// Is it a container, whose root may not look into the processes of others?
    contained: Cell<bool>,
}

/// Runs `test` on a host of every shell of this machine, in a folder whose name no script may trip over.
pub(crate) fn on_every_shell(test: impl Fn(&Host)) {
    on_every_shell_in("it's a $HOST \"é\" ", test);
}

/// The same in a folder with a name like any other.
pub(crate) fn on_every_plain_host(test: impl Fn(&Host)) {
    on_every_shell_in("hactl-plain", test);
}

fn on_every_shell_in(prefix: &str, test: impl Fn(&Host)) {
    for shell in &SHELLS {
        let program = shell.command[0];
        if !which(program) {
            skipped(&format!("there is no {program} on this machine"));
            continue;
        }
        eprintln!("--- {}", shell.name);
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        let mut host = Host {
            shell,
            folder,
            path: None,
            first: RefCell::default(),
            run: Cell::new(1),
            user: Cell::new(None),
            contained: Cell::new(false),
        };
        if shell.applets {
            let applets = host.folder.path().join("applets");
            std::fs::create_dir(&applets).unwrap();
            let installed = start("busybox", &["--install", "-s", applets.to_str().unwrap()]).output().unwrap();
            assert!(installed.status.success(), "{installed:?}");
            host.path = Some(applets.display().to_string());
        }
        std::fs::create_dir(host.folder.path().join("root")).unwrap();
        test(&host);
    }
}

/// Says that a test was left out, past the test runner's capture; where everything must be tested, it is a failure.
pub(crate) fn skipped(why: &str) {
    assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "HACTL_REQUIRE_REAL is set, and {why}");
    let mut past_the_capture = std::io::stderr();
    past_the_capture.write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// Does this test run as root?
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

fn which(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).exists()))
}

#[expect(clippy::disallowed_methods, reason = "the scripts are run by the real shells")]
pub(crate) fn start(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

impl Host {
    pub(crate) fn at(&self, below: &str) -> PathBuf {
        self.folder.path().join("root").join(below)
    }

    pub(crate) fn path(&self, below: &str) -> RemotePath {
        self.at(below).to_str().unwrap().parse().unwrap()
    }

    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.at(below)).unwrap()
    }

    pub(crate) fn mode(&self, below: &str) -> u32 {
        std::fs::symlink_metadata(self.at(below)).unwrap().permissions().mode() & 0o7777
    }

    pub(crate) fn set_mode(&self, below: &str, mode: u32) {
        std::fs::set_permissions(self.at(below), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The backup folder of the current run.
    pub(crate) fn backup(&self) -> PathBuf {
        self.state_folder().join("backups").join(self.run())
    }

    /// The current run's id.
    pub(crate) fn run(&self) -> String {
        format!("run-{}", self.run.get())
    }

    /// What follows belongs to another run.
    pub(crate) fn next_run(&self) {
        self.run.set(self.run.get() + 1);
    }

    /// The same host, of which only these programs are there.
    pub(crate) fn without(&self, program: &str, work: impl FnOnce(&Self)) {
        let mut poor = Self {
            shell: self.shell,
            folder: tempfile::tempdir().unwrap(),
            path: None,
            first: RefCell::default(),
            run: Cell::new(1),
            user: Cell::new(None),
            contained: Cell::new(false),
        };
        std::fs::create_dir(poor.folder.path().join("root")).unwrap();
        let programs = poor.folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        for name in [
            "base64",
            "busybox",
            "cat",
            "chcon",
            "chmod",
            "chown",
            "cp",
            "df",
            "find",
            "grep",
            "id",
            "ls",
            "mkdir",
            "mktemp",
            "mv",
            "readlink",
            "rm",
            "rmdir",
            "sed",
            "sha256sum",
            "stat",
            "sync",
            "sh",
            "bash",
        ] {
            let place =
                std::env::split_paths(&self.search_path()).map(|folder| folder.join(name)).find(|at| at.exists());
            if let Some(place) = place.filter(|_| name != program) {
                std::os::unix::fs::symlink(place, programs.join(name)).unwrap();
            }
        }
        poor.path = Some(programs.display().to_string());
        work(&poor);
    }

    /// What follows finds the programs of this folder before all others.
    pub(crate) fn put_first(&self, folder: &Path) {
        self.first.replace(format!("{}:", folder.display()));
    }

    /// Lets every user into the host's folders, which only their owner may enter otherwise.
    pub(crate) fn open_to_everybody(&self) {
        let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        open(self.folder.path(), 0o755);
        std::fs::create_dir_all(self.state_folder()).unwrap();
        open(&self.state_folder(), 0o777);
    }

    /// What follows is done by this user.
    pub(crate) fn become_user(&self, user: u32) {
        self.user.set(Some(user));
    }

    /// What follows is done by a root who may not look into the processes of others, as in a container. Wants root.
    pub(crate) fn contain(&self) {
        self.contained.set(true);
    }

    fn search_path(&self) -> String {
        let usual = self.path.clone().unwrap_or_else(|| std::env::var("PATH").unwrap());
        format!("{}{usual}", self.first.borrow())
    }

    /// Starts a script in this host's shell, in a subshell as the engine does.
    fn spawn(&self, prelude: &str, script: &Script, set_e: &str) -> Child {
        let (shell, arguments) = self.shell.command.split_first().unwrap();
        let state = self.state_folder();
        let shell = which_in(shell, &std::env::var("PATH").unwrap());
        let mut command = if self.contained.get() {
            let setpriv = which_in("setpriv", &std::env::var("PATH").unwrap());
            let mut command = start(&setpriv, &["--bounding-set", BLIND, "--inh-caps", BLIND, "--", &shell]);
            command.args(arguments);
            command
        } else {
            start(&shell, arguments)
        };
        if let Some(user) = self.user.get() {
            command.uid(user).gid(user).current_dir("/");
        }
        let mut child = command
            .env("PATH", self.search_path())
            .env("HACTL_STATE", &state)
            .env("HACTL_BLOBS", state.join("blobs"))
            .env("HACTL_BACKUP", self.backup())
            .env("LC_ALL", "C")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("trap '' PIPE HUP\n{prelude}\n({set_e}\n{}\n) < /dev/null\n", script.text());
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child
    }

    /// Runs a script behind a prelude.
    pub(crate) fn execute(&self, prelude: &str, script: &Script, set_e: &str) -> Output {
        self.spawn(prelude, script, set_e).wait_with_output().unwrap()
    }

    /// Begins a mend and kills everything that belongs to it after a while.
    pub(crate) fn mend_and_die(&self, assessment: &Assessment, after: Duration) {
        let child = self.spawn(MEND, &assessment.mend, "set -e");
        std::thread::sleep(after);
        let group = format!("-{}", child.id());
        // It may have ended already.
        start("kill", &["-9", "--", &group]).stderr(Stdio::null()).status().unwrap();
        child.wait_with_output().unwrap();
    }

    /// Looks and tells.
    pub(crate) fn assess(&self, resource: &dyn Resource) -> Result<Assessment, AssessError> {
        let mut probe = Script::new();
        resource.probe(&mut probe);
        let mut prelude = Script::new();
        look_ahead([resource], &mut prelude);
        let output = self.execute(prelude.text(), &probe, "");
        resource.assess(Seen { stdout: &output.stdout, stderr: &output.stderr, status: status(&output) })
    }

    /// What a look prints that knows what a mend has noted in `file`.
    pub(crate) fn look_with_digests(&self, resource: &dyn Resource, file: &str) -> String {
        let (mut prelude, mut probe) = (Script::new(), Script::new());
        look_ahead([resource], &mut prelude);
        prelude.call("hactl_read_digests", &[file]);
        resource.probe(&mut probe);
        String::from_utf8(self.execute(prelude.text(), &probe, "").stdout).unwrap()
    }

    /// Has it only the applets of busybox?
    pub(crate) fn has_only_applets(&self) -> bool {
        self.shell.applets
    }

    /// Runs a mend.
    pub(crate) fn mend(&self, assessment: &Assessment) -> Result<(), AssessError> {
        for blob in &assessment.needs {
            let blobs = self.state_folder().join("blobs");
            std::fs::create_dir_all(&blobs).unwrap();
            // As an upload does it: a new file under that name, never new bytes in the old one.
            let place = blobs.join(blob.sha256.to_string());
            drop(std::fs::remove_file(&place));
            std::fs::copy(&blob.source, place).unwrap();
        }
        let output = self.execute(MEND, &assessment.mend, "set -e");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a mend prints nothing");
        match status(&output) {
            0 => Ok(()),
            failed => Err(explain_failure("mend-failed", &output.stderr, failed)),
        }
    }

    /// Runs several mends as the engine does, up to the first that fails.
    pub(crate) fn mend_together(&self, assessments: &[Assessment]) -> Result<(), AssessError> {
        let (prelude, script) = self.together(assessments);
        let output = self.execute(prelude.text(), &script, "");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a mend prints nothing");
        match status(&output) {
            0 => Ok(()),
            failed => Err(explain_failure("mend-failed", &output.stderr, failed)),
        }
    }

    /// Begins them, and kills everything that belongs to them after a while.
    pub(crate) fn mend_together_and_die(&self, assessments: &[Assessment], after: Duration) {
        let (prelude, script) = self.together(assessments);
        let child = self.spawn(prelude.text(), &script, "");
        std::thread::sleep(after);
        start("kill", &["-9", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status().unwrap();
        child.wait_with_output().unwrap();
    }

    fn together(&self, assessments: &[Assessment]) -> (Script, Script) {
        let (mut prelude, mut script) = (Script::new(), Script::new());
        prelude.line(MEND);
        for (before, item) in together(assessments, &mut prelude) {
            before.iter().for_each(|before| script.append(before));
            script.line("( set -e");
            script.append(&item);
            script.line(") </dev/null; hactl_status=$?");
            script.line("[ \"$hactl_status\" = 0 ] || { hactl_after_failure; exit \"$hactl_status\"; }");
        }
        (prelude, script)
    }

    /// Looks, mends, looks again and proves that it is as wanted; gives back what was changed.
    pub(crate) fn converge(&self, resource: &dyn Resource) -> Vec<String> {
        let assessment = self.assess(resource).unwrap();
        assert!(!assessment.mend.is_empty(), "{} has nothing to mend", resource.id());
        self.mend(&assessment).unwrap();
        self.is_in_place(resource);
        self.no_leftovers();
        assessment.changes.into_iter().map(|change| change.what).collect()
    }

    /// Proves that nothing is to be done.
    pub(crate) fn is_in_place(&self, resource: &dyn Resource) -> Assessment {
        let again = self.assess(resource).unwrap();
        assert_eq!(again.changes, [], "{}", resource.id());
        assert!(again.mend.is_empty());
        again
    }

    /// Proves that no temporary file of hactl's is on the host.
    pub(crate) fn no_leftovers(&self) {
        let left: Vec<PathBuf> = everything(&self.at(""))
            .into_iter()
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".hactl.")))
            .collect();
        assert_eq!(left, Vec::<PathBuf>::new());
    }
}

fn which_in(program: &str, path: &str) -> String {
    let found = std::env::split_paths(path).map(|folder| folder.join(program)).find(|at| at.exists());
    found.unwrap().display().to_string()
}

fn status(output: &Output) -> u32 {
    output.status.code().and_then(|code| u32::try_from(code).ok()).unwrap_or(255)
}

/// Every path below `folder`.
pub(crate) fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(everything(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}
