//! What goes wrong on hosts: nothing is lost, nothing is left, and the error says what it was.

use std::os::unix::fs::{MetadataExt as _, symlink};

use hactl::model::{Blob, Sha256};
use std::time::Duration;

use hactl::resources::{Directory, Resource, Symlink, Upload, WholeFile};

use crate::files::edited;
use crate::host::{Host, is_root, on_every_shell, skipped, start};

#[test]
fn what_was_edited_in_between_is_not_touched() {
    on_every_shell(|host| {
        host.write("hosts", "localhost\n");
        let file = edited(host, "hosts");
        let assessment = host.assess(&file).unwrap();
        host.write("hosts", "localhost and more\n");
        let error = host.mend(&assessment).unwrap_err();
        assert_eq!(error.code, "file-changed-meanwhile");
        assert_eq!(host.read("hosts"), "localhost and more\n");
        host.no_leftovers();
        host.converge(&file);

        let new = WholeFile::new(host.path("new"), "mine");
        let assessment = host.assess(&new).unwrap();
        host.write("new", "theirs");
        assert_eq!(host.mend(&assessment).unwrap_err().code, "file-changed-meanwhile");
        assert_eq!(host.read("new"), "theirs");

        let gone = host.assess(&new).unwrap();
        std::fs::remove_file(host.at("new")).unwrap();
        assert_eq!(host.mend(&gone).unwrap_err().code, "file-changed-meanwhile");

        let link = Symlink::new(host.path("link"), host.path("hosts"));
        let assessment = host.assess(&link).unwrap();
        symlink("/elsewhere", host.at("link")).unwrap();
        assert_eq!(host.mend(&assessment).unwrap_err().code, "file-changed-meanwhile");
        host.no_leftovers();
    });
}

#[test]
fn killed_at_any_moment_a_mend_leaves_the_old_or_the_new_and_the_next_run_converges() {
    on_every_shell(|host| {
        let old = "localhost\n".repeat(500);
        let new = old.replace("localhost", "is.example.test");
        std::fs::create_dir(host.at("target")).unwrap();
        let (mut died_before, mut died_after) = (0, 0);
        for moment in (0..60).step_by(5) {
            host.write("hosts", &old);
            let file = edited(host, "hosts");
            let link = Symlink::new(host.path(&format!("link {moment}")), host.path("target"));
            host.mend_and_die(&host.assess(&file).unwrap(), Duration::from_millis(moment));
            host.mend_and_die(&host.assess(&link).unwrap(), Duration::from_millis(moment / 2));
            let there = host.read("hosts");
            assert!(there == old || there == new, "half of a file after {moment} ms");
            *if there == old { &mut died_before } else { &mut died_after } += 1;
            host.next_run();
            for resource in [&file as &dyn Resource, &link] {
                let assessment = host.assess(resource).unwrap();
                host.mend(&assessment).unwrap();
                host.is_in_place(resource);
            }
            host.no_leftovers();
        }
        eprintln!("died before the rename: {died_before}, after it: {died_after}");
    });
}

#[test]
fn without_sha256sum_nothing_is_written() {
    on_every_shell(|host| {
        host.without("sha256sum", |poor| {
            let path = poor.write("hosts", "localhost\n");
            let assessment = poor.assess(&edited(poor, "hosts")).unwrap();
            let error = poor.mend(&assessment).unwrap_err();
            assert_eq!(error.code, "sha256sum-missing", "{error}");
            assert_eq!(poor.read("hosts"), "localhost\n");
            let blob = Blob { source: path, sha256: Sha256::of(b"x"), size: 1 };
            let error = poor.assess(&Upload::new(blob, poor.path("hosts"))).unwrap_err();
            assert_eq!(error.code, "sha256sum-missing", "{error}");
            poor.no_leftovers();
        });
    });
}

#[test]
fn without_base64_a_text_is_written_and_what_is_none_is_not() {
    on_every_shell(|host| {
        host.without("base64", |poor| {
            poor.write("hosts", "localhost\n");
            poor.converge(&edited(poor, "hosts"));
            poor.write("odd", "old");
            let odd = WholeFile::new(poor.path("odd"), "a bell rings: \u{7}");
            let error = poor.mend(&poor.assess(&odd).unwrap()).unwrap_err();
            assert_eq!(error.code, "base64-missing", "{error}");
            assert_eq!(poor.read("odd"), "old");
            poor.no_leftovers();
        });
    });
}

#[test]
fn a_file_over_the_limit_is_refused() {
    on_every_shell(|host| {
        host.write("large", vec![b'x'; 4 * 1024 * 1024 + 1]);
        let error = host.assess(&edited(host, "large")).unwrap_err();
        assert_eq!(error.code, "too-large");
        assert!(error.cause.contains("4194305 bytes"), "{error}");
    });
}

#[test]
fn a_full_disk_costs_nothing() {
    with_file_system("size=128k", |host| {
        let old = "localhost\n".repeat(3000);
        host.write("disk/hosts", &old);
        host.write("disk/filler", vec![0; 80 * 1024]);
        let error = host.mend(&host.assess(&edited(host, "disk/hosts")).unwrap()).unwrap_err();
        assert_eq!(error.code, "disk-full", "{error}");
        assert_eq!(host.read("disk/hosts"), old);
        host.no_leftovers();
        let new = WholeFile::new(host.path("disk/new"), old.as_str());
        assert_eq!(host.mend(&host.assess(&new).unwrap()).unwrap_err().code, "disk-full");
        host.no_leftovers();
        assert!(!host.at("disk/new").exists());
        std::fs::remove_file(host.at("disk/filler")).unwrap();
        host.converge(&edited(host, "disk/hosts"));
    });
}

