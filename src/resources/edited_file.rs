//! A file of which hactl owns some keys or lines, and nothing else.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::edit::{Edit, EditError};
use super::leftover::remove_leftovers;
use super::{AssessError, Assessment, Change, Found, Kin, Look, Resource, Seen};
use crate::model::{RemotePath, Script, Sha256, StepName};

/// A file with every edit that any step wants of it: read once, written once.
pub struct EditedFile {
    path: RemotePath,
    absent: WhenAbsent,
    edits: Vec<(Option<StepName>, Arc<dyn Edit>)>,
}

/// What to do when the file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAbsent {
    /// The product brings it: its absence is an error.
    Refuse,
    /// Begin with an empty file of this mode.
    Create(u32),
}

impl EditedFile {
    /// The file at `path`, so far without edits.
    pub fn new(path: RemotePath) -> Self {
        Self { path, absent: WhenAbsent::Refuse, edits: Vec::new() }
    }

    /// Adds an edit. If any edit may create the file, it is created.
    pub fn and(&mut self, step: Option<StepName>, absent: WhenAbsent, edit: impl Edit + 'static) {
        if self.absent == WhenAbsent::Refuse {
            self.absent = absent;
        }
        self.edits.push((step, Arc::new(edit)));
    }

    /// Which file.
    pub fn path(&self) -> &RemotePath {
        &self.path
    }

    /// Checks that no edit wants to change the result: two that want different values would change it for ever.
    fn agree(&self, edited: &str) -> Result<(), AssessError> {
        for (step, edit) in &self.edits {
            let again = edit.apply(edited).map_err(|error| self.refuse(error))?;
            if let Some(what) = again.changes.first() {
                let who = step.map_or_else(String::new, |step| format!(" of `{step}`"));
                let cause = format!("{}: an edit{who} and another one contradict: {what}", self.path);
                let hint = "let only one of them want this key";
                return Err(AssessError::new("wanted-twice", cause).hint(hint));
            }
        }
        Ok(())
    }

    /// What the file's text becomes by all edits, one after the other, and the changes that make it so.
    ///
    /// # Errors
    /// When an edit does not fit the text.
    pub fn edited(&self, text: &str) -> Result<(Zeroizing<String>, Vec<Change>), AssessError> {
        let mut edited = Zeroizing::new(text.to_owned());
        let mut changes = Vec::new();
        for (step, edit) in &self.edits {
            let result = edit.apply(&edited).map_err(|error| self.refuse(error))?;
            edited = result.text;
            changes.extend(result.changes.into_iter().map(|what| Change { step: *step, what, diff: None }));
        }
        Ok((edited, changes))
    }

    fn refuse(&self, error: EditError) -> AssessError {
        let EditError { code, cause, hint } = error;
        AssessError { code, cause: format!("{}: {cause}", self.path), hint }
    }
}

impl Resource for EditedFile {
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
        let (content, mode, owner, digest) = match look.found {
            Found::File(file) => {
                let owner = file.owner_and_group();
                (file.content, file.mode, owner, Sha256::of(file.content).to_string())
            }
            Found::Absent => match self.absent {
                WhenAbsent::Create(mode) => (&b""[..], format!("{mode:o}"), "-".to_owned(), "absent".to_owned()),
                WhenAbsent::Refuse => {
                    let cause = format!("{} is not there", self.path);
                    let hint = "is the product unpacked, and is `product.home` its folder?";
                    return Err(AssessError::new("file-missing", cause).hint(hint));
                }
            },
            other => {
                let cause = format!("{} is not a file but {other}", self.path);
                return Err(AssessError::new("not-a-file", cause).hint("move it out of the way"));
            }
        };
        let text = std::str::from_utf8(content).map_err(|error| {
            let cause = format!("{}: byte {} is not UTF-8", self.path, error.valid_up_to());
            AssessError::new("not-utf-8", cause).hint("convert the file to UTF-8, or put back the shipped one")
        })?;
        let (edited, changes) = self.edited(text)?;
        if changes.is_empty() {
            return Ok(assessment.because("a run that died has left a temporary file"));
        }
        self.agree(&edited)?;
        let because = match changes.len() {
            1 => "one thing differs".to_owned(),
            count => format!("{count} things differ"),
        };
        let wanted = Sha256::of(edited.as_bytes()).to_string();
        assessment.changes.extend(changes);
        assessment.kin = if assessment.mend.is_empty() { Kin::Draft } else { Kin::Apart };
        let words = [self.path.as_str(), &digest, &wanted, &mode, &owner];
        assessment.mend.call_with_content("hactl_put", &words, edited.as_bytes());
        Ok(assessment.because(&because))
    }
}
