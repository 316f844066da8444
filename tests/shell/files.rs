//! Files: whole, edited, uploaded.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use hactl::model::{Blob, Secret, Sha256};
use hactl::resources::edit::{Edit, EditError, Edited};
use hactl::resources::{Command, EditedFile, Upload, WhenAbsent, WholeFile};

use crate::host::{Host, on_every_shell};

/// Replaces a word.
#[derive(Clone)]
pub(crate) struct Word(&'static str, &'static str);

impl Edit for Word {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        let edited = if text.contains(self.1) {
            text.to_owned()
        } else if text.is_empty() {
            self.1.to_owned()
        } else {
            text.replace(self.0, self.1)
        };
        let changed = edited != text;
        Ok(Edited {
            text: edited.into(),
            changes: Vec::from_iter(changed.then(|| format!("{} -> {}", self.0, self.1))),
        })
    }
}

pub(crate) fn edited(host: &Host, below: &str) -> EditedFile {
    let mut file = EditedFile::new(host.path(below));
    file.and(None, WhenAbsent::Refuse, Word("localhost", "is.example.test"));
    file
}

const NAMES: [&str; 6] = ["plain.toml", "-rf", "it's \"$(odd)\" `one`", "with \\ backslash", "ünï ✓", " blanks "];

#[test]
fn an_edited_file_keeps_its_mode_and_every_other_byte() {
    on_every_shell(|host| {
        for name in NAMES {
            let text = "\u{feff}host = localhost\r\n\ttab 'quote' $HOME \\\nlast line without end";
            host.write(name, text);
            host.set_mode(name, 0o640);
            host.converge(&edited(host, name));
            assert_eq!(host.read(name), text.replace("localhost", "is.example.test"));
            assert_eq!(host.mode(name), 0o640);
        }
        let kept = std::fs::read_to_string(host.backup().join("1")).unwrap();
        assert!(kept.contains("host = localhost"));
    });
}

#[test]
fn a_link_to_a_file_stays_a_link() {
    on_every_shell(|host| {
        host.write("real folder/deployment.toml", "localhost\n");
        symlink("real folder/deployment.toml", host.at("deployment.toml")).unwrap();
        host.converge(&edited(host, "deployment.toml"));
        assert!(host.at("deployment.toml").is_symlink());
        assert_eq!(host.read("real folder/deployment.toml"), "is.example.test\n");
    });
}

#[test]
fn a_link_to_nothing_is_not_an_absent_file() {
    on_every_shell(|host| {
        symlink("/nowhere/at all", host.at("conf")).unwrap();
        let error = host.assess(&WholeFile::new(host.path("conf"), "x")).unwrap_err();
        assert_eq!(error.code, "not-a-file");
        assert!(error.cause.contains("/nowhere/at all"), "{error}");
    });
}

#[test]
fn a_whole_file_is_made_and_replaced_with_mode_and_content() {
    on_every_shell(|host| {
        for name in NAMES {
            let file = WholeFile::new(host.path(name), "a=1\n\nb='2'\n").mode(0o600);
            assert_eq!(host.converge(&file), ["create the file, mode 600"]);
            assert_eq!((host.read(name).as_str(), host.mode(name)), ("a=1\n\nb='2'\n", 0o600));
            let other = WholeFile::new(host.path(name), "").mode(0o644);
            assert_eq!(host.converge(&other), ["mode: 600 -> 644", "content: changed"]);
            assert_eq!((host.read(name).as_str(), host.mode(name)), ("", 0o644));
        }
    });
}

#[test]
fn a_secret_is_written_and_shown_nowhere() {
    on_every_shell(|host| {
        let secret = Arc::new(Secret::new("poison &<>\"'\\$".into()));
        let file = WholeFile::new(host.path("key"), secret);
        let shown = format!("{:?}", host.assess(&file).unwrap());
        assert!(!shown.contains("poison"), "{shown}");
        host.converge(&file);
        assert_eq!((host.read("key").as_str(), host.mode("key")), ("poison &<>\"'\\$", 0o600));
    });
}

#[test]
fn an_uploaded_file_is_compared_by_digest_and_warns_of_others() {
    on_every_shell(|host| {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let blob = Blob {
            source: host.write("on the controller", &content),
            sha256: Sha256::of(&content),
            size: content.len() as u64,
        };
        host.write("lib/driver-1.jar", "old");
        host.write("drop ins/driver_2_1.0.0.jar", "converted");
        host.write("lib/driver-fine.jar", "fine");
        let upload = Upload::new(blob, host.path("lib/driver-2.jar"))
            .mode(0o644)
            .warn_about(&host.path("lib"), "driver-*.jar")
            .warn_about(&host.path("drop ins"), "driver_?_*.jar")
            .warn_about(&host.path("nowhere"), "*.jar")
            .except("driver-fine.jar");
        host.converge(&upload);
        assert_eq!(std::fs::read(host.at("lib/driver-2.jar")).unwrap(), content);
        let warnings = host.is_in_place(&upload).warnings;
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("lib/driver-1.jar"));

        host.write("lib/driver-2.jar", "damaged");
        host.set_mode("lib/driver-2.jar", 0o600);
        host.converge(&upload);
        assert_eq!(std::fs::read(host.at("lib/driver-2.jar")).unwrap(), content);
        assert_eq!(host.mode("lib/driver-2.jar"), 0o644);
    });
}

#[test]
fn what_a_dead_run_has_left_is_removed() {
    on_every_shell(|host| {
        host.write("hosts", "is.example.test\n");
        host.write(".hactl.hosts.a1B2c3", "half writ");
        host.write(".hactl.hosts.backup.a1B2c3", "of another file");
        let file = edited(host, "hosts");
        let assessment = host.assess(&file).unwrap();
        assert_eq!(assessment.changes.len(), 1, "{assessment:?}");
        host.mend(&assessment).unwrap();
        host.is_in_place(&file);
        assert!(!host.at(".hactl.hosts.a1B2c3").exists());
        assert!(host.at(".hactl.hosts.backup.a1B2c3").exists());
    });
}

#[test]
fn a_command_runs_when_its_check_says_so_and_may_leave_a_daemon() {
    on_every_shell(|host| {
        let quoted = hactl::model::quote(host.path("running").as_str());
        let service =
            Command::new(format!("echo started; touch {quoted}; sleep 30 & trap | grep -q HUP && exit 9; exit 0"))
                .unless(format!("test -e {quoted}"));
        let begin = std::time::Instant::now();
        host.converge(&service);
        assert!(begin.elapsed().as_secs() < 20, "the daemon held the mend open");

        let broken = Command::new("exit 3").unless("false");
        let error = host.mend(&host.assess(&broken).unwrap()).unwrap_err();
        assert_eq!(error.code, "command-failed");
        assert!(error.cause.contains("status 3"), "{error}");

        let unknown = Command::new("true").unless("/no/such/program --status");
        let error = host.assess(&unknown).unwrap_err();
        assert_eq!(error.code, "check-cannot-run");
        assert!(error.cause.contains("not found") || error.cause.contains("No such file"), "{error}");
    });
}
