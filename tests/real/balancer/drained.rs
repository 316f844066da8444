//! A node is taken out before it is stopped: its old requests end, and no new ones come.

use std::io::Write as _;
use std::process::{Command, Stdio};

use hactl::model::inventory::{Place, Secrets, read};
use hactl::model::profile::Profile;
use hactl::model::{Blob, HostName, Script, Secret, Sha256};
use hactl::resources::{MEND, Resource as _, Seen, StagedFiles, look_ahead};
use hactl::steps::load_balancer::balancer_files;
use hactl::steps::{Allow, HostContext};

use super::{Ground, KINDS, until};
use crate::sshd::{find, skip};

/// The balancer's files with these nodes drained, as the engine asks for them.
fn files(ground: &Ground, drained: &[&str]) -> StagedFiles {
    let place = Place { file: "inventory.yaml".into(), folder: ground.folder.path().to_owned(), home: None };
    let text = std::fs::read_to_string(ground.at("inventory.yaml")).unwrap();
    let inventory = read(&text, &place).unwrap();
    let cluster = &inventory.clusters[0];
    let mut secrets = Secrets::default();
    for used in inventory.secrets(cluster) {
        let value = std::fs::read_to_string(ground.at("sso.key")).unwrap();
        secrets.insert(used.source.clone(), Secret::new(value));
    }
    let profile = Profile::parse(&std::fs::read_to_string(ground.at("profile.yaml")).unwrap(), "own").unwrap();
    let source = ground.at("sso.crt");
    let content = std::fs::read(&source).unwrap();
    let blobs = [Blob { source, sha256: Sha256::of(&content), size: content.len() as u64 }];
    let on = HostContext {
        cluster,
        host: &cluster.hosts[2],
        profile: Some(&profile),
        secrets: &secrets,
        blobs: &blobs,
        archives: &[],
        allow: Allow::default(),
    };
    let drained: Vec<HostName> = drained.iter().map(|name| name.parse().unwrap()).collect();
    balancer_files(&on, &drained).unwrap().unwrap()
}

fn shell(ground: &Ground, shell: &[&str], prelude: &str, script: &Script, set_e: &str) -> std::process::Output {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .env("HACTL_STATE", ground.at("state"))
        .env("HACTL_BLOBS", ground.at("state/blobs"))
        .env("HACTL_BACKUP", ground.at("state/backups/drain"))
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("{prelude}\n({set_e}\n{}\n) < /dev/null\n", script.text());
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Looks and mends; gives back what was changed.
fn converge(ground: &Ground, files: &StagedFiles) -> Vec<String> {
    converge_by(&["sh"], ground, files)
}

fn converge_by(program: &[&str], ground: &Ground, files: &StagedFiles) -> Vec<String> {
    let (mut prelude, mut probe) = (Script::new(), Script::new());
    look_ahead([files as &dyn hactl::resources::Resource], &mut prelude);
    files.probe(&mut probe);
    let seen = shell(ground, program, prelude.text(), &probe, "");
    let status = u32::try_from(seen.status.code().unwrap()).unwrap();
    let assessment = files.assess(Seen { stdout: &seen.stdout, stderr: &seen.stderr, status }).unwrap();
    let done = shell(ground, program, MEND, &assessment.mend, "set -e");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assessment.changes.into_iter().map(|change| change.what).collect()
}

#[test]
fn a_drained_node_gets_nothing_new_and_ends_what_it_has() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let first = std::iter::repeat_with(|| ground.get("/", &[])).take(20).find(|answer| answer.body == "127.0.0.2");
        let first = first.unwrap();
        let cookie = first.header("Set-Cookie").unwrap().split(';').next().unwrap().to_owned();
        let kept = [("Cookie", cookie.as_str())];
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| ground.get("/slow", &kept));
            let is_slow = |head: &String| head.contains(" /slow ");
            until("the slow request", || ground.nodes[0].heads().iter().any(is_slow));
            let changes = converge(&ground, &files(&ground, &["is-1"]));
            assert_eq!(changes.len(), 1, "{changes:?}");
            let before = ground.nodes[0].heads().len();
            assert_eq!(ground.answered(10, &[]), [0, 10], "{kind}");
            assert_eq!(ground.answered(10, &kept), [0, 10], "{kind}: also those who were with it");
            assert_eq!(ground.nodes[0].heads().len(), before, "{kind}");
            ground.nodes[0].open();
            let answer = slow.join().unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (200, "127.0.0.2"), "{kind}: it has ended well");
        });
        assert_eq!(converge(&ground, &files(&ground, &["is-1"])), Vec::<String>::new());
        // A run that dies here leaves the node out; the next one takes it back in.
        ground.apply(0);
        let spread = ground.answered(12, &[]);
        assert!(spread.iter().all(|count| *count > 2), "{kind}: {spread:?}");
        assert_eq!(ground.answered(5, &kept), [5, 0], "{kind}: its old clients come back to it");
        ground.is_converged();
    }
}

#[test]
fn every_shell_that_a_host_may_have_can_do_it() {
    for (program, words) in [("dash", &["dash"][..]), ("bash", &["bash"]), ("busybox", &["busybox", "sh"])] {
        if find(program).is_none() {
            skip(&format!("there is no {program}"));
            continue;
        }
        for kind in KINDS {
            let Some(ground) = Ground::start(kind) else { return };
            // What an upload would have brought.
            let certificate = std::fs::read(ground.at("sso.crt")).unwrap();
            std::fs::create_dir_all(ground.at("state/blobs")).unwrap();
            std::fs::write(ground.at("state/blobs").join(Sha256::of(&certificate).to_string()), certificate).unwrap();
            let changes = converge_by(words, &ground, &files(&ground, &[]));
            assert_eq!(changes.len(), 3, "{program}, {kind}: {changes:?}");
            assert_eq!(converge_by(words, &ground, &files(&ground, &["is-1"])).len(), 1, "{program}, {kind}");
            assert_eq!(ground.answered(4, &[]), [0, 4], "{program}, {kind}");
            assert_eq!(converge_by(words, &ground, &files(&ground, &["is-1"])), Vec::<String>::new());
        }
    }
}
