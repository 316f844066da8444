//! The files of an SSH configuration, for where OpenSSH's client is not there to read them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::SshConfig;
use super::error::{UserConfigError, WITHOUT};
use super::subset::Source;
use super::tokens::Here;
use crate::transport::known_hosts::matches;

/// The system's file, and where its includes start from.
const SYSTEM: &str = "/etc/ssh";

/// The files to read, the user's before the system's.
pub(super) fn of(config: &SshConfig, here: &Here) -> Result<Vec<Source>, UserConfigError> {
    let user = here.home.as_ref().map(|home| home.join(".ssh")).unwrap_or_default();
    let usual = [(user.join("config"), user.clone()), (Path::new(SYSTEM).join("ssh_config"), SYSTEM.into())];
    let (wanted, must) = match config {
        SshConfig::None => (Vec::new(), false),
        SshConfig::File(path) => (vec![(path.clone(), user)], true),
        SshConfig::Usual => (usual.to_vec(), false),
    };
    let mut found = Vec::new();
    for (path, folder) in wanted {
        match std::fs::read_to_string(&path) {
            Ok(text) => found.push(Source { name: path.display().to_string(), folder, text }),
            Err(error) if error.kind() == ErrorKind::NotFound && !must => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(found)
}

/// The files that an `Include` names, in the order of their names; none is no error.
pub(super) fn included(pattern: &Path, folder: &Path) -> Result<Vec<Source>, UserConfigError> {
    let mut paths = vec![PathBuf::new()];
    for part in pattern {
        let name = part.to_string_lossy();
        paths = match name.contains(['*', '?']) {
            false => paths.into_iter().map(|path| path.join(part)).collect(),
            true => paths.iter().flat_map(|path| below(path, &name)).collect(),
        };
    }
    let mut found = Vec::new();
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => found.push(Source { name: path.display().to_string(), folder: folder.to_owned(), text }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(found)
}

/// What in a folder has a name like this one; as in a shell, a leading dot must be written.
fn below(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let fits = |name: &str| {
        matches(pattern.as_bytes(), name.as_bytes()) && (pattern.starts_with('.') || !name.starts_with('.'))
    };
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(fits));
    let mut paths: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn unreadable(path: &Path, error: &std::io::Error) -> UserConfigError {
    UserConfigError::new(
        "ssh-config-refused",
        format!("the SSH configuration {} cannot be read: {error}", path.display()),
        format!("check the path, and who may read it; {WITHOUT}"),
    )
}