#[test]
fn a_full_backup_folder_keeps_the_file_from_being_changed() {
    with_file_system("size=16k", |host| {
        host.write("hosts", "localhost\n".repeat(3000));
        symlink(host.at("disk"), host.state_folder()).unwrap();
        let error = host.mend(&host.assess(&edited(host, "hosts")).unwrap()).unwrap_err();
        assert_eq!(error.code, "disk-full", "{error}");
        assert!(host.read("hosts").starts_with("localhost"));
        host.no_leftovers();
        assert!(!host.backup().join("1").exists());
    });
}

#[test]
fn a_read_only_file_system_is_told_as_such() {
    with_file_system("size=64k", |host| {
        host.write("disk/hosts", "localhost\n");
        std::fs::create_dir(host.at("disk/folder")).unwrap();
        let disk = host.at("disk");
        run("mount", &["-o", "remount,ro", disk.to_str().unwrap()]);
        let error = host.mend(&host.assess(&edited(host, "disk/hosts")).unwrap()).unwrap_err();
        assert_eq!(error.code, "read-only-file-system", "{error}");
        let wanted = Directory::new(host.path("disk/folder")).mode(0o700);
        let error = host.mend(&host.assess(&wanted).unwrap()).unwrap_err();
        assert_eq!(error.code, "read-only-file-system", "{error}");
        let link = Symlink::new(host.path("disk/link"), host.path("disk/folder"));
        let error = host.mend(&host.assess(&link).unwrap()).unwrap_err();
        assert_eq!(error.code, "read-only-file-system", "{error}");
    });
}

#[test]
fn a_closed_folder_is_unknown_and_not_absent() {
    if is_root() {
        // To root no folder is closed; there another user is taken.
        return;
    }
    on_every_shell(|host| {
        host.write("closed/hosts", "localhost\n");
        host.set_mode("closed", 0o000);
        let unreadable = host.assess(&WholeFile::new(host.path("closed/hosts"), "x")).unwrap_err();
        host.set_mode("closed", 0o555);
        let unwritable = host.mend(&host.assess(&edited(host, "closed/hosts")).unwrap()).unwrap_err();
        host.set_mode("closed", 0o755);
        assert_eq!(unreadable.code, "permission-denied", "{unreadable}");
        assert_eq!(unwritable.code, "permission-denied", "{unwritable}");
        assert_eq!(host.read("closed/hosts"), "localhost\n");
    });
}

#[test]
fn root_keeps_the_owner_of_a_file_and_gives_new_ones_that_of_their_folder() {
    if !is_root() {
        skipped("only root can give files away");
        return;
    }
    on_every_shell(|host| {
        host.write("conf/hosts", "localhost\n");
        for path in ["conf", "conf/hosts"] {
            std::os::unix::fs::chown(host.at(path), Some(12), Some(34)).unwrap();
        }
        host.converge(&edited(host, "conf/hosts"));
        host.converge(&WholeFile::new(host.path("conf/new"), "x"));
        host.converge(&Directory::new(host.path("conf/folder")));
        host.converge(&Symlink::new(host.path("conf/link"), host.path("conf/folder")));
        for path in ["conf/hosts", "conf/new", "conf/folder", "conf/link"] {
            let about = std::fs::symlink_metadata(host.at(path)).unwrap();
            assert_eq!((about.uid(), about.gid()), (12, 34), "{path}");
        }
        let given = Directory::new(host.path("conf/folder")).owner(Some("daemon".into()));
        host.converge(&given);
        let nobody = Directory::new(host.path("conf/folder")).owner(Some("no-such-user".into()));
        let error = host.mend(&host.assess(&nobody).unwrap()).unwrap_err();
        assert_eq!(error.code, "owner-missing", "{error}");
    });
}

#[test]
fn a_user_who_may_not_is_told_so() {
    if !is_root() {
        skipped("only root can become another user");
        return;
    }
    on_every_shell(|host| {
        host.open_to_everybody();
        // The folder is the other user's, the file is not: he may replace it, but cannot keep its owner.
        host.write("home/hosts", "localhost\n");
        std::os::unix::fs::chown(host.at("home"), Some(65534), Some(65534)).unwrap();
        host.write("closed/hosts", "localhost\n");
        host.write("locked/hosts", "localhost\n");
        host.set_mode("locked", 0o700);
        host.become_user(65534);
        let error = host.mend(&host.assess(&edited(host, "home/hosts")).unwrap()).unwrap_err();
        assert_eq!(error.code, "owned-by-another", "{error}");
        let error = host.mend(&host.assess(&edited(host, "closed/hosts")).unwrap()).unwrap_err();
        assert_eq!(error.code, "permission-denied", "{error}");
        for path in ["locked/hosts", "locked/absent"] {
            let error = host.assess(&WholeFile::new(host.path(path), "x")).unwrap_err();
            assert_eq!(error.code, "permission-denied", "{error}");
        }
        assert_eq!(host.read("home/hosts"), "localhost\n");
        host.no_leftovers();
    });
}

/// Runs `test` with a small file system of its own at `disk`.
fn with_file_system(options: &str, test: impl Fn(&Host)) {
    if !is_root() {
        skipped("only root can mount a small file system");
        return;
    }
    on_every_shell(|host| {
        let unmount = mount(host, options);
        test(host);
        drop(unmount);
    });
}

/// Mounts a small file system at `disk`. Wants root.
pub(crate) fn mount(host: &Host, options: &str) -> Unmount {
    let disk = host.at("disk");
    std::fs::create_dir(&disk).unwrap();
    run("mount", &["-t", "tmpfs", "-o", options, "tmpfs", disk.to_str().unwrap()]);
    Unmount(disk)
}

pub(crate) struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    assert!(start(program, arguments).status().unwrap().success());
}
