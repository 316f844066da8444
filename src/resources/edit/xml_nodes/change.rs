//! What is to be done for one wish in one text.

use std::ops::Range;

use roxmltree::{Document, Node};
use zeroize::Zeroizing;

use super::path::Path;
use super::proof::Meant;
use crate::resources::edit::EditError;

/// Bytes to be replaced, what by, and what that means.
pub(super) struct Due {
    pub(super) range: Range<usize>,
    pub(super) with: Zeroizing<String>,
    pub(super) meant: Meant,
}

impl Due {
    pub(super) fn new(range: Range<usize>, parts: &[&str], meant: Meant) -> Self {
        let mut with = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| with.push_str(part));
        Self { range, with, meant }
    }
}

/// The one element that a path names, or none.
///
/// # Errors
/// When it names several: which one is meant is never guessed.
pub(super) fn at_most_one<'a, 'i>(
    from: Node<'a, 'i>,
    path: &Path,
    text: &str,
) -> Result<Option<Node<'a, 'i>>, EditError> {
    let found = path.select(from);
    match found.as_slice() {
        [] => Ok(None),
        [node] => Ok(Some(*node)),
        several => {
            let line = |node: &Node<'_, '_>| node.document().text_pos_at(node.range().start).row.to_string();
            let lines: Vec<_> = several.iter().map(line).collect();
            Err(EditError {
                code: "xml-not-unique",
                cause: format!("`{text}` names {} elements (lines {})", several.len(), lines.join(", ")),
                hint: Some("remove the duplicate, or name the one by an attribute or a child".to_owned()),
            })
        }
    }
}

/// The one element that a path names.
///
/// # Errors
/// When it names none or several.
pub(super) fn exactly_one<'a, 'i>(
    document: &'a Document<'i>,
    path: &Path,
    text: &str,
) -> Result<Node<'a, 'i>, EditError> {
    let found = at_most_one(document.root(), path, text)?;
    found.ok_or_else(|| missing(document.root(), path, text))
}

/// The error for a path that names nothing.
pub(super) fn missing(from: Node<'_, '_>, path: &Path, text: &str) -> EditError {
    let reach = path.reach(from);
    let there = match path.steps.get(..reach).and_then(<[_]>::last) {
        Some(step) => format!("its way ends behind step {reach} of {}, `{}`", path.steps.len(), step.name),
        None => "not even its first step is there".to_owned(),
    };
    EditError {
        code: "xml-missing",
        cause: format!("`{text}` names 0 elements: {there}"),
        hint: Some("is this the file of the product version that the profile is for?".to_owned()),
    }
}
