//! How lines and indents of XML are kept when elements come and go.

use std::ops::Range;

use roxmltree::Node;
use zeroize::Zeroizing;

use super::document::{Parts, is_in_place};
use crate::resources::edit::lines::{BYTE_ORDER_MARK, line_end};

/// What stands on the line before a position, if it is blank.
pub(super) fn indent_before(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?.trim_start_matches(BYTE_ORDER_MARK);
    line.chars().all(|c| c == ' ' || c == '\t').then_some(line)
}

/// The whole lines of a range when nothing else stands on them; else the range itself.
pub(super) fn with_its_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(indent) = indent_before(text, range.start) else {
        return range;
    };
    let after = text.get(range.end..).unwrap_or_default();
    let line = after.split_inclusive('\n').next().unwrap_or_default();
    if line.trim().is_empty() && line.ends_with('\n') {
        range.start - indent.len()..range.end + line.len()
    } else {
        range
    }
}

/// Where a new last child goes, and what is written around it.
pub(super) struct Place {
    pub(super) range: Range<usize>,
    pub(super) before: String,
    pub(super) indent: String,
    pub(super) after: String,
}

/// The place of a new last child of `parent`.
pub(super) fn place_of_new_child(text: &str, parent: Node<'_, '_>, parts: &Parts) -> Place {
    let end = line_end(text);
    let own = indent_before(text, parts.whole.start).unwrap_or_default();
    let indent = indent_of_children(text, parent).unwrap_or_else(|| format!("{own}{}", unit(text, parent, own)));
    let Some(inner) = &parts.inner else {
        // `<a/>` becomes `<a>…</a>`.
        let open = text.get(parts.open.clone()).unwrap_or_default();
        let kept = open.trim_end_matches("/>").trim_end().len();
        let name =
            open.trim_start_matches('<').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        return Place {
            range: parts.open.start + kept..parts.open.end,
            before: format!(">{end}{indent}"),
            after: format!("{end}{own}</{name}>"),
            indent,
        };
    };
    let blank = indent_before(text, inner.end).map_or(0, str::len);
    let line_start = inner.end - blank;
    let close_has_its_line = indent_before(text, inner.end).is_some() && line_start > inner.start;
    if close_has_its_line {
        return Place { range: line_start..line_start, before: indent.clone(), after: end.to_owned(), indent };
    }
    let inside = text.get(inner.clone()).unwrap_or_default();
    let kept = inside.trim_end_matches([' ', '\t']).len();
    Place {
        range: inner.start + kept..inner.end,
        before: format!("{end}{indent}"),
        after: format!("{end}{own}"),
        indent,
    }
}

fn indent_of_children(text: &str, parent: Node<'_, '_>) -> Option<String> {
    let children: Vec<_> = parent.children().filter(|child| child.is_element() && is_in_place(*child)).collect();
    let indents = children.iter().rev().filter_map(|child| indent_before(text, child.range().start));
    indents.map(str::to_owned).next()
}

/// One level of indentation: what the parent has more than its own parent, else a tab or four blanks.
fn unit<'t>(text: &'t str, parent: Node<'_, '_>, own: &'t str) -> &'t str {
    let outer = parent.parent_element().and_then(|outer| indent_before(text, outer.range().start));
    match outer.and_then(|outer| own.strip_prefix(outer)) {
        Some(step) if !step.is_empty() => step,
        _ if own.contains('\t') => "\t",
        _ => "    ",
    }
}

/// An element written for column 0, with the indent and the line ends of its new place. Texts and attribute values keep
/// their own lines.
pub(super) fn reindented(
    text: &str,
    xml: &str,
    element: Node<'_, '_>,
    offset: usize,
    indent: &str,
) -> Zeroizing<String> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    for node in element.descendants() {
        let range = node.range();
        let is_layout = node.text().unwrap_or_default().trim().is_empty() && node.has_siblings();
        if node.is_text() && !is_layout {
            kept.push(range);
        } else if node.is_element() {
            kept.extend(node.attributes().map(|attribute| attribute.range_value()));
        }
    }
    let separator = format!("{}{indent}", line_end(text));
    let breaks = xml.matches('\n').count();
    let mut written = Zeroizing::new(String::with_capacity(xml.len() + breaks * separator.len()));
    let mut at = 0;
    for (found, _) in xml.match_indices('\n') {
        if kept.iter().any(|range| range.contains(&(found + offset))) {
            continue;
        }
        written.push_str(xml.get(at..found).unwrap_or_default().trim_end_matches('\r'));
        written.push_str(&separator);
        at = found + 1;
    }
    written.push_str(xml.get(at..).unwrap_or_default());
    written
}
