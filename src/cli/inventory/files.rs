//! Files on the controller that an inventory names.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::model::inventory::{LocalFile, Problem};

/// What is wrong with a file that is not there.
const MISSING: &str = "does not exist";

/// What is wrong with a file that is to be read; completes “the file `PATH` …”.
pub(super) fn fault(path: &Path) -> Option<String> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => Some("is a folder".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => Some(MISSING.to_owned()),
        Err(error) => Some(format!("can't be read: {error}")),
    }
}

/// A problem for every file that `fault` finds something wrong with.
pub fn missing_files(files: &[LocalFile], fault: impl Fn(&Path) -> Option<String>) -> Vec<Problem> {
    let problem = |file: &LocalFile| {
        let reason = fault(&file.path)?;
        let message = format!("the file `{}` {reason}", file.written);
        let problem = Problem::new("missing-file", Some(file.span), file.key.clone(), message);
        // Nothing is trusted then, which is safe, and `hactl hosts trust` is what makes it.
        let key = file.key.rsplit('.').next().unwrap_or_default();
        if key.split('[').next() == Some("known_hosts") && reason == MISSING {
            return Some(problem.hint("`hactl hosts trust` makes it, with the keys of the hosts").warning());
        }
        let hint = match Path::new(&file.written) != file.path {
            true => format!(
                "hactl looked for {}; a path without `/` or `~` in front starts from the inventory's folder",
                file.path.display()
            ),
            false => "check the path, and who may read it".to_owned(),
        };
        Some(problem.hint(hint))
    };
    files.iter().filter_map(problem).collect()
}
