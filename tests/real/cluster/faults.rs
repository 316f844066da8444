//! What goes wrong on real hosts: each time a clear error with host, step, item, cause and next move, and nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::{Cluster, SHIPPED};
use crate::sshd::{is_root, keygen, skip};

/// The error that was printed for a host holds all of these.
#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in\n{text}");
    }
    assert!(text.contains("hint:"), "no next move in\n{text}");
}

#[test]
fn an_unreachable_host_is_unknown_and_nothing_is_changed_elsewhere() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    cluster.servers[1].signal("KILL");
    let done = cluster.expect(3, &["apply"]);
    says(
        &done.stdout,
        &["is-2  unknown", "error: is-2: tcp:", "is-1  not reached", "0 failed, 1 unknown, 1 not reached"],
    );
    assert_eq!(cluster.toml(0), SHIPPED);
    let plan = cluster.expect(3, &["plan"]);
    says(&plan.stdout, &["is-1  differs", "is-2  unknown"]);
}

#[test]
fn a_key_that_the_server_refuses_is_named() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let server = &cluster.servers[0];
    fs::remove_file(server.identity()).unwrap();
    fs::remove_file(server.file("id_ed25519.pub")).unwrap();
    keygen(&server.identity(), "ed25519", "");
    let done = cluster.expect(3, &["plan"]);
    says(&done.stdout, &["error: is-1: authentication:", "id_ed25519"]);
}

#[test]
fn an_unknown_and_a_changed_host_key_are_refused_and_told_apart() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    fs::write(cluster.servers[0].known_hosts(), "").unwrap();
    let other = fs::read_to_string(cluster.servers[0].file("host_ed25519.pub")).unwrap();
    let port = cluster.servers[1].port();
    fs::write(cluster.servers[1].known_hosts(), format!("[127.0.0.1]:{port} {other}")).unwrap();
    let done = cluster.expect(3, &["apply"]);
    says(
        &done.stdout,
        &["error: is-1: host key:", "host-key-unknown", "error: is-2: host key:", "host-key-changed", "SHA256:"],
    );
    assert_eq!(cluster.toml(0), SHIPPED);
}

#[test]
fn a_file_that_is_not_toml_is_named_with_line_and_column_and_left_alone() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    fs::write(cluster.toml_file(0), format!("{SHIPPED}[broken\n")).unwrap();
    let done = cluster.expect(1, &["apply"]);
    says(&done.stdout, &["error: is-1:", "deployment.toml", "line 37, column 8", "invalid-toml"]);
    assert_eq!(cluster.toml(0), format!("{SHIPPED}[broken\n"));
    fs::write(cluster.toml_file(0), SHIPPED).unwrap();
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
}

#[test]
fn a_missing_product_is_told_before_anything_is_changed() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    fs::remove_dir_all(cluster.home(1)).unwrap();
    let done = cluster.expect(1, &["apply"]);
    says(&done.stdout, &["error: is-2:", "deployment.toml is not there", "product.home"]);
    assert_eq!(cluster.toml(0), SHIPPED);
}

#[test]
fn an_edit_between_look_and_mend_is_not_lost() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else {
        return;
    };
    // look, lock, upload, mend of the first stage, mend of the second: that is when somebody else has edited.
    cluster.hook(0, 5, "echo '# by hand' >> home/repository/conf/deployment.toml");
    let done = cluster.expect(1, &["apply"]);
    says(&done.stdout, &["error: is-1:", "deployment.toml", "file-changed-meanwhile"]);
    assert_eq!(cluster.toml(0), format!("{SHIPPED}# by hand\n"));
    cluster.expect(0, &["apply"]);
    assert!(cluster.toml(0).contains("# by hand\n"), "the edit is kept");
    cluster.is_converged();
}

#[test]
fn a_login_shell_that_prints_and_a_clock_that_is_off_do_not_matter() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else {
        return;
    };
    for (index, offset) in [(0, "-3 days"), (1, "+9 years")] {
        let bin = cluster.servers[index].file("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("date"), format!("#!/bin/sh\nexec /bin/date -d '{offset}' \"$@\"\n")).unwrap();
        fs::set_permissions(bin.join("date"), fs::Permissions::from_mode(0o755)).unwrap();
        for count in 1..20 {
            let noise = "echo welcome; echo oops >&2; PATH=${0%/*}/bin:$PATH; export PATH";
            cluster.hook(index, count, noise);
        }
    }
    cluster.expect(0, &["apply"]);
    let again = cluster.expect(0, &["apply"]);
    assert!(again.stdout.contains("2 hosts in place"), "{}", again.stdout);
}

#[test]
fn a_host_without_sha256sum_says_what_to_install() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else {
        return;
    };
    let bin = cluster.servers[0].file("bin");
    fs::create_dir(&bin).unwrap();
    for folder in ["/usr/bin", "/bin"] {
        for program in fs::read_dir(folder).unwrap().flatten() {
            if program.file_name() != "sha256sum" {
                // The two folders may be one.
                drop(std::os::unix::fs::symlink(program.path(), bin.join(program.file_name())));
            }
        }
    }
    for count in 1..20 {
        cluster.hook(0, count, "PATH=$PWD/bin; export PATH");
    }
    let done = cluster.expect(1, &["apply"]);
    says(&done.stdout, &["error: is-1:", "sha256sum", "install coreutils"]);
    assert_eq!(cluster.toml(0), SHIPPED);
}

#[test]
fn a_full_disk_and_a_read_only_file_system_leave_the_file_whole() {
    if !is_root() {
        return skip("only root can mount a small file system");
    }
    let Some(cluster) = Cluster::start(&[]) else { return };
    let conf = cluster.home(0).join("repository/conf");
    let mount = |words: &[&str]| assert!(Command::new("mount").args(words).arg(&conf).status().unwrap().success());
    mount(&["-t", "tmpfs", "-o", "size=8k,mode=755", "tmpfs"]);
    let unmount = Unmount(conf.clone());
    fs::write(cluster.toml_file(0), SHIPPED).unwrap();
    fs::write(conf.join("filler"), vec![b'x'; 4096 - 64]).unwrap();
    let done = cluster.expect(1, &["apply"]);
    says(&done.stdout, &["error: is-1:", "deployment.toml", "disk-full"]);
    assert_eq!(cluster.toml(0), SHIPPED);
    fs::remove_file(conf.join("filler")).unwrap();
    mount(&["-o", "remount,ro,size=64k"]);
    let done = cluster.expect(1, &["apply"]);
    says(&done.stdout, &["error: is-1:", "deployment.toml", "read-only-file-system"]);
    mount(&["-o", "remount,rw,size=64k"]);
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
    drop(unmount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn mode_and_links_are_kept() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (file, elsewhere) = (cluster.toml_file(0), cluster.home(0).join("the-real.toml"));
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o640)).unwrap();
    cluster.expect(0, &["apply"]);
    assert!(file.is_symlink(), "the link is still a link");
    assert_eq!(fs::metadata(&elsewhere).unwrap().permissions().mode() & 0o777, 0o640);
    cluster.is_converged();
}
