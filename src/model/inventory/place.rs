//! Where an inventory lies, so that its paths can be made absolute.

use std::path::{Component, Path, PathBuf};

/// Where an inventory lies.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file's name as the user knows it; for messages.
    pub file: String,
    /// The folder that its relative paths start from; absolute.
    pub folder: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

impl Place {
    /// The absolute path that `text` means. The error completes the sentence “`PATH` …”.
    pub(crate) fn absolute(&self, text: &str) -> Result<PathBuf, &'static str> {
        if text.trim().is_empty() {
            return Err("is an empty path");
        }
        let full = match text.strip_prefix('~') {
            None => self.folder.join(text),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let home = self.home.as_ref().ok_or("begins with `~`, and the home folder is not known")?;
                home.join(rest.trim_start_matches('/'))
            }
            Some(_) => return Err("is in the home folder of somebody else, which is not supported"),
        };
        Ok(Path::new(&full).components().filter(|part| *part != Component::CurDir).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_from_the_inventory_or_the_home() {
        let place = Place { file: "inventory.yaml".into(), folder: "/srv/prod".into(), home: Some("/home/ops".into()) };
        assert_eq!(place.absolute("./drivers/a.jar").unwrap(), Path::new("/srv/prod/drivers/a.jar"));
        assert_eq!(place.absolute("/a.jar").unwrap(), Path::new("/a.jar"));
        assert_eq!(place.absolute("~/.ssh/id").unwrap(), Path::new("/home/ops/.ssh/id"));
        assert!(place.absolute("~root/id").is_err());
        assert!(place.absolute(" ").is_err());
        assert!(Place { home: None, ..place }.absolute("~/id").is_err());
    }
}
