//! A file that goes to the host as it is: a driver, a key store.

use super::attributes::Attributes;
use super::leftover::remove_leftovers;
use super::{AssessError, Assessment, Change, Found, Kin, Look, Resource, Seen};
use crate::model::{Blob, RemotePath, Script, quote};

/// A local file that must be on the host, compared by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    blob: Blob,
    path: RemotePath,
    attributes: Attributes,
    rivals: Vec<(RemotePath, String)>,
    except: Vec<String>,
    settled_by: Vec<RemotePath>,
}

impl Upload {
    /// The blob at `path`. Its mode is left as it is, and is 644 when the file is new.
    pub fn new(blob: Blob, path: RemotePath) -> Self {
        Self {
            blob,
            path,
            attributes: Attributes::default(),
            rivals: Vec::new(),
            except: Vec::new(),
            settled_by: Vec::new(),
        }
    }

    /// Its mode, such as `0o644`.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.attributes.mode = Some(mode);
        self
    }

    /// Its owner's name; `None` leaves it, and a new file gets the owner of its folder.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.attributes.owner = owner;
        self
    }

    /// Warns of other files in `folder` whose name fits `pattern`, in which `*` and `?` stand for any text or character.
    #[must_use]
    pub fn warn_about(mut self, folder: &RemotePath, pattern: impl Into<String>) -> Self {
        self.rivals.push((folder.clone(), pattern.into()));
        self
    }

    /// A file name that is never warned of.
    #[must_use]
    pub fn except(mut self, file_name: impl Into<String>) -> Self {
        self.except.push(file_name.into());
        self
    }

    /// Files that only a product that was started leaves: once one of them is there, what the path holds is never replaced
    /// by something else, because data depends on it.
    #[must_use]
    pub fn settled_by(mut self, files: Vec<RemotePath>) -> Self {
        self.settled_by = files;
        self
    }

    fn is_settling(&self, path: &str) -> bool {
        self.settled_by.iter().any(|file| file.as_str() == path)
    }

    /// Refuses to replace what data depends on.
    fn keep_settled(&self, look: &Look<'_>) -> Result<(), AssessError> {
        let Some(sign) = look.notes("match").find(|path| self.is_settling(path)) else { return Ok(()) };
        let cause =
            format!("{} holds another key store, and the product was started with it ({sign} is there)", self.path);
        let hint = format!(
            "what it has encrypted could no longer be read: name the store that is there in the inventory, or move {} away \
             yourself once nothing depends on it",
            self.path
        );
        Err(AssessError::new("keystore-differs", cause).hint(hint))
    }

    fn warn(&self, look: &Look<'_>, assessment: &mut Assessment) {
        for other in look.notes("match") {
            let name = other.rsplit_once('/').map_or(other, |(_, name)| name);
            if other != self.path.as_str() && !self.is_settling(other) && !self.except.iter().any(|fine| fine == name) {
                let warning = format!("{other} looks like another version of {}", self.path.file_name());
                assessment.warnings.push(warning);
            }
        }
    }
}

/// A pattern as a shell word: all is quoted but `*` and `?`.
fn glob(pattern: &str) -> String {
    let mut word = String::new();
    for part in pattern.split_inclusive(['*', '?']) {
        let plain = part.trim_end_matches(['*', '?']);
        if !plain.is_empty() {
            word.push_str(&quote(plain));
        }
        word.push_str(part.get(plain.len()..).unwrap_or_default());
    }
    word
}

impl Resource for Upload {
    fn id(&self) -> String {
        format!("upload:{}", self.path)
    }

    fn path(&self) -> Option<&RemotePath> {
        Some(&self.path)
    }

    fn creates(&self) -> Option<&RemotePath> {
        Some(&self.path)
    }

    fn probe(&self, script: &mut Script) {
        for (folder, pattern) in &self.rivals {
            let folder = quote(&format!("{folder}/"));
            script.line(&format!("hactl_look_matches {folder}{}", glob(pattern)));
        }
        if !self.settled_by.is_empty() {
            let files: Vec<&str> = self.settled_by.iter().map(RemotePath::as_str).collect();
            script.call("hactl_look_matches", &files);
        }
        script.call("hactl_look_digest", &[self.path.as_str()]);
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        let look = Look::read(seen)?;
        let mut assessment = Assessment::default();
        remove_leftovers(&look, &mut assessment);
        self.warn(&look, &mut assessment);
        let wanted = self.blob.sha256.to_string();
        let read = match &look.found {
            Found::Absent => "absent".to_owned(),
            Found::File(file) => {
                self.attributes.compare(&self.path, &file.mode, &file.owner, &mut assessment);
                String::from_utf8_lossy(file.content).trim().to_owned()
            }
            other => {
                let cause = format!("{} is not a file but {other}", self.path);
                return Err(AssessError::new("not-a-file", cause).hint("move it out of the way"));
            }
        };
        let replaced = read != wanted && read != "absent";
        if read != wanted {
            if replaced {
                self.keep_settled(&look)?;
            }
            let what = if read == "absent" { "upload" } else { "upload anew" };
            let short = wanted.get(..12).unwrap_or_default();
            let size = self.blob.size;
            assessment.changes.push(Change::new(format!("{what}, {size} bytes, sha256 {short}…")));
            let mode = format!("{:o}", self.attributes.mode.unwrap_or(0o644));
            let words = [wanted.as_str(), self.path.as_str(), &mode, &read];
            let only_new = read == "absent" && assessment.mend.is_empty();
            assessment.kin = if only_new { Kin::Beside } else { Kin::Apart };
            assessment.mend.call("hactl_install", &words);
            if let (Some(owner), "absent") = (&self.attributes.owner, read.as_str()) {
                assessment.mend.call("hactl_attributes", &[self.path.as_str(), "-", owner]);
            }
            assessment.needs.push(self.blob.clone());
        }
        Ok(assessment.because(if replaced {
            "another file is there: it is replaced, and kept in the run's backup"
        } else {
            "the file is not as wanted"
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stars_and_question_marks_stay_special() {
        assert_eq!(glob("mysql-*.jar"), "mysql-*.jar");
        assert_eq!(glob("a b*[0-9]?$(x)"), "'a b'*'[0-9]'?'$(x)'");
    }
}
