//! Which bytes of a TOML text a change replaces, and with what.

use std::ops::Range;

use toml_edit::{InlineTable, Key, Table, Value};
use zeroize::Zeroizing;

use super::find::{Home, Spot};
use super::write::{key, path_as_text};
use crate::resources::edit::lines::{BYTE_ORDER_MARK, Line, line_end, lines};

/// Bytes to be replaced, and what by.
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) with: Zeroizing<String>,
}

impl Splice {
    fn insert(at: usize, parts: &[&str]) -> Self {
        let mut with = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| with.push_str(part));
        Self { range: at..at, with }
    }
}

/// Where a new key of `path` goes. `None` when the positions of the document make no sense.
pub(super) fn insertion(text: &str, root: &Table, spot: &Spot<'_>, path: &[String], value: &str) -> Option<Splice> {
    let (last, tables) = path.split_last()?;
    let below = path.get(spot.home_depth..)?;
    let is_dotted = spot.depth > spot.home_depth;
    match spot.home {
        Home::Inline(table) => into_inline(text, table, &path_as_text(below), value),
        Home::Root(table) | Home::Header(table) if is_dotted || below.len() == 1 => {
            into_lines(text, root, table, spot, &path_as_text(below), value)
        }
        Home::Implicit(table) if below.len() == 1 => {
            // Carbon's mapper (cava-toml 0.5.0) never ends when a table's header comes behind that of its child.
            let all = lines(text);
            let at = above(&all, first_header(table)?)?;
            let (end, name) = (line_end(text), path_as_text(tables));
            let is_close = all.iter().any(|line| line.range().end == at && !line.content.trim().is_empty());
            let blank = if is_close { end } else { "" };
            let parts = [blank, "[", &name, "]", end, &key(last), " = ", value, end, end];
            Some(Splice::insert(at, &parts))
        }
        _ => Some(new_table(text, &path_as_text(tables), &key(last), value)),
    }
}

/// Behind the last key of its table.
fn into_lines(text: &str, root: &Table, table: &Table, spot: &Spot<'_>, key: &str, value: &str) -> Option<Splice> {
    let all = lines(text);
    let own = spot.dotted.map(last_key).unwrap_or_default().or_else(|| last_key(table));
    let (behind, indent) = match own {
        Some((first, last)) => (line_of(&all, last)?, line_of(&all, first)?.indent()),
        None if matches!(spot.home, Home::Root(_)) => return Some(at_the_top(text, root, &all, key, value)),
        None => {
            let header = line_of(&all, table.span()?.start)?;
            (header, header.indent())
        }
    };
    let end = line_end(text);
    Some(if behind.end.is_empty() {
        Splice::insert(behind.range().end, &[end, indent, key, " = ", value])
    } else {
        Splice::insert(behind.range().end, &[indent, key, " = ", value, end])
    })
}

/// Where the last key that a table itself owns begins and where its value ends. Tables with headers of their own are
/// not its own; dotted ones are.
fn last_key(table: &Table) -> Option<(usize, usize)> {
    let spans = table.get_values().into_iter().filter_map(|(keys, value)| {
        let start = keys.iter().filter_map(|key| key.span()).map(|span| span.start).min()?;
        Some((start, value.span()?.end))
    });
    spans.max_by_key(|(_, end)| *end)
}

