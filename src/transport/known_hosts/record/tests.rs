//! The editing of the file: nothing is lost, nothing is doubled, whoever else writes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::mpsc::channel;

use russh::keys::ssh_key::public::{Ed25519PublicKey, KeyData};
use tempfile::TempDir;

use super::*;
use crate::transport::Standing;

/// The key of a number, shown by the host of a name.
fn key(name: &str, number: u8) -> HostKey {
    let public = PublicKey::new(KeyData::Ed25519(Ed25519PublicKey([number; 32])), "");
    HostKey {
        name: name.to_owned(),
        kind: "ssh-ed25519".to_owned(),
        fingerprint: super::super::fingerprint(public.key_data()),
        line: public.to_openssh().unwrap(),
        standing: Standing::Known,
    }
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("hactl-known-hosts").tempdir().unwrap()
}

fn is_known(text: &str, key: &HostKey) -> bool {
    let mut known = KnownHosts::named(&key.name);
    known.add(Path::new(""), text);
    known.check_key(PublicKey::from_openssh(&key.line).unwrap().key_data()) == Verdict::Known
}

#[test]
fn a_missing_file_and_its_folder_are_made_for_the_user_alone() {
    let folder = folder();
    let file = folder.path().join("home/.ssh/known_hosts");
    let done = record(&file, &[key("node1", 1), key("[node2]:2222", 2), key("node1", 1)]).unwrap();
    assert_eq!(done, Recorded { added: 2, there: 1, refused: Vec::new() });
    let (one, two) = (key("node1", 1).line, key("", 2).line);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("node1 {one}\n[node2]:2222 {two}\n"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn what_is_there_stays_to_the_byte_its_mode_and_its_place_too() {
    let folder = folder();
    let (file, name) = (folder.path().join("shared"), folder.path().join("known_hosts"));
    let before =
        b"# caf\xe9\r\n\n@cert-authority *.example.com ssh-ed25519 AAAA\r\nold ssh-ed25519 no-newline".to_vec();
    fs::write(&file, &before).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&file, &name).unwrap();
    assert_eq!(record(&name, &[key("node1", 1)]).unwrap().added, 1);
    let line = format!("\nnode1 {}\n", key("", 1).line);
    assert_eq!(fs::read(&file).unwrap(), [before, line.into_bytes()].concat());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(fs::symlink_metadata(&name).unwrap().is_symlink());
}

#[test]
fn names_are_hidden_where_the_last_one_is() {
    let folder = folder();
    let file = folder.path().join("known_hosts");
    let hidden = known_hosts_line(&key("node0", 9), true);
    fs::write(&file, format!("plain {}\n{hidden}@revoked * {}\n", key("", 8).line, key("", 7).line)).unwrap();
    record(&file, &[key("node1", 1)]).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().last().unwrap();
    assert!(line.starts_with("|1|") && !text.contains("node1"), "{text}");
    assert!(is_known(&text, &key("node1", 1)) && is_known(&text, &key("node0", 9)), "{text}");
    fs::write(&file, format!("{hidden}plain {}\n", key("", 8).line)).unwrap();
    record(&file, &[key("node1", 1)]).unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("\nnode1 "));
}

#[test]
fn another_key_of_the_host_is_never_written_over_and_none_is_added_beside_it() {
    let folder = folder();
    let file = folder.path().join("known_hosts");
    for before in [
        format!("node1 {}\n", key("", 9).line),
        format!("* {}\n", key("", 9).line),
        format!("@revoked * {}\n", key("", 1).line),
    ] {
        fs::write(&file, &before).unwrap();
        let done = record(&file, &[key("node1", 1)]).unwrap();
        assert_eq!((done.added, done.refused), (0, vec![key("", 1).fingerprint]), "{before}");
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
    // Hosts that are recorded under one alias have a key each.
    fs::remove_file(&file).unwrap();
    assert_eq!(record(&file, &[key("alias", 1), key("alias", 2)]).unwrap().added, 2);
    // A name that would stand for others, or break the line.
    for name in ["*", "a,b", "a b", "!a", "", "|1|a", "@a", "#a", "a\nb"] {
        assert_eq!(record(&file, &[key(name, 3)]).unwrap().refused.len(), 1, "{name}");
    }
}

#[test]
fn what_cannot_be_written_is_an_error_that_names_the_file() {
    let folder = folder();
    let error = record(folder.path(), &[key("node1", 1)]).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{} cannot be written: ", folder.path().display())), "{error}");
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(record(&folder.path().join("file/known_hosts"), &[key("node1", 1)]).is_err());
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_written_anew() {
    let folder = folder();
    let file = folder.path().join("known_hosts");
    fs::write(&file, "# the old one\n").unwrap();
    let holder = File::open(&file).unwrap();
    holder.lock().unwrap();
    let (began, beginning) = channel();
    let path = file.clone();
    let writer = std::thread::spawn(move || {
        began.send(()).unwrap();
        record(&path, &[key("node1", 1)])
    });
    beginning.recv().unwrap();
    // As ssh-keygen -R does it. Whether the writer waits for the lock by now or has yet to come, it finds the new file.
    fs::write(folder.path().join("new"), "# the new one\n").unwrap();
    fs::rename(folder.path().join("new"), &file).unwrap();
    drop(holder);
    assert_eq!(writer.join().unwrap().unwrap().added, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("# the new one\nnode1 {}\n", key("", 1).line));
}

#[test]
fn many_at_once_lose_nothing_and_double_nothing() {
    let folder = folder();
    let file = folder.path().join("known_hosts");
    let name = |number: u8| format!("node{number}");
    let ours: Vec<_> = (0..8u8)
        .map(|writer| {
            let file = file.clone();
            std::thread::spawn(move || {
                for first in 0..30 {
                    // Each key is recorded by several of them.
                    let keys: Vec<HostKey> = (first..first + 3).map(|number| key(&name(number), number)).collect();
                    assert_eq!(record(&file, &keys).unwrap().refused, [""; 0], "{writer}");
                }
            })
        })
        .collect();
    // As ssh does it: it appends, and knows nothing of locks.
    for number in 0..100 {
        let mut open = OpenOptions::new().append(true).create(true).open(&file).unwrap();
        open.write_all(format!("theirs{number} {}\n", key("", 99).line).as_bytes()).unwrap();
    }
    ours.into_iter().for_each(|writer| writer.join().unwrap());
    let text = fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 132, "{text}");
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 132, "{text}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_stands_there_is_kept_and_what_is_recorded_is_known(
        before in "([ -~]{0,40}(\n|\r\n|))*",
        numbers in proptest::collection::vec(1u8..20, 0..6),
        port in 0u16..3,
    ) {
        let folder = folder();
        let file = folder.path().join("known_hosts");
        fs::write(&file, &before).unwrap();
        let name = |number: u8| match port { 0 => format!("node{number}"), port => format!("[node{number}]:{port}") };
        let keys: Vec<HostKey> = numbers.iter().map(|number| key(&name(*number), *number)).collect();
        let done = record(&file, &keys).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        proptest::prop_assert!(text.starts_with(&before));
        proptest::prop_assert_eq!(done.refused.len(), 0);
        proptest::prop_assert!(keys.iter().all(|key| is_known(&text, key)), "{}", text);
        proptest::prop_assert_eq!(record(&file, &keys).unwrap().added, 0);
        proptest::prop_assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
