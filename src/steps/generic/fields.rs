//! The keys of a mapping in a playbook, with everything that is wrong with them.

use crate::model::inventory::suggest::nearest;
use crate::model::inventory::tree::{Entry, Kind, Node};
use crate::model::inventory::{Problem, Span};

/// The keys of a mapping, each asked for by name. What was never asked for is unknown, and [`Self::finish`] says so.
pub(crate) struct Fields<'n, 'p> {
    entries: &'n [Entry],
    span: Span,
    /// What the mapping is, for messages: `a stage`, `directory`.
    what: &'static str,
    known: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'n, 'p> Fields<'n, 'p> {
    /// The keys of `node`, which must be a mapping.
    pub(crate) fn of(node: &'n Node, what: &'static str, problems: &'p mut Vec<Problem>) -> Self {
        let entries = match &node.kind {
            Kind::Mapping(entries) => entries.as_slice(),
            _ => {
                wrong_type(node.span, what, "keys with values", problems);
                &[]
            }
        };
        for (index, entry) in entries.iter().enumerate() {
            if entries.iter().take(index).any(|before| before.key == entry.key) {
                let message = format!("`{}` stands twice in {what}", entry.key);
                problems.push(Problem::new("duplicate-key", Some(entry.key_span), entry.key.as_str(), message));
            }
        }
        Self { entries, span: node.span, what, known: Vec::new(), problems }
    }

    /// The value of a key that may be left out.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        if entry.value.is_null() {
            let message = format!("`{key}` has no value");
            self.problems.push(Problem::new("missing-key", Some(entry.key_span), key, message));
            return None;
        }
        Some(&entry.value)
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<&'n Node> {
        if !self.entries.iter().any(|entry| entry.key == key) {
            self.known.push(key);
            let message = format!("{} needs `{key}`", self.what);
            self.problems.push(Problem::new("missing-key", Some(self.span), key, message));
            return None;
        }
        self.optional(key)
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<(&'n str, Span)> {
        let node = self.required(key)?;
        text(node, key, self.problems)
    }

    /// A text that may be left out.
    pub(crate) fn optional_text(&mut self, key: &'static str) -> Option<(&'n str, Span)> {
        let node = self.optional(key)?;
        text(node, key, self.problems)
    }

    /// A list of texts, or one text, that may be left out.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<(&'n str, Span)> {
        match self.optional(key) {
            Some(Node { kind: Kind::Sequence(items), .. }) => {
                items.iter().filter_map(|item| text(item, key, self.problems)).collect()
            }
            Some(node) => text(node, key, self.problems).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The entries of a mapping that may be left out.
    pub(crate) fn entries(&mut self, key: &'static str) -> &'n [Entry] {
        match self.optional(key) {
            Some(Node { kind: Kind::Mapping(entries), .. }) => entries,
            Some(node) => {
                wrong_type(node.span, key, "keys with values", self.problems);
                &[]
            }
            None => &[],
        }
    }

    /// Where further problems of this mapping go.
    pub(crate) fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// Where the mapping stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Complains of every key that was not asked for.
    pub(crate) fn finish(self) {
        for entry in self.entries {
            if self.known.contains(&entry.key.as_str()) {
                continue;
            }
            let hint = match nearest(&entry.key, self.known.iter().copied()) {
                Some((near, _)) => format!("did you mean `{near}`?"),
                None => format!("{} has these keys: {}", self.what, self.known.join(", ")),
            };
            let message = format!("unknown key `{}` in {}", entry.key, self.what);
            self.problems
                .push(Problem::new("unknown-key", Some(entry.key_span), entry.key.as_str(), message).hint(hint));
        }
    }
}

/// A scalar's text.
pub(crate) fn text<'n>(node: &'n Node, key: &str, problems: &mut Vec<Problem>) -> Option<(&'n str, Span)> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some((text, node.span)),
        _ => {
            wrong_type(node.span, key, "a text", problems);
            None
        }
    }
}

/// Complains that something else stands where `wanted` should.
pub(crate) fn wrong_type(span: Span, what: &str, wanted: &str, problems: &mut Vec<Problem>) {
    let message = format!("{what}: expected {wanted} here");
    problems.push(Problem::new("wrong-type", Some(span), what, message));
}
