//! Where every key of an inventory stands.

use std::collections::BTreeMap;

use super::Span;
use super::tree::{Kind, Node};

/// The place of one key: the key itself, and its value when that is a single word; else the key once more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) key: Span,
    pub(super) value: Span,
}

/// The places of a document's keys, by paths such as `databases.shared_db.host` or `hosts.is-1.groups[0]`.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(BTreeMap<String, Position>);

impl Positions {
    pub(super) fn insert(&mut self, path: &str, key: Span, node: &Node) {
        let value = match node.kind {
            Kind::Scalar { .. } if !node.is_null() => node.span,
            _ => key,
        };
        self.0.insert(path.to_owned(), Position { key, value });
    }

    /// Exactly this key.
    pub(super) fn get(&self, path: &str) -> Option<Position> {
        self.0.get(path).copied()
    }

    /// The value of this key.
    pub(super) fn value(&self, path: &str) -> Option<Span> {
        self.get(path).map(|position| position.value)
    }

    /// The value of this key, or the nearest key above it.
    pub(super) fn nearest(&self, path: &str) -> Option<Span> {
        if let Some(span) = self.value(path) {
            return Some(span);
        }
        let mut path = path;
        loop {
            if let Some(position) = self.get(path) {
                return Some(position.key);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Makes `path` and everything below `from` known under another name, such as a host that came from a range.
    pub(super) fn repeat(&mut self, from: &str, path: &str) {
        let copies: Vec<(String, Position)> = self
            .0
            .range(from.to_owned()..)
            .take_while(|(key, _)| key.starts_with(from))
            .filter(|(key, _)| key.len() == from.len() || key[from.len()..].starts_with(['.', '[']))
            .map(|(key, position)| (format!("{path}{}", &key[from.len()..]), *position))
            .collect();
        self.0.extend(copies);
    }
}

/// The path of `key` below `path`.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
