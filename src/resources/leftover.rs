//! Temporary files of hactl's own, left behind by a run that died with its host.

use super::{Assessment, Change, Look};

/// Adds the removal of what a dead run left beside the path that was looked at.
pub(super) fn remove_leftovers(look: &Look<'_>, assessment: &mut Assessment) {
    for path in &look.leftovers {
        assessment.changes.push(Change::new(format!("remove {path}, which a run that died has left")));
        assessment.mend.call("hactl_remove_leftover", &[path]);
    }
}
