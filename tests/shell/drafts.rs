//! Files that are prepared together: each is still kept, guarded and put in place by itself.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::time::Duration;

use hactl::model::{Blob, Sha256};
use hactl::resources::{Assessment, Command, EditedFile, Resource, Upload, WholeFile};

use crate::faults::{mount, run};
use crate::files::edited;
use crate::host::{Host, is_root, on_every_plain_host, skipped, start};

const NAMES: [&str; 3] = ["conf/deployment.toml", "conf/registry.xml", "etc/hosts"];

/// Three files that say `localhost`.
fn shipped(host: &Host) -> Vec<EditedFile> {
    for name in NAMES {
        host.write(name, format!("{name} on localhost\n"));
    }
    NAMES.iter().map(|name| edited(host, name)).collect()
}

fn assessed(host: &Host, resources: &[&dyn Resource]) -> Vec<Assessment> {
    resources.iter().map(|resource| host.assess(*resource).unwrap()).collect()
}

fn all(files: &[EditedFile]) -> Vec<&dyn Resource> {
    files.iter().map(|file| file as &dyn Resource).collect()
}

/// Was it prepared? What is kept by the long way is called by a number.
fn kept(host: &Host, name: &str) -> bool {
    host.backup().join(name).exists()
}

#[test]
fn each_file_is_kept_and_has_its_own_mode_owner_and_content() {
    on_every_plain_host(|host| {
        let files = shipped(host);
        host.set_mode("conf/registry.xml", 0o640);
        host.write("conf/odd", "old");
        symlink(host.at("conf/registry.xml"), host.at("etc/registry.xml")).unwrap();
        if is_root() {
            chown(host.at("etc/hosts"), Some(1), Some(2)).unwrap();
            host.set_mode("etc/hosts", 0o4750);
        }
        let text = "it's \"all\" `kept` $HOME \\ %s \\n\t\r\nünï ✓ \u{81}\u{88} 日本\n\nno end";
        let (new, odd) =
            (WholeFile::new(host.path("etc/new"), text), WholeFile::new(host.path("conf/odd"), "bell \u{7}"));
        let old = WholeFile::new(host.path("conf/registry.xml"), "not by its link\n");
        let linked = edited(host, "etc/registry.xml");
        let mut wanted = all(&files);
        wanted.extend([&new as &dyn Resource, &odd]);
        let mut assessments = assessed(host, &wanted);
        assessments.push(host.assess(&linked).unwrap());
        host.mend_together(&assessments[..5]).unwrap();
        for resource in &wanted {
            host.is_in_place(*resource);
        }
        assert_eq!(host.read("etc/new"), text);
        assert_eq!((host.mode("etc/new"), host.mode("conf/registry.xml")), (0o644, 0o640));
        if is_root() {
            let hosts = std::fs::metadata(host.at("etc/hosts")).unwrap();
            assert_eq!((hosts.uid(), hosts.gid(), host.mode("etc/hosts")), (1, 2, 0o4750));
        }
        for name in ["deployment.toml", "registry.xml", "hosts", "odd"] {
            assert!(kept(host, name), "{name} was not prepared");
        }
        let old_hosts = std::fs::read_to_string(host.backup().join("hosts")).unwrap();
        assert_eq!(old_hosts, "etc/hosts on localhost\n");
        let manifest = std::fs::read_to_string(host.backup().join("manifest")).unwrap();
        assert_eq!(manifest.lines().filter(|line| !line.is_empty()).count(), 5, "{manifest}");
        host.no_leftovers();
        // A second time in the same run, the name is taken: the long way.
        host.mend_together(&assessed(host, &[&old])).unwrap();
        assert!(kept(host, "1") || kept(host, "2"));
        host.is_in_place(&old);
    });
}

