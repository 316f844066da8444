//! Follows a path of keys through a TOML document.

use toml_edit::{InlineTable, Item, Key, Table, Value};

use super::write::path_as_text;
use crate::resources::edit::EditError;

/// How far a path leads into a document.
pub(super) struct Spot<'d> {
    /// Where a new key of this path would be written.
    pub(super) home: Home<'d>,
    /// How many segments of the path name `home`.
    pub(super) home_depth: usize,
    /// How many segments of the path exist.
    pub(super) depth: usize,
    /// The innermost dotted table on the way, if the path goes through one below `home`.
    pub(super) dotted: Option<&'d Table>,
    /// The key and its value, when the whole path exists.
    pub(super) value: Option<(&'d Key, &'d Value)>,
}

/// A table as it is written.
#[derive(Clone, Copy)]
pub(super) enum Home<'d> {
    /// The keys before the first header.
    Root(&'d Table),
    /// A table with a header of its own.
    Header(&'d Table),
    /// A table that exists only because a header names one below it.
    Implicit(&'d Table),
    /// `{ … }`.
    Inline(&'d InlineTable),
}

/// Any table of the document.
#[derive(Clone, Copy)]
enum Any<'d> {
    Table(&'d Table),
    Inline(&'d InlineTable),
}

impl<'d> Any<'d> {
    fn get(self, name: &str) -> Option<(&'d Key, &'d Item)> {
        match self {
            Self::Table(table) => table.get_key_value(name),
            Self::Inline(table) => table.get_key_value(name),
        }
    }
}

/// Follows `path` as far as it leads.
///
/// # Errors
/// When it leads through a plain value or a list of tables, or ends at a table.
pub(super) fn find<'d>(root: &'d Table, path: &[String]) -> Result<Spot<'d>, EditError> {
    let mut spot = Spot { home: Home::Root(root), home_depth: 0, depth: 0, dotted: None, value: None };
    let mut here = Any::Table(root);
    for (index, segment) in path.iter().enumerate() {
        let Some((key, item)) = here.get(segment) else {
            return Ok(spot);
        };
        let so_far = path.get(..=index).unwrap_or(path);
        let is_last = index + 1 == path.len();
        spot.depth = index + 1;
        match item {
            Item::None => return Ok(spot),
            Item::ArrayOfTables(_) => return Err(list_of_tables(so_far)),
            Item::Table(_) if is_last => return Err(is_table(so_far)),
            Item::Value(Value::InlineTable(table)) if is_last && table.is_dotted() => return Err(is_table(so_far)),
            Item::Value(value) if is_last => spot.value = Some((key, value)),
            Item::Table(table) => {
                here = Any::Table(table);
                if table.is_dotted() {
                    spot.dotted = Some(table);
                } else {
                    spot.home = if table.is_implicit() { Home::Implicit(table) } else { Home::Header(table) };
                    spot.home_depth = index + 1;
                    spot.dotted = None;
                }
            }
            Item::Value(Value::InlineTable(table)) => {
                here = Any::Inline(table);
                if !table.is_dotted() {
                    spot.home = Home::Inline(table);
                    spot.home_depth = index + 1;
                    spot.dotted = None;
                }
            }
            Item::Value(_) => return Err(is_value(so_far, path)),
        }
    }
    Ok(spot)
}

fn list_of_tables(path: &[String]) -> EditError {
    EditError {
        code: "toml-list-of-tables",
        cause: format!("`{}` is a list of tables, and it is not said which of them", path_as_text(path)),
        hint: Some("edit the `[[…]]` entries by hand; hactl sets keys of single tables only".to_owned()),
    }
}

fn is_table(path: &[String]) -> EditError {
    let name = path_as_text(path);
    EditError {
        code: "toml-not-a-value",
        cause: format!("`{name}` is a table, and not a single key"),
        hint: Some(format!("take the table `{name}` out by hand, if nothing needs its keys")),
    }
}

/// The error for a path that goes through a plain value.
pub(super) fn is_value(at: &[String], path: &[String]) -> EditError {
    let name = path_as_text(at);
    EditError {
        code: "toml-not-a-table",
        cause: format!("`{name}` is a value, so that `{}` has no place", path_as_text(path)),
        hint: Some(format!("remove the key `{name}`")),
    }
}
