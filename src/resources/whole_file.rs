//! A file that belongs to hactl from its first byte to its last.

use super::attributes::{Attributes, quiet_owner};
use super::diff::masked_diff;
use super::leftover::remove_leftovers;
use super::{AssessError, Assessment, Change, Content, Found, FoundFile, Kin, Look, Resource, Seen};
use crate::model::{RemotePath, Script, Sha256};

/// A file with all of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeFile {
    path: RemotePath,
    content: Content,
    attributes: Attributes,
}

impl WholeFile {
    /// The file at `path` with this content. Its mode is left as it is; a new file gets 644, a secret one 600.
    pub fn new(path: RemotePath, content: impl Into<Content>) -> Self {
        Self { path, content: content.into(), attributes: Attributes::default() }
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

    fn create(&self, assessment: &mut Assessment) {
        let usual = if matches!(self.content, Content::Secret(_)) { 0o600 } else { 0o644 };
        let mode = format!("{:o}", self.attributes.mode.unwrap_or(usual));
        let owner = self.attributes.owner.as_deref();
        assessment.changes.push(Change {
            step: None,
            what: format!("create the file, mode {mode}{}", quiet_owner(owner)),
            diff: self.diff(b""),
        });
        self.put("absent", &mode, "-", assessment);
        if let Some(owner) = owner {
            assessment.mend.call("hactl_attributes", &[self.path.as_str(), "-", owner]);
            assessment.kin = Kin::Apart;
        }
    }

    fn replace(&self, file: &FoundFile<'_>, assessment: &mut Assessment) {
        // Mode and owner come first: a secret must not lie under the old mode even for a moment.
        self.attributes.compare(&self.path, &file.mode, &file.owner, assessment);
        if file.content == self.content.bytes() {
            return;
        }
        assessment.changes.push(Change {
            step: None,
            what: "content: changed".to_owned(),
            diff: self.diff(file.content),
        });
        self.put(&Sha256::of(file.content).to_string(), &file.mode, &file.owner_and_group(), assessment);
    }

    fn put(&self, read: &str, mode: &str, owner: &str, assessment: &mut Assessment) {
        let content = self.content.bytes();
        let wanted = Sha256::of(content).to_string();
        // Not one whose mode or owner is changed first.
        assessment.kin = if assessment.mend.is_empty() { Kin::Draft } else { Kin::Apart };
        let words = [self.path.as_str(), read, &wanted, mode, owner];
        match self.content {
            Content::Text(_) => assessment.mend.call_with_content("hactl_put", &words, content),
            // Not among the words of a call, even one within the shell.
            Content::Secret(_) => assessment.mend.call_with_encoded("hactl_put", &words, content),
        }
    }

    /// A unified diff, where both sides are text that may be shown.
    fn diff(&self, old: &[u8]) -> Option<String> {
        let Content::Text(new) = &self.content else {
            return None;
        };
        let old = std::str::from_utf8(old).ok()?;
        Some(masked_diff(self.path.as_str(), old, new.as_str()))
    }
}

impl Resource for WholeFile {
    fn id(&self) -> String {
        format!("file:{}", self.path)
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
            Found::Absent => self.create(&mut assessment),
            Found::File(file) => self.replace(file, &mut assessment),
            other => {
                let cause = format!("{} is not a file but {other}", self.path);
                return Err(AssessError::new("not-a-file", cause).hint("move it out of the way"));
            }
        }
        Ok(assessment.because("the file is not as wanted"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Secret;

    fn assess(file: &WholeFile, stdout: &[u8]) -> Assessment {
        let (stderr, status) = (&b""[..], 0);
        file.assess(Seen { stdout, stderr, status }).unwrap()
    }

    #[test]
    fn a_text_is_shown_as_a_diff_and_a_secret_is_not() {
        let path: RemotePath = "/etc/app.conf".parse().unwrap();
        let text = assess(&WholeFile::new(path.clone(), "a\nB\n"), b"file 644 root root\na\nb\n");
        let diff = text.changes[0].diff.as_deref().unwrap();
        assert!(diff.contains("-b\n+B\n"), "{diff}");

        let secret = Arc::new(Secret::new("poison\n".into()));
        let hidden = assess(&WholeFile::new(path, secret), b"file 600 root root\nold\n");
        assert_eq!(hidden.changes, [Change::new("content: changed")]);
    }

    #[test]
    fn a_secret_file_is_closed_before_the_secret_is_written() {
        let secret = Arc::new(Secret::new("poison".into()));
        let file = WholeFile::new("/etc/key".parse().unwrap(), secret).mode(0o600);
        let mend = assess(&file, b"file 644 root root\nold").mend;
        let (close, write) = (mend.text().find("hactl_attributes"), mend.text().find("hactl_put"));
        assert!(close.unwrap() < write.unwrap());
        assert!(!mend.text().contains("poison"));
    }

    #[test]
    fn a_password_of_the_old_file_does_not_show_in_the_diff() {
        let file = WholeFile::new("/etc/app.conf".parse().unwrap(), "user = me\nport = 2\n");
        let diff = file.diff(b"user = me\npassword = hunter2\nurl = jdbc:x://h/db?password=hunter2\n").unwrap();
        assert!(!diff.contains("hunter2"), "{diff}");
        assert!(diff.contains("\n user = me\n") && diff.contains("\n+port = 2\n"), "{diff}");
    }
}
