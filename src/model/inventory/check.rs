//! Holds a document's tree against the schema.
//!
//! Everything wrong is collected; what is right is handed on as a value that serde can read, with paths made absolute, so
//! that the rules can be checked on the rest of a document with mistakes.

mod leaf;
mod secret;

use serde_json::{Map, Number, Value};

use super::hidden::{is_suspicious, looks_secret};
use super::position::{Positions, below};
use super::schema::{self, Shape, shape};
use super::tree::{Entry, Kind, Node};
use super::{LocalFile, Place, Problem, SecretUse, Span, suggest};

/// What `hactl init` writes where only the user can know the value.
pub const FILL_IN: &str = "FILL-IN";

/// What came out of one document.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The document without what was wrong; `None` when a required part was wrong.
    pub(super) value: Option<Value>,
    pub(super) positions: Positions,
    pub(super) files: Vec<LocalFile>,
    pub(super) secrets: Vec<SecretUse>,
    pub(super) problems: Vec<Problem>,
}

/// Checks one document.
pub(super) fn check(document: &Node, place: &Place) -> Checked {
    let mut checker = Checker { place, meaning: None, out: Checked::default() };
    checker.out.value = checker.value(document, schema::schema(), "", document.span, false);
    checker.out
}

struct Checker<'a> {
    place: &'a Place,
    /// What the schema says of the key whose value is being read.
    meaning: Option<String>,
    out: Checked,
}

impl Checker<'_> {
    fn wrong(&mut self, code: &'static str, span: Span, path: &str, message: String, hint: Option<String>) {
        let problem = Problem::new(code, Some(span), path, message);
        self.out.problems.push(Problem { hint: hint.map(String::into_boxed_str), ..problem });
    }

    /// `at` is where to point when there is no value at all: the key.
    fn value(&mut self, node: &Node, schema: &'static Value, path: &str, at: Span, file: bool) -> Option<Value> {
        let shape = shape(schema);
        if node.is_null() && !matches!(shape, Shape::Struct(_) | Shape::Table(_) | Shape::Any) {
            self.wrong(
                "missing-key",
                at,
                path,
                format!("`{path}` has no value"),
                Some(format!("write {}", wanted(shape))),
            );
            return None;
        }
        match (shape, &node.kind) {
            (Shape::Secret, _) => self.secret(node, path),
            (Shape::Any, _) => Some(free(node)),
            (Shape::Struct(object), Kind::Mapping(entries)) => self.object(entries, object, path, at),
            (Shape::Struct(object), _) if node.is_null() => self.object(&[], object, path, at),
            (Shape::Table(values), Kind::Mapping(entries)) => Some(self.table(entries, values, path)),
            (Shape::Table(_), _) if node.is_null() => Some(Value::Object(Map::new())),
            (Shape::OneOrMany { many, .. }, Kind::Sequence(_)) => self.value(node, many, path, at, file),
            (Shape::OneOrMany { one, .. }, _) => self.value(node, one, path, at, file),
            (Shape::List(items), Kind::Sequence(nodes)) => {
                let mut values = Vec::new();
                for (index, node) in nodes.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.out.positions.insert(&path, node.span, node);
                    values.extend(self.value(node, items, &path, node.span, file));
                }
                Some(Value::Array(values))
            }
            (Shape::Text { pattern }, Kind::Scalar { text, .. }) => self.text(text, pattern, node.span, path, file),
            (Shape::Words(words), Kind::Scalar { text, .. }) => self.word(text, &schema::words(words), node.span, path),
            (Shape::Integer { minimum, maximum }, Kind::Scalar { text, plain }) => {
                self.integer(text, *plain, (minimum, maximum), node.span, path)
            }
            (Shape::Boolean, Kind::Scalar { text, plain }) => self.boolean(text, *plain, node.span, path),
            (shape, _) => {
                self.wrong_type(node, shape, path, at);
                None
            }
        }
    }

    fn wrong_type(&mut self, node: &Node, shape: Shape, path: &str, at: Span) {
        let found = match &node.kind {
            Kind::Scalar { .. } => "a single value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping of keys",
        };
        let name = if path.is_empty() { "the inventory" } else { path };
        let hint = match (shape, &node.kind) {
            (Shape::List(_), Kind::Scalar { .. }) => "put it into brackets: `[…]`".to_owned(),
            (Shape::Table(_), Kind::Sequence(_)) if path == "hosts" => {
                "write each host as `NAME: { address: ADDRESS }`, without the dash".to_owned()
            }
            (Shape::Struct(_) | Shape::Table(_), _) => "write `KEY: VALUE` lines below it, indented".to_owned(),
            (Shape::Text { .. } | Shape::Words(_), _) => "write a single value".to_owned(),
            _ => format!("write {}", wanted(shape)),
        };
        let span = if matches!(node.kind, Kind::Scalar { .. }) { node.span } else { at };
        let message = format!("`{name}` is {found}, where {} is wanted", wanted(shape));
        self.wrong("wrong-type", span, path, message, Some(hint));
    }

    fn object(
        &mut self,
        entries: &[Entry],
        object: &'static Map<String, Value>,
        path: &str,
        at: Span,
    ) -> Option<Value> {
        let known: Vec<&str> = schema::properties(object).map(|(key, _)| key.as_str()).collect();
        let mut values = Map::new();
        let mut whole = true;
        for (index, entry) in entries.iter().enumerate() {
            let here = below(path, &entry.key);
            let Some((_, schema)) = schema::properties(object).find(|(key, _)| **key == entry.key) else {
                self.unknown_key(entry, path, &known);
                continue;
            };
            if self.is_duplicate(&entries[..index], entry, &here) {
                continue;
            }
            self.out.positions.insert(&here, entry.key_span, &entry.value);
            let required = schema::required(object).any(|key| key == entry.key);
            if entry.value.is_null() && !required {
                continue;
            }
            self.meaning = meaning(&entry.key, schema);
            match self.value(&entry.value, schema, &here, entry.key_span, schema::is_local_file(schema)) {
                Some(value) => {
                    values.insert(entry.key.clone(), value);
                }
                None => whole &= !required,
            }
        }
        for key in schema::required(object) {
            if !entries.iter().any(|entry| entry.key == key) {
                whole = false;
                // Its misspelling has been reported.
                let meant = |entry: &Entry| {
                    suggest::nearest(&entry.key, known.iter().copied()).is_some_and(|near| near.0 == key)
                };
                if entries.iter().any(|entry| !known.contains(&entry.key.as_str()) && meant(entry)) {
                    continue;
                }
                let place = if path.is_empty() { "the inventory".to_owned() } else { format!("`{path}`") };
                let schema = schema::properties(object).find(|(name, _)| *name == key);
                let meaning = schema.and_then(|(_, schema)| meaning(key, schema));
                self.wrong("missing-key", at, &below(path, key), format!("{place} has no `{key}`"), meaning);
            }
        }
        whole.then_some(Value::Object(values))
    }

    fn unknown_key(&mut self, entry: &Entry, path: &str, known: &[&str]) {
        let place = match path {
            "" => String::new(),
            path => format!(" in `{path}`"),
        };
        if is_suspicious(entry) {
            let hint = "check the colons and the quotes of this line".to_owned();
            return self.wrong("unknown-key", entry.key_span, path, format!("unknown key{place}"), Some(hint));
        }
        let hint = suggest::for_key(&entry.key, path, known);
        let message = format!("unknown key `{}`{place}", entry.key);
        self.wrong("unknown-key", entry.key_span, &below(path, &entry.key), message, Some(hint));
    }

    fn is_duplicate(&mut self, before: &[Entry], entry: &Entry, path: &str) -> bool {
        let Some(first) = before.iter().find(|other| other.key == entry.key) else {
            return false;
        };
        let (code, what) = match path.strip_prefix("hosts.") {
            Some(name) if name == entry.key => ("duplicate-host", "host"),
            _ => ("duplicate-key", "key"),
        };
        let message = format!("the {what} `{}` stands here twice; first in line {}", entry.key, first.key_span.line);
        self.wrong(code, entry.key_span, path, message, Some("keep one of them".to_owned()));
        true
    }

    fn table(&mut self, entries: &[Entry], values: &'static Value, path: &str) -> Value {
        let mut table = Map::new();
        for (index, entry) in entries.iter().enumerate() {
            let here = below(path, &entry.key);
            if self.is_duplicate(&entries[..index], entry, &here) {
                continue;
            }
            self.out.positions.insert(&here, entry.key_span, &entry.value);
            if looks_secret(&entry.key) && matches!(shape(values), Shape::Text { .. } | Shape::Any) {
                let message = format!("`{here}` looks like a secret, and stands here in plain text");
                let hint = "if it is one, take it out of the inventory; hactl can't keep it secret here";
                let problem = Problem::new("plain-text-secret", Some(entry.key_span), here.clone(), message);
                self.out.problems.push(problem.hint(hint).warning());
            }
            if let Some(value) = self.value(&entry.value, values, &here, entry.key_span, false) {
                table.insert(entry.key.clone(), value);
            }
        }
        Value::Object(table)
    }
}

fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Struct(_) | Shape::Table(_) => "a mapping of keys",
        Shape::List(_) => "a list",
        Shape::OneOrMany { .. } => "a value, or a list of them",
        Shape::Words(_) | Shape::Text { .. } => "text",
        Shape::Integer { .. } => "a number",
        Shape::Boolean => "`true` or `false`",
        Shape::Secret => "a secret source, such as `{ env: VARIABLE }`",
        Shape::Any => "a value",
    }
}

/// What the schema says of a key.
fn meaning(key: &str, schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(format!("`{key}`: {}", text.trim_end_matches('.')))
}

/// A value that no schema describes, such as a pool option.
fn free(node: &Node) -> Value {
    match &node.kind {
        Kind::Mapping(entries) => entries.iter().map(|entry| (entry.key.clone(), free(&entry.value))).collect(),
        Kind::Sequence(items) => items.iter().map(free).collect(),
        Kind::Scalar { .. } if node.is_null() => Value::Null,
        Kind::Scalar { text, plain: true } => match text.as_str() {
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ => match (text.parse::<i64>(), text.parse::<f64>().ok().and_then(Number::from_f64)) {
                (Ok(number), _) if number.to_string() == *text => Value::Number(Number::from(number)),
                (_, Some(number)) if number.to_string() == *text => Value::Number(number),
                _ => Value::String(text.clone()),
            },
        },
        Kind::Scalar { text, .. } => Value::String(text.clone()),
    }
}
