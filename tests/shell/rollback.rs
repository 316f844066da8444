//! Undoing a run.

use hactl::model::{Blob, Sha256};
use hactl::resources::{Directory, Resource, Rollback, Symlink, Upload, WholeFile};

use crate::files::edited;
use crate::host::{Host, everything, on_every_shell};

/// Everything below the root, with modes, links and content.
fn picture(host: &Host) -> Vec<String> {
    let of = |path: std::path::PathBuf| {
        let below = path.strip_prefix(host.at("")).unwrap().display().to_string();
        let what = match std::fs::read_link(&path) {
            Ok(target) => format!("-> {}", target.display()),
            Err(_) => format!("{:o} {:?}", host.mode(&below), std::fs::read(&path).ok()),
        };
        format!("{below} {what}")
    };
    everything(&host.at("")).into_iter().map(of).collect()
}

/// A run that changes something of every kind.
fn change_everything(host: &Host) {
    let jar = b"a driver";
    let blob = Blob { source: host.write("../driver.jar", jar), sha256: Sha256::of(jar), size: jar.len() as u64 };
    let wanted: [&dyn Resource; 10] = [
        &edited(host, "conf/ it's odd "),
        &WholeFile::new(host.path("conf/ it's odd "), "twice in one run").mode(0o600),
        &WholeFile::new(host.path("conf/whole"), "new text\n").mode(0o644),
        &Directory::new(host.path("made/in/between")),
        &WholeFile::new(host.path("made/in/between/file"), "x"),
        &Directory::new(host.path("conf")).mode(0o711),
        &Upload::new(blob, host.path("lib/driver.jar")).mode(0o644),
        &Symlink::new(host.path("turned"), host.path("made")),
        &Symlink::new(host.path("empty"), host.path("made")),
        &Symlink::new(host.path("content"), host.path("share")).adopt(true),
    ];
    for resource in wanted {
        host.converge(resource);
    }
}

fn prepare(host: &Host) {
    host.write("conf/ it's odd ", "localhost\r\n");
    host.set_mode("conf/ it's odd ", 0o640);
    host.write("conf/whole", "old text without end");
    host.set_mode("conf/whole", 0o400);
    host.write("lib/driver.jar", "another driver");
    host.write("content/a b/c.xml", "ours");
    host.set_mode("content/a b", 0o710);
    for folder in ["empty", "share"] {
        std::fs::create_dir(host.at(folder)).unwrap();
    }
    std::os::unix::fs::symlink("lib", host.at("turned")).unwrap();
}

#[test]
fn everything_is_back_byte_for_byte_and_can_be_undone_in_turn() {
    on_every_shell(|host| {
        prepare(host);
        let before = picture(host);
        change_everything(host);
        // What was moved to the shared folder stays there: other nodes may use it by now.
        let shared = |line: &String| !line.starts_with("share/");
        let after: Vec<String> = picture(host);
        let rollback = Rollback::new(host.run());
        host.next_run();
        let undone = host.converge(&rollback);
        assert!(undone.len() >= 10, "{undone:#?}");
        let restored: Vec<String> = picture(host).into_iter().filter(shared).collect();
        assert_eq!(restored, before);

        let again = Rollback::new(host.run());
        host.next_run();
        host.converge(&again);
        assert_eq!(picture(host), after);
    });
}

#[test]
fn what_was_edited_since_is_left_alone_and_named() {
    on_every_shell(|host| {
        prepare(host);
        change_everything(host);
        let rollback = Rollback::new(host.run());
        host.next_run();
        host.write("conf/whole", "edited by hand\n");
        let assessment = host.assess(&rollback).unwrap();
        assert_eq!(assessment.warnings.len(), 1, "{:?}", assessment.warnings);
        assert!(assessment.warnings[0].contains("conf/whole was changed since"));
        let error = host.mend(&assessment).unwrap_err();
        assert_eq!(error.code, "file-changed-since");
        assert!(error.cause.contains("conf/whole"), "{error}");
        assert_eq!(host.read("conf/whole"), "edited by hand\n");
        assert_eq!(host.read("conf/ it's odd "), "localhost\r\n");
        assert_eq!(host.assess(&rollback).unwrap_err().code, "file-changed-since");
    });
}

#[test]
fn a_run_that_was_cut_off_is_undone_as_far_as_it_came() {
    on_every_shell(|host| {
        prepare(host);
        let before = picture(host);
        host.converge(&edited(host, "conf/ it's odd "));
        let manifest = host.backup().join("manifest");
        let mut text = std::fs::read_to_string(&manifest).unwrap();
        let never = host.path("conf/whole");
        let old = Sha256::of(b"old text without end");
        let owner = text.split(':').nth(2).unwrap().to_owned();
        text.push_str(&format!("\n9 file:400:{owner}:{owner}:{old} file:400:0:0:{} {never}/\n", Sha256::of(b"new")));
        text.push_str("\n10 file:644:0");
        std::fs::write(&manifest, text).unwrap();
        let rollback = Rollback::new(host.run());
        host.next_run();
        host.converge(&rollback);
        assert_eq!(picture(host), before);
    });
}

#[test]
fn a_run_that_is_not_known_here_is_an_error() {
    on_every_shell(|host| {
        let error = host.assess(&Rollback::new("01NEVER")).unwrap_err();
        assert_eq!(error.code, "backup-missing", "{error}");
    });
}
