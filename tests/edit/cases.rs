//! Every folder `cases/EDITOR/CASE` is a test: `before.*` and `edits.yaml` give `after.*` and `changes.txt`, or `error.txt`.
//!
//! To write what the editors give now, for review: `HACTL_BLESS=1 cargo test --test edit`.

use std::fs;
use std::path::{Path, PathBuf};

use hactl::resources::edit::EditError;

#[test]
fn every_case_folder_gives_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edit/cases");
    let mut count = 0;
    let mut wrong = Vec::new();
    for editor in folders(&root) {
        for case in folders(&editor) {
            count += 1;
            if let Err(why) = run(&name(&editor), &case) {
                wrong.push(format!("{}: {why}", case.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 60, "only {count} cases were found");
}

fn run(editor: &str, case: &Path) -> Result<(), String> {
    let before_path = only_file(case, "before.")?;
    let before = fs::read_to_string(&before_path).unwrap();
    let extension = name(&before_path).split_once('.').unwrap().1.to_owned();
    let edit = super::wishes::read(editor, &fs::read_to_string(case.join("edits.yaml")).unwrap());
    let (after_path, changes_path) = (case.join(format!("after.{extension}")), case.join("changes.txt"));
    let error_path = case.join("error.txt");
    let outcome = edit.apply(&before);
    if std::env::var_os("HACTL_BLESS").is_some() {
        for path in [&after_path, &changes_path, &error_path] {
            let _ = fs::remove_file(path);
        }
        match &outcome {
            Ok(edited) => {
                fs::write(&after_path, edited.text.as_bytes()).unwrap();
                fs::write(&changes_path, as_lines(&edited.changes)).unwrap();
            }
            Err(error) => fs::write(&error_path, as_text(error)).unwrap(),
        }
    }
    let edited = match outcome {
        Err(error) => return equal("error.txt", &error_path, &as_text(&error)),
        Ok(_) if error_path.exists() => return Err("should be an error and is none".to_owned()),
        Ok(edited) => edited,
    };
    equal("the text", &after_path, &edited.text)?;
    equal("the changes", &changes_path, &as_lines(&edited.changes))?;
    let again = edit.apply(&edited.text).map_err(|error| format!("a second apply fails: {error}"))?;
    if again.text != edited.text || !again.changes.is_empty() {
        return Err(format!("a second apply changes {:?}", again.changes));
    }
    Ok(())
}

fn equal(what: &str, path: &Path, is: &str) -> Result<(), String> {
    let wanted = fs::read_to_string(path).map_err(|error| format!("{}: {error}; got:\n{is}", path.display()))?;
    if wanted == is { Ok(()) } else { Err(format!("{what} is\n{is:?}\nand should be\n{wanted:?}")) }
}

fn as_lines(changes: &[String]) -> String {
    changes.iter().map(|line| format!("{line}\n")).collect()
}

fn as_text(error: &EditError) -> String {
    format!("{}\n{}\n{}\n", error.code, error.cause, error.hint.as_deref().unwrap_or_default())
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

fn only_file(case: &Path, prefix: &str) -> Result<PathBuf, String> {
    let entries = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| name(path).starts_with(prefix)).collect();
    match found.as_slice() {
        [path] => Ok(path.clone()),
        _ => Err(format!("has {} files {prefix}*", found.len())),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
