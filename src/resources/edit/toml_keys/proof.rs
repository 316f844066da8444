//! The meaning of a TOML document, to prove that an edit changed what was wanted and nothing else.

use std::collections::BTreeMap;

use toml_edit::{InlineTable, Item, Table};

use crate::resources::edit::Value;

/// What a document says, whatever its spelling.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning<'d> {
    Text(&'d str),
    Integer(i64),
    /// By its bits, so that `nan` equals itself.
    Float(u64),
    Boolean(bool),
    Time(String),
    List(Vec<Self>),
    Table(BTreeMap<&'d str, Self>),
}

impl<'d> Meaning<'d> {
    /// What the document says.
    pub(super) fn of_table(table: &'d Table) -> Self {
        Self::Table(table.iter().map(|(key, item)| (key, Self::of_item(item))).collect())
    }

    fn of_inline(table: &'d InlineTable) -> Self {
        Self::Table(table.iter().map(|(key, value)| (key, Self::of_value(value))).collect())
    }

    fn of_item(item: &'d Item) -> Self {
        match item {
            Item::None => Self::Table(BTreeMap::new()),
            Item::Value(value) => Self::of_value(value),
            Item::Table(table) => Self::of_table(table),
            Item::ArrayOfTables(tables) => Self::List(tables.iter().map(Self::of_table).collect()),
        }
    }

    /// What a value says.
    pub(super) fn of_value(value: &'d toml_edit::Value) -> Self {
        match value {
            toml_edit::Value::String(text) => Self::Text(text.value()),
            toml_edit::Value::Integer(number) => Self::Integer(*number.value()),
            toml_edit::Value::Float(number) => Self::Float(number.value().to_bits()),
            toml_edit::Value::Boolean(yes) => Self::Boolean(*yes.value()),
            toml_edit::Value::Datetime(time) => Self::Time(time.value().to_string()),
            toml_edit::Value::Array(items) => Self::List(items.iter().map(Self::of_value).collect()),
            toml_edit::Value::InlineTable(table) => Self::of_inline(table),
        }
    }

    /// What a wanted value says.
    pub(super) fn of_wanted(value: &'d Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Secret(secret) => Self::Text(secret.expose()),
            Value::Integer(number) => Self::Integer(*number),
            Value::Boolean(yes) => Self::Boolean(*yes),
            Value::List(items) => Self::List(items.iter().map(Self::of_wanted).collect()),
        }
    }

    /// Makes it say that the key at `path` is `wanted`, or that there is none.
    pub(super) fn put(&mut self, path: &'d [String], wanted: Option<&'d Value>) {
        let (Self::Table(table), Some((first, rest))) = (self, path.split_first()) else {
            return;
        };
        if rest.is_empty() {
            match wanted {
                Some(value) => drop(table.insert(first, Self::of_wanted(value))),
                None => drop(table.remove(first.as_str())),
            }
        } else if wanted.is_some() || table.contains_key(first.as_str()) {
            let inner = table.entry(first).or_insert_with(|| Self::Table(BTreeMap::new()));
            inner.put(rest, wanted);
        }
    }

    /// Forgets the tables on the way to `path` that are empty: a dotted table vanishes with its last key, another does not.
    pub(super) fn without_empty(&mut self, path: &[String]) {
        let (Self::Table(table), Some((first, rest))) = (self, path.split_first()) else {
            return;
        };
        if let Some(inner) = table.get_mut(first.as_str()) {
            inner.without_empty(rest);
            if matches!(inner, Self::Table(table) if table.is_empty()) {
                table.remove(first.as_str());
            }
        }
    }
}
