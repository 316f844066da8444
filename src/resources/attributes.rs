//! Mode and owner of a file or folder.

use super::{Assessment, Change};
use crate::model::RemotePath;

/// Mode and owner, where they are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: Option<u32>,
    pub(super) owner: Option<String>,
}

impl Attributes {
    /// Adds what differs from the mode and owner that were found.
    pub(super) fn compare(&self, path: &RemotePath, mode: &str, owner: &str, assessment: &mut Assessment) {
        let wanted_mode = self.mode.map(|mode| format!("{mode:o}")).filter(|wanted| wanted != mode);
        let wanted_owner = self.owner.as_deref().filter(|wanted| *wanted != owner);
        if let Some(wanted) = &wanted_mode {
            assessment.changes.push(Change::new(format!("mode: {mode} -> {wanted}")));
        }
        if let Some(wanted) = wanted_owner {
            assessment.changes.push(Change::new(format!("owner: {owner} -> {wanted}")));
        }
        if wanted_mode.is_some() || wanted_owner.is_some() {
            let words = [path.as_str(), wanted_mode.as_deref().unwrap_or("-"), wanted_owner.unwrap_or("-")];
            assessment.mend.call("hactl_attributes", &words);
        }
    }
}

/// The owner as the end of a sentence, when one is wanted.
pub(super) fn quiet_owner(owner: Option<&str>) -> String {
    owner.map_or_else(String::new, |owner| format!(", owner {owner}"))
}
