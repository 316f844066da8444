//! A folder.

use super::attributes::{Attributes, quiet_owner};
use super::leftover::remove_leftovers;
use super::{AssessError, Assessment, Change, Found, Kin, Look, Resource, Seen};
use crate::model::{RemotePath, Script};

/// A folder, with its mode and owner where they matter. Missing folders above it are made too, with mode 755.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    path: RemotePath,
    attributes: Attributes,
}

impl Directory {
    /// The folder at `path`; its mode is left as it is, and is 755 when the folder is made.
    pub fn new(path: RemotePath) -> Self {
        Self { path, attributes: Attributes::default() }
    }

    /// Its mode, such as `0o755`.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.attributes.mode = Some(mode);
        self
    }

    /// Its owner's name; `None` leaves it, and a new folder gets the owner of the folder above it.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.attributes.owner = owner;
        self
    }
}

impl Resource for Directory {
    fn id(&self) -> String {
        format!("directory:{}", self.path)
    }

    fn path(&self) -> Option<&RemotePath> {
        Some(&self.path)
    }

    fn probe(&self, script: &mut Script) {
        script.call("hactl_look", &[self.path.as_str()]);
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        let look = Look::read(seen)?;
        let mut assessment = Assessment::default();
        remove_leftovers(&look, &mut assessment);
        match &look.found {
            Found::Absent => {
                let mode = format!("{:o}", self.attributes.mode.unwrap_or(0o755));
                let owner = self.attributes.owner.as_deref();
                let what = format!("create the folder, mode {mode}{}", quiet_owner(owner));
                assessment.changes.push(Change::new(what));
                assessment.kin = if assessment.mend.is_empty() { Kin::Beside } else { Kin::Apart };
                let words = [self.path.as_str(), &mode, owner.unwrap_or("-")];
                assessment.mend.call("hactl_directory", &words);
            }
            Found::Directory { mode, owner } => self.attributes.compare(&self.path, mode, owner, &mut assessment),
            other => {
                let cause = format!("{} is not a folder but {other}", self.path);
                return Err(AssessError::new("in-the-way", cause).hint("move it away, or choose another place"));
            }
        }
        Ok(assessment.because("the folder is not as wanted"))
    }
}