/// The first key of a text without keys before its first header: above that header and the comments that belong to it.
fn at_the_top(text: &str, root: &Table, all: &[Line<'_>], key: &str, value: &str) -> Splice {
    let end = line_end(text);
    match first_header(root).and_then(|header| above(all, header)) {
        Some(at) => Splice::insert(at, &[key, " = ", value, end, end]),
        None => at_the_end(text, &[key, " = ", value]),
    }
}

/// The place above a header and the comments that belong to it.
fn above(all: &[Line<'_>], header: usize) -> Option<usize> {
    let header = all.iter().rposition(|line| line.start <= header)?;
    let before = all.iter().take(header).rev();
    let comments = before.take_while(|line| line.content.trim_start().starts_with('#'));
    all.get(header - comments.count()).map(|line| line.start)
}

/// Where the first header below a table begins.
fn first_header(root: &Table) -> Option<usize> {
    let below = root.iter().filter_map(|(_, item)| {
        let tables: Vec<&Table> = match item {
            toml_edit::Item::Table(table) => vec![table],
            toml_edit::Item::ArrayOfTables(tables) => tables.iter().collect(),
            _ => Vec::new(),
        };
        let starts = tables.into_iter().filter_map(|table| {
            let own = if table.is_dotted() || table.is_implicit() { None } else { table.span() };
            own.map(|span| span.start).into_iter().chain(first_header(table)).min()
        });
        starts.min()
    });
    below.min()
}

/// A table of its own at the end, behind a blank line.
fn new_table(text: &str, table: &str, key: &str, value: &str) -> Splice {
    let end = line_end(text);
    let all = lines(text);
    let blank = match all.last() {
        None => "",
        Some(line) if line.content.trim().is_empty() => "",
        Some(_) => end,
    };
    at_the_end(text, &[blank, "[", table, "]", end, key, " = ", value])
}

/// New text at the end. A text without a final newline has none afterwards either.
fn at_the_end(text: &str, parts: &[&str]) -> Splice {
    let end = line_end(text);
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut with = vec![];
    if body.is_empty() || body.ends_with('\n') {
        with.extend(parts);
        with.push(end);
    } else {
        with.push(end);
        with.extend(parts);
    }
    Splice::insert(text.len(), &with)
}

/// Before the `}`.
fn into_inline(text: &str, table: &InlineTable, key: &str, value: &str) -> Option<Splice> {
    let ends = table.get_values().into_iter().filter_map(|(_, value)| Some(value.span()?.end));
    if let Some(end) = ends.max() {
        return Some(Splice::insert(end, &[", ", key, " = ", value]));
    }
    let open = table.span()?.start + 1;
    let blank = if text.get(open..)?.starts_with('}') { " " } else { "" };
    Some(Splice::insert(open, &[" ", key, " = ", value, blank]))
}

/// What a removal takes away: the key's lines, or its part of an inline table.
pub(super) fn removal(text: &str, spot: &Spot<'_>, key: &Key, value: &Value) -> Option<Splice> {
    let nothing = Zeroizing::new(String::new());
    if let Home::Inline(table) = spot.home {
        return Some(Splice { range: inline_part(text, table, value)?, with: nothing });
    }
    let all = lines(text);
    let first = line_of(&all, key.span()?.start)?;
    let last = line_of(&all, value.span()?.end)?;
    Some(Splice { range: first.range().start..last.range().end, with: nothing })
}

fn inline_part(text: &str, table: &InlineTable, value: &Value) -> Option<Range<usize>> {
    let mut parts = Vec::new();
    for (keys, value) in table.get_values() {
        let start = keys.iter().filter_map(|key| key.span()).map(|span| span.start).min()?;
        parts.push(start..value.span()?.end);
    }
    parts.sort_by_key(|part| part.start);
    let end = value.span()?.end;
    let index = parts.iter().position(|part| part.end == end)?;
    let this = parts.get(index)?.clone();
    Some(match (index.checked_sub(1).and_then(|before| parts.get(before)), parts.get(index + 1)) {
        (Some(before), _) => before.end..this.end,
        (None, Some(after)) => this.start..after.start,
        (None, None) => {
            // A comma behind the last one would be left alone.
            let rest = text.get(this.end..)?;
            let comma = rest.trim_start().strip_prefix(',').map_or(0, |tail| rest.len() - tail.len());
            this.start..this.end + comma
        }
    })
}

fn line_of<'l, 't>(all: &'l [Line<'t>], offset: usize) -> Option<&'l Line<'t>> {
    all.iter().rev().find(|line| line.start <= offset)
}
