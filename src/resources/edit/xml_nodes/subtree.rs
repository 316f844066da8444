//! Whole elements: appended, replaced, removed, and taken in and out of comments.

use roxmltree::{Document, Node};
use zeroize::Zeroizing;

use super::change::{Due, at_most_one, exactly_one, missing};
use super::document::{Parts, is_in_place};
use super::fragment::{Fragment, only_element, told};
use super::layout::{indent_before, place_of_new_child, reindented, with_its_lines};
use super::path::{Path, text_of};
use super::proof::{Event, Meant, essence};
use super::refused;
use crate::resources::edit::EditError;

/// Makes the child of `parent` that `key` names say what `xml` says; a missing one is appended. Tells as well whether
/// there was one.
pub(super) fn set(
    text: &str,
    parent: Node<'_, '_>,
    (key, key_text): (&Path, &str),
    xml: &str,
) -> Result<Option<(Due, bool)>, EditError> {
    let xml = xml.trim();
    let fragment = Fragment::new(parent, xml);
    let unfit = |why: &str| EditError {
        code: "unfit-value",
        cause: format!("the element wanted at `{key_text}` {why}"),
        hint: Some("want one well-formed element, which its own key path names".to_owned()),
    };
    let document = fragment.parse().ok_or_else(|| unfit("is not well-formed XML"))?;
    let element = only_element(&document).ok_or_else(|| unfit("is not exactly one element"))?;
    if key.select(document.root_element()).as_slice() != [element] {
        return Err(unfit("is not named by that path"));
    }
    let wanted = told(element);
    let Some(held) = at_most_one(parent, key, key_text)? else {
        if !text_of(parent).trim().is_empty() {
            return Err(EditError {
                code: "xml-not-a-leaf",
                cause: format!("the parent of `{key_text}` holds text, so that it takes no element"),
                hint: Some("take the text out of the parent element".to_owned()),
            });
        }
        let place = place_of_new_child(text, parent, &Parts::of(text, parent)?);
        let new = reindented(text, xml, element, fragment.offset, &place.indent);
        let meant = Meant::Appended(parent.id(), wanted);
        return Ok(Some((Due::new(place.range, &[&place.before, &new, &place.after], meant), false)));
    };
    if essence(told(held)) == essence(wanted.clone()) {
        return Ok(None);
    }
    let parts = Parts::of(text, held)?;
    let indent = indent_before(text, parts.whole.start).unwrap_or_default();
    let new = reindented(text, xml, element, fragment.offset, indent);
    Ok(Some((Due::new(parts.whole, &[&new], Meant::Replaced(held.id(), wanted)), true)))
}

/// Takes an element away, with its lines when it has them for itself.
pub(super) fn remove(text: &str, node: Node<'_, '_>) -> Result<Due, EditError> {
    let parts = Parts::of(text, node)?;
    if node.parent_element().is_none() {
        return Err(refused("the outermost element cannot be removed", "remove what is inside it, or the whole file"));
    }
    let range = with_its_lines(text, parts.whole);
    Ok(Due::new(range, &[], Meant::Replaced(node.id(), Vec::new())))
}

/// Puts an element into a comment.
pub(super) fn comment_out(text: &str, node: Node<'_, '_>) -> Result<Due, EditError> {
    let parts = Parts::of(text, node)?;
    let source = text.get(parts.whole.clone()).unwrap_or_default();
    if source.contains("--") || node.parent_element().is_none() {
        return Err(refused(
            "an element that holds `--`, such as a comment of its own, cannot be put into a comment",
            "remove the comment inside it first",
        ));
    }
    // A reader is told of line ends in one form.
    let inside = Zeroizing::new(source.replace("\r\n", "\n"));
    let meant = Meant::Replaced(node.id(), vec![Event::Comment(inside)]);
    Ok(Due::new(parts.whole.clone(), &["<!--", source, "-->"], meant))
}

/// Takes the element that `path` names out of its comment. There must be exactly one such comment.
pub(super) fn uncomment(text: &str, document: &Document<'_>, path: &Path, path_text: &str) -> Result<Due, EditError> {
    let Some((step, parent_path)) = path.split_last() else {
        return Err(missing(document.root(), path, path_text));
    };
    let parent = exactly_one(document, &parent_path, path_text)?;
    let mut found = Vec::new();
    for comment in parent.children().filter(Node::is_comment) {
        let body = comment.text().unwrap_or_default();
        for candidate in [body.trim().to_owned(), format!("<{}>", body.trim())] {
            let fragment = Fragment::new(parent, &candidate);
            let Some(document) = fragment.parse() else { continue };
            if let Some(element) = only_element(&document).filter(|element| step.matches(*element)) {
                found.push((comment, told(element)));
            }
        }
    }
    let count = found.len();
    let only = if count == 1 { found.pop() } else { None };
    let Some((comment, events)) = only else {
        return Err(EditError {
            code: if count == 0 { "xml-missing" } else { "xml-not-unique" },
            cause: format!(
                "`{path_text}` names 0 elements, and {count} comments hold such an element and nothing else"
            ),
            hint: Some("write the element where it belongs, or leave it in one comment of its own".to_owned()),
        });
    };
    let range = comment.range();
    let source = text.get(range.clone()).filter(|_| is_in_place(comment));
    let body = source.and_then(|source| source.strip_prefix("<!--")?.strip_suffix("-->")).map(str::trim);
    let body = body
        .ok_or_else(|| refused("the comment comes from an entity", "write the comment out where the entity is used"))?;
    let (open, close) = if body.starts_with('<') { ("", "") } else { ("<", ">") };
    Ok(Due::new(range, &[open, body, close], Meant::Replaced(comment.id(), events)))
}