#[test]
fn an_access_list_is_kept() {
    if start("sh", &["-c", "command -v setfacl"]).output().is_ok_and(|found| !found.status.success()) {
        skipped("there is no setfacl on this machine");
        return;
    }
    on_every_plain_host(|host| {
        if host.has_only_applets() {
            // The cp of busybox knows nothing of access lists.
            return;
        }
        let files = shipped(host);
        let hosts = host.at("etc/hosts");
        run("setfacl", &["-m", "u:1:r", hosts.to_str().unwrap()]);
        host.mend_together(&assessed(host, &all(&files))).unwrap();
        let listed = start("getfacl", &["-cp", hosts.to_str().unwrap()]).output().unwrap().stdout;
        assert!(String::from_utf8(listed).unwrap().contains("user:daemon:r--"));
        assert!(!kept(host, "hosts"), "the long way");
        host.no_leftovers();
    });
}

#[test]
fn what_was_edited_in_between_is_not_touched_and_what_comes_before_it_is_done() {
    on_every_plain_host(|host| {
        let files = shipped(host);
        let assessments = assessed(host, &all(&files));
        host.write("conf/registry.xml", "theirs on localhost\n");
        let error = host.mend_together(&assessments).unwrap_err();
        assert_eq!(error.code, "file-changed-meanwhile", "{error}");
        assert!(host.read("conf/deployment.toml").contains("is.example.test"));
        assert_eq!(host.read("conf/registry.xml"), "theirs on localhost\n");
        assert_eq!(host.read("etc/hosts"), "etc/hosts on localhost\n");
        host.no_leftovers();
        host.next_run();
        host.mend_together(&assessed(host, &all(&files)[1..])).unwrap();
        assert_eq!(host.read("conf/registry.xml"), "theirs on is.example.test\n");
    });
}

#[test]
fn what_an_earlier_item_changes_after_the_drafts_were_made_is_seen() {
    on_every_plain_host(|host| {
        let files = shipped(host);
        let mut assessments = assessed(host, &all(&files));
        // A command parts the drafts; one that claims not to is caught by the file's own time.
        let place = host.at("etc/hosts");
        let meddle = Command::new(format!("echo theirs > {}", place.display()));
        let mut meddled = host.assess(&meddle).unwrap();
        meddled.kin = assessments[0].kin;
        assessments.insert(2, meddled);
        let error = host.mend_together(&assessments).unwrap_err();
        assert_eq!(error.code, "file-changed-meanwhile", "{error}");
        assert_eq!(host.read("etc/hosts"), "theirs\n");
        host.no_leftovers();
    });
}

#[test]
fn a_failure_takes_the_drafts_of_what_was_not_reached_away() {
    on_every_plain_host(|host| {
        let files = shipped(host);
        let mut assessments = assessed(host, &all(&files));
        let blob = Blob { source: host.write("blob", "x"), sha256: Sha256::of(b"x"), size: 1 };
        let mut upload = host.assess(&Upload::new(blob, host.path("etc/driver.jar"))).unwrap();
        upload.needs.clear();
        assessments.insert(1, upload);
        let error = host.mend_together(&assessments).unwrap_err();
        assert_eq!(error.code, "blob-missing", "{error}");
        assert!(host.read(NAMES[0]).contains("is.example.test"));
        assert!(kept(host, "deployment.toml") && !kept(host, "registry.xml") && !kept(host, "hosts"));
        host.no_leftovers();
    });
}

#[test]
fn killed_at_any_moment_each_file_is_old_or_new_and_the_next_run_converges() {
    on_every_plain_host(|host| {
        for moment in (0..60).step_by(5) {
            let files = shipped(host);
            host.mend_together_and_die(&assessed(host, &all(&files)), Duration::from_millis(moment));
            for name in NAMES {
                let (old, new) = (format!("{name} on localhost\n"), format!("{name} on is.example.test\n"));
                let there = host.read(name);
                assert!(there == old || there == new, "half of {name} after {moment} ms: {there}");
            }
            host.next_run();
            host.mend_together(&assessed(host, &all(&files))).unwrap();
            for file in &files {
                host.is_in_place(file);
            }
            host.no_leftovers();
            host.next_run();
        }
    });
}

