//! Inventories with mistakes and without, read as a user's would be.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is not there")]

mod example;
mod good;
mod init;
mod mistakes;
mod secrets;
mod text;
mod validate;
mod vault;

use std::path::{Path, PathBuf};

use hactl::cli::inventory::missing_files;
use hactl::model::inventory::{Inventory, Place, Problem, read_leniently};

/// A place that is the same on every machine.
fn place(file: &str) -> Place {
    Place { file: file.to_owned(), folder: PathBuf::from("/srv/inventories"), home: Some(PathBuf::from("/home/ops")) }
}

/// Reads an inventory as `hactl validate` does, on a machine where the files under `absent/` are missing.
fn read(text: &str, file: &str) -> (Inventory, Vec<Problem>) {
    let (inventory, mut problems) = read_leniently(text, &place(file));
    let fault = |path: &Path| path.to_string_lossy().contains("/absent/").then(|| "does not exist".to_owned());
    problems.extend(missing_files(&inventory.files, fault));
    problems.sort_by_key(|problem| problem.span.map_or((0, 0), |span| (span.start, span.end)));
    (inventory, problems)
}

/// An inventory of this name below `tests/inventory`.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory").join(name)
}

/// The inventories of a folder with their texts, found by looking.
fn inventories(name: &str) -> Vec<(PathBuf, String)> {
    let mut found: Vec<(PathBuf, String)> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// Holds `actual` against the file `expected`; `HACTL_ACCEPT=1` writes it instead, to be read by a person before a commit.
fn hold_against(expected: &Path, actual: &str, differences: &mut Vec<String>) {
    if std::env::var_os("HACTL_ACCEPT").is_some() {
        std::fs::write(expected, actual).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(expected).unwrap_or_default();
    if wanted != actual {
        differences.push(format!("{}\n--- wanted\n{wanted}\n--- got\n{actual}", expected.display()));
    }
}
