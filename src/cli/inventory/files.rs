//! Files on the controller that an inventory names.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::model::inventory::{LocalFile, Problem};

/// What is wrong with a file that is to be read; completes “the file `PATH` …”.
pub(super) fn fault(path: &Path) -> Option<String> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => Some("is a folder".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => Some("does not exist".to_owned()),
        Err(error) => Some(format!("can't be read: {error}")),
    }
}

/// A problem for every file that `fault` finds something wrong with.
pub fn missing_files(files: &[LocalFile], fault: impl Fn(&Path) -> Option<String>) -> Vec<Problem> {
    let problem = |file: &LocalFile| {
        let reason = fault(&file.path)?;
        let message = format!("the file `{}` {reason}", file.written);
        let hint = match Path::new(&file.written) != file.path {
            true => format!(
                "hactl looked for {}; a path without `/` or `~` in front starts from the inventory's folder",
                file.path.display()
            ),
            false => "check the path, and who may read it".to_owned(),
        };
        Some(Problem::new("missing-file", Some(file.span), file.key.clone(), message).hint(hint))
    };
    files.iter().filter_map(problem).collect()
}