#[test]
fn a_full_disk_fails_the_item_that_is_on_it_and_no_other() {
    if !is_root() {
        skipped("only root can mount a small file system");
        return;
    }
    on_every_plain_host(|host| {
        let unmount = mount(host, "size=80k");
        let files = shipped(host);
        let old = "localhost\n".repeat(3000);
        host.write("disk/large", &old);
        host.write("disk/filler", vec![0; 36 * 1024]);
        let large = edited(host, "disk/large");
        let error = host.mend_together(&assessed(host, &[&files[0], &large, &files[1]])).unwrap_err();
        assert_eq!(error.code, "disk-full", "{error}");
        assert_eq!(host.read("disk/large"), old);
        assert!(host.read(NAMES[0]).contains("is.example.test") && host.read(NAMES[1]).contains("localhost"));
        host.no_leftovers();
        std::fs::remove_file(host.at("disk/filler")).unwrap();
        host.converge(&large);
        drop(unmount);
    });
}

#[test]
fn where_printf_is_a_program_the_text_is_not_among_its_words() {
    on_every_plain_host(|host| {
        let told = host.at("told");
        std::fs::create_dir_all(host.at("first")).unwrap();
        let program = host.write("first/printf", format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> {}\n", told.display()));
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        host.put_first(&host.at("first"));
        let file = WholeFile::new(host.path("new"), "poison\nof two lines\n");
        let mut assessment = host.assess(&file).unwrap();
        let mut mend = hactl::model::Script::new();
        // Only bash can be told to forget that it has a printf of its own.
        mend.line("if [ -n \"${BASH_VERSION-}\" ]; then enable -n printf; fi");
        mend.append(&assessment.mend);
        assessment.mend = mend;
        host.mend(&assessment).unwrap();
        assert_eq!(host.read("new"), "poison\nof two lines\n");
        let words = std::fs::read_to_string(&told).unwrap_or_default();
        assert!(!words.contains("poison"), "{words}");
    });
}

#[test]
fn an_uploaded_file_is_not_read_again_unless_something_was_done_to_it() {
    on_every_plain_host(|host| {
        let content = b"driver".repeat(1000);
        let blob = Blob { source: host.write("driver", &content), sha256: Sha256::of(&content), size: 6000 };
        let upload = Upload::new(blob, host.path("lib/driver.jar"));
        std::fs::create_dir(host.at("lib")).unwrap();
        let note = |host: &Host| {
            let mut assessment = host.assess(&upload).unwrap();
            let mut mend = hactl::model::Script::new();
            // As the engine does it: the mend's own mark is newer than what was uploaded before.
            mend.line("hactl_mending=$HACTL_STATE/mending; : > \"$hactl_mending\"");
            mend.line(
                "until [ \"$(echo \"$HACTL_BLOBS\"/*)\" -ot \"$hactl_mending\" ]; do : > \"$hactl_mending\"; done",
            );
            mend.append(&assessment.mend);
            mend.line("rm -f \"$HACTL_BLOBS\"/*; hactl_note_digests");
            assessment.mend = mend;
            host.mend(&assessment).unwrap();
        };
        note(host);
        let digests = std::fs::read_to_string(host.backup().join("digests")).unwrap_or_default();
        if !digests.contains("driver.jar// ") {
            assert!(host.has_only_applets(), "{digests}");
            return;
        }
        // A sha256sum that says something else tells whether it was asked.
        host.write("lies/sha256sum", "#!/bin/sh\ncat > /dev/null\necho 'lie  -'\n");
        host.set_mode("lies/sha256sum", 0o755);
        let file = format!("{}/digests", host.backup().display());
        let asked = |host: &Host| host.look_with_digests(&upload, &file).contains("lie");
        host.put_first(&host.at("lies"));
        assert!(!asked(host), "it was read again");
        let time = std::fs::metadata(host.at("lib/driver.jar")).unwrap().modified().unwrap();
        let changed = std::fs::OpenOptions::new().write(true).open(host.at("lib/driver.jar")).unwrap();
        std::os::unix::fs::FileExt::write_at(&changed, b"D", 0).unwrap();
        changed.set_modified(time).unwrap();
        assert!(asked(host), "whoever takes the time back cannot take the time of the change back");
    });
}
