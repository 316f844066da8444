//! A symbolic link.

use super::attributes::quiet_owner;
use super::leftover::remove_leftovers;
use super::mount_point::MountPoint;
use super::{AssessError, Assessment, Change, Found, Kin, Look, Resource, Seen};
use crate::model::{RemotePath, Script};

/// A symbolic link, and what may be done about a real folder in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symlink {
    path: RemotePath,
    target: RemotePath,
    adopt: bool,
    mount: Option<MountPoint>,
    owner: Option<String>,
}

impl Symlink {
    /// A link at `path` that says `target`. An empty folder in its place is replaced; one with content is an error.
    pub fn new(path: RemotePath, target: RemotePath) -> Self {
        Self { path, target, adopt: false, mount: None, owner: None }
    }

    /// May the content of a real folder in the link's place be moved into the target? Nothing there is overwritten.
    #[must_use]
    pub fn adopt(mut self, adopt: bool) -> Self {
        self.adopt = adopt;
        self
    }

    /// The target is on this file system, which must be mounted: otherwise nothing is done, and a link that is right
    /// is an error too. A missing target folder is then made.
    #[must_use]
    pub fn must_be_mounted(mut self, mount: Option<MountPoint>) -> Self {
        self.mount = mount;
        self
    }

    /// Who owns the target folder when it has to be made; `None`: the owner of the folder above it.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// What the mend expects to find, and how it is shown; `None` when the link is right.
    fn compare(&self, look: &Look<'_>) -> Result<Option<(String, String)>, AssessError> {
        let to = format!("link to {}", self.target);
        Ok(match &look.found {
            Found::Absent => Some(("absent".to_owned(), to)),
            Found::Link { target } if *target == self.target.as_str() => None,
            Found::Link { target } => Some((format!("link:{target}"), format!("{to}, so far to {target}"))),
            Found::Directory { .. } => {
                let count = look.notes("content").next().unwrap_or_default();
                match count {
                    "0 0" => Some(("empty".to_owned(), format!("{to}, in place of an empty folder"))),
                    _ if self.adopt => {
                        let what = format!("move {} into {} and {to}", content(count), self.target);
                        Some(("content".to_owned(), what))
                    }
                    _ => {
                        let cause = format!("{} is a real folder with {} in it", self.path, content(count));
                        let hint = format!("`--adopt` moves its content into {}; or move it away", self.target);
                        return Err(AssessError::new("in-the-way", cause).hint(hint));
                    }
                }
            }
            other => {
                let cause = format!("{} is not a link but {other}", self.path);
                return Err(AssessError::new("in-the-way", cause).hint("move it away"));
            }
        })
    }
}

/// The two numbers that the probe counted, in words.
fn content(count: &str) -> String {
    let (files, folders) = count.split_once(' ').unwrap_or((count, "0"));
    let files = if files == "1" { "1 file".to_owned() } else { format!("{files} files") };
    match folders {
        "0" => files,
        "1" => format!("{files} and 1 folder"),
        _ => format!("{files} and {folders} folders"),
    }
}

impl Resource for Symlink {
    fn id(&self) -> String {
        format!("symlink:{}", self.path)
    }

    fn place(&self) -> Option<&RemotePath> {
        Some(&self.path)
    }

    fn paths(&self) -> Vec<&RemotePath> {
        vec![&self.path, &self.target]
    }

    fn probe(&self, script: &mut Script) {
        if let Some(mount) = &self.mount {
            script.call("hactl_look_mount", &[&mount.as_listed()]);
        }
        script.call("hactl_look_link", &[self.path.as_str(), self.target.as_str()]);
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        let look = Look::read(seen)?;
        let mut assessment = Assessment::default();
        if let Some(mount) = &self.mount {
            mount.check(&self.target, look.notes("mount"))?;
        }
        let target = look.notes("target").next().unwrap_or_default();
        let missing = target == "absent";
        if missing && self.mount.is_some() {
            let owner = self.owner.as_deref();
            let what = format!("create the folder {}, mode 755{}", self.target, quiet_owner(owner));
            assessment.changes.push(Change::new(what));
            assessment.mend.call("hactl_directory", &[self.target.as_str(), "755", owner.unwrap_or("-")]);
        }
        remove_leftovers(&look, &mut assessment);
        match self.compare(&look)? {
            Some((expected, what)) => {
                assessment.changes.push(Change::new(what));
                let only_new = expected == "absent" && assessment.mend.is_empty();
                assessment.kin = if only_new { Kin::Beside } else { Kin::Apart };
                let words = [self.path.as_str(), self.target.as_str(), &expected];
                assessment.mend.call("hactl_link", &words);
            }
            None if missing && self.mount.is_none() => {
                let warning = format!("{} links to {}, which is not there", self.path, self.target);
                assessment.warnings.push(warning);
            }
            None => {}
        }
        Ok(assessment.because("the link is not as wanted"))
    }
}
