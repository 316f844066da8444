//! A poison secret appears nowhere that was not meant to hold it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Cluster, files_below};

/// The part of the secret that no encoding changes.
const POISON: &str = "poison-";

#[test]
fn a_poison_secret_shows_in_no_output_no_file_and_no_process_list() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let over = Arc::new(AtomicBool::new(false));
    let watcher = std::thread::spawn({
        let over = over.clone();
        move || {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                for process in fs::read_dir("/proc").unwrap().flatten() {
                    let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if line.contains(POISON) {
                        seen.push(line);
                    }
                }
            }
            seen
        }
    });
    let mut said = String::new();
    let commands: &[&[&str]] = &[
        &["validate", "--explain"],
        &["plan", "--verbose"],
        &["plan", "--output", "json"],
        &["apply", "--output", "jsonl"],
        &["apply", "--verbose"],
        &["status", "--output", "json"],
        &["lock", "status"],
        &["runs"],
    ];
    for words in commands {
        let done = cluster.hactl(words);
        assert!([0, 2].contains(&done.exit), "{words:?}: {}{}", done.stdout, done.stderr);
        said.push_str(&done.stdout);
        said.push_str(&done.stderr);
    }
    // Also when things go wrong: a configuration file that can't be read, with the secret on the broken line.
    fs::write(cluster.toml_file(0), format!("[database.shared_db]\npassword = \"{POISON}broken\n")).unwrap();
    let done = cluster.expect(1, &["apply", "--verbose"]);
    said.push_str(&done.stdout);
    said.push_str(&done.stderr);
    over.store(true, Ordering::Relaxed);
    let seen = watcher.join().unwrap();
    assert!(seen.is_empty(), "in the process list: {seen:?}");
    assert!(!said.contains(POISON), "{said}");
    assert!(said.contains("password: changed"), "the run did set the password");
    let base64 = "cG9pc29u";
    for folder in [cluster.folder.path(), cluster.servers[0].folder(), cluster.servers[1].folder()] {
        for file in files_below(folder) {
            let content = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
            let meant =
                file.ends_with("deployment.toml") || file.components().any(|part| part.as_os_str() == "backups");
            assert!(meant || !(content.contains(POISON) || content.contains(base64)), "{} holds it", file.display());
        }
    }
}
