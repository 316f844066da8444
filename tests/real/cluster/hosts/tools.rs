//! The last rung: programs and folders; and that the list of programs is enough for a whole run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use hactl::orchestration::hosts::{Need, TOOLS};
use tempfile::TempDir;

use super::{Desk, ssh};
use crate::cluster::Cluster;
use crate::sshd::{Sshd, find, is_root, output, skip};

/// A folder with these programs alone.
fn programs(names: &[&str]) -> TempDir {
    let folder = tempfile::Builder::new().prefix("hactl-path").tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in names {
        if let Some(program) = find(name) {
            symlink(program, folder.path().join(name)).unwrap();
        }
    }
    folder
}

/// A server whose users find hardly a program.
pub(super) fn bare() -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    fs::create_dir(folder.path().join("bin")).unwrap();
    for name in ["sh", "env", "cat", "rm", "sleep"] {
        symlink(find(name).unwrap(), folder.path().join("bin").join(name)).unwrap();
    }
    Sshd::start_in(folder, &["SetEnv PATH=FOLDER/bin HOME=FOLDER"])
}

#[test]
fn a_host_with_these_programs_alone_is_configured() {
    let wanted: Vec<&str> = TOOLS
        .iter()
        .filter(|tool| matches!(tool.need, Need::Everywhere | Need::Product))
        .map(|tool| tool.name)
        .collect();
    let path = programs(&wanted);
    // What stands before hactl's own shell: the servers' wrapper and login shell.
    let set = format!("SetEnv PATH={} HOME=FOLDER", path.path().display());
    let Some(cluster) = Cluster::start(&[&set]) else { return };
    cluster.expect(0, &["hosts", "ping"]);
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
    cluster.expect(0, &["hosts", "facts"]);
    fs::remove_file(path.path().join("sha256sum")).unwrap();
    let done = cluster.expect(3, &["hosts", "ping"]);
    assert_eq!(done.stdout.matches("it has no sha256sum [tools-missing]").count(), 2, "{}", done.stdout);
}

/// A file system in memory, unmounted when this is dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(at: &'a Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "hactl-ladder"]).arg(at).output();
        if done.is_ok_and(|done| done.status.success()) {
            return Some(Self(at));
        }
        skip("nothing can be mounted here");
        None
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        output("umount", &[self.0.to_str().unwrap()]);
    }
}

/// A server whose commands have this folder for temporary files.
fn with_tmp(name: &str) -> Option<Sshd> {
    Sshd::start(&[&format!("SetEnv TMPDIR=FOLDER/{name} HOME=FOLDER")])
}

#[test]
fn a_folder_for_temporary_files_that_is_missing_full_or_read_only_is_told() {
    let Some(missing) = with_tmp("nowhere") else { return };
    let host = |name: &str, server: &Sshd| format!("  {name}: {{ address: 127.0.0.1, ssh: {} }}\n", ssh(server, ""));
    let desk = Desk::new(&[&missing], &format!("hosts:\n{}", host("missing", &missing)));
    let report = desk.json(3, &["hosts", "ping"]);
    let broken = &report["hosts"][0]["broken"];
    assert_eq!((&broken["rung"], &broken["code"]), (&"tools".into(), &"tmp-closed".into()), "{broken:#}");
    if !is_root() {
        return skip("only root can mount a full and a read-only folder");
    }
    let (Some(full), Some(read_only), Some(noexec)) = (with_tmp("tmp"), with_tmp("tmp"), with_tmp("tmp")) else {
        return;
    };
    let folders = [full.file("tmp"), read_only.file("tmp"), noexec.file("tmp")];
    let Some(_full) = Mount::new(&folders[0], "size=4k") else { return };
    let Some(_read_only) = Mount::new(&folders[1], "ro") else { return };
    let Some(_noexec) = Mount::new(&folders[2], "noexec") else { return };
    let hosts = [host("full", &full), host("read-only", &read_only), host("noexec", &noexec)].concat();
    let desk = Desk::new(&[&full, &read_only, &noexec], &format!("hosts:\n{hosts}"));
    desk.reads("tmp.txt", 3, &["hosts", "ping"]);
    for folder in &folders {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "nothing is left behind");
    }
}
