//! The house has six floors, and an import may only go down.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources fails")]

use std::fs;
use std::path::{Path, PathBuf};

const FLOORS: [&str; 6] = ["model", "transport", "resources", "steps", "orchestration", "cli"];
/// Stands beside the house: it may know these floors, and only the highest one knows it.
const BESIDE: (&str, [&str; 2]) = ("lab", ["model", "transport"]);

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sh") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn height(floor: &str) -> Option<usize> {
    FLOORS.iter().position(|known| *known == floor)
}

/// Every `crate::FLOOR` of a source, with its line, also inside `use crate::{a, b}`.
fn mentioned(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, content) in text.lines().enumerate() {
        for (at, _) in content.match_indices("crate::") {
            let after = &content[at + "crate::".len()..];
            let names: Vec<&str> = match after.strip_prefix('{') {
                Some(group) => group.split([',', '}']).map(|name| name.trim().split("::").next().unwrap()).collect(),
                None => after.split(|c: char| !c.is_alphanumeric() && c != '_').take(1).collect(),
            };
            found.extend(
                names
                    .into_iter()
                    .filter(|name| name.starts_with(char::is_alphabetic))
                    .map(|name| (line + 1, name.to_owned())),
            );
        }
    }
    found
}

#[test]
fn no_import_goes_up() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut seen, mut wrong) = (0, Vec::new());
    for (own, floor) in FLOORS.iter().enumerate() {
        for file in sources(&source.join(floor)) {
            for (line, name) in mentioned(&fs::read_to_string(&file).unwrap()) {
                seen += 1;
                let opens_the_door = name == BESIDE.0 && *floor != "cli";
                if height(&name).is_some_and(|height| height > own) || opens_the_door {
                    wrong.push(format!("{}:{line}: {floor} (floor {own}) must not know {name}", file.display()));
                }
            }
        }
    }
    for file in sources(&source.join(BESIDE.0)) {
        for (line, name) in mentioned(&fs::read_to_string(&file).unwrap()) {
            if height(&name).is_some() && !BESIDE.1.contains(&name.as_str()) {
                wrong.push(format!("{}:{line}: {} must not know {name}", file.display(), BESIDE.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "only {seen} imports were found: this test no longer reads the code");
}

#[test]
fn every_folder_of_the_source_is_a_floor() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(
            !entry.path().is_dir() || height(&name).is_some() || name == BESIDE.0,
            "src/{name} is on no floor of the house"
        );
    }
}

#[test]
fn an_arrow_that_goes_up_would_be_seen() {
    let names = mentioned("use crate::{cli::Console, model};\nlet x = crate::orchestration::plan();");
    assert_eq!(names, [(1, "cli".into()), (1, "model".into()), (2, "orchestration".into())]);
}

#[test]
fn no_source_is_longer_than_five_hundred_lines() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&source) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}
