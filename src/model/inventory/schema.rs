//! The JSON Schema of an inventory, and questions to it.
//!
//! It is made from the same structs that are read, so what it says, what is accepted and what is explained are one thing.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::Document;

/// The mark of a path on the controller, put on fields by `#[schemars(extend("format" = "local-file"))]`.
pub(super) const LOCAL_FILE: &str = "local-file";

/// The JSON Schema (draft 2020-12) of one document of an inventory.
pub fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(Document).to_value())
}

/// What a schema says about a value, with `$ref` and `null` out of the way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Known keys; others are errors.
    Struct(&'static Map<String, Value>),
    /// Keys of the user's choice, with values of this schema.
    Table(&'static Value),
    /// A list of this.
    List(&'static Value),
    /// One value of this, or a list; `one` and `many` are the two schemas.
    OneOrMany { one: &'static Value, many: &'static Value },
    /// One of these words.
    Words(&'static Value),
    /// Text.
    Text { pattern: Option<&'static str> },
    /// A whole number within limits.
    Integer { minimum: i64, maximum: i64 },
    /// `true` or `false`.
    Boolean,
    /// Where a secret comes from.
    Secret,
    /// Anything.
    Any,
}

/// Follows `$ref`s, and `anyOf` with `null`.
fn plain(schema: &'static Value) -> (&'static Value, Option<&'static str>) {
    let mut schema = schema;
    let mut name = None;
    loop {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            name = reference.strip_prefix("#/$defs/");
            schema = name
                .and_then(|name| self::schema().get("$defs").and_then(|defs| defs.get(name)))
                .unwrap_or(&Value::Null);
            continue;
        }
        match alternatives(schema).as_slice() {
            [only] => schema = only,
            _ => return (schema, name),
        }
    }
}

/// The schemas of `anyOf` or `oneOf` without `null`.
fn alternatives(schema: &'static Value) -> Vec<&'static Value> {
    ["anyOf", "oneOf"]
        .iter()
        .filter_map(|key| schema.get(key).and_then(Value::as_array))
        .flatten()
        .filter(|schema| schema.get("type").and_then(Value::as_str) != Some("null"))
        .collect()
}

/// What this schema wants.
pub(super) fn shape(schema: &'static Value) -> Shape {
    let (schema, name) = plain(schema);
    if name == Some("SecretSource") {
        return Shape::Secret;
    }
    let options = alternatives(schema);
    if !words(schema).is_empty() {
        return Shape::Words(schema);
    }
    if let Some(many) = options.iter().find(|option| kind(option) == Some("array"))
        && let Some(one) = options.iter().find(|option| kind(option) != Some("array"))
    {
        return Shape::OneOrMany { one, many };
    }
    match kind(schema) {
        Some("object") => {
            match (schema.get("properties").and_then(Value::as_object), schema.get("additionalProperties")) {
                (Some(_), _) => schema.as_object().map_or(Shape::Any, Shape::Struct),
                (None, Some(values)) => Shape::Table(values),
                (None, None) => Shape::Any,
            }
        }
        Some("array") => Shape::List(schema.get("items").unwrap_or(&Value::Null)),
        Some("string") => Shape::Text { pattern: schema.get("pattern").and_then(Value::as_str) },
        Some("integer") => Shape::Integer {
            minimum: schema.get("minimum").and_then(Value::as_i64).unwrap_or(i64::MIN),
            maximum: schema.get("maximum").and_then(Value::as_i64).unwrap_or_else(|| widest(schema)),
        },
        Some("boolean") => Shape::Boolean,
        _ => Shape::Any,
    }
}

fn widest(schema: &Value) -> i64 {
    match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => i64::from(u32::MAX),
        _ => i64::MAX,
    }
}

/// The schema's type that is not `null`.
fn kind(schema: &'static Value) -> Option<&'static str> {
    match plain(schema).0.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

/// The words that a schema of words allows.
pub(super) fn words(schema: &'static Value) -> Vec<&'static str> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut words: Vec<&str> = listed.collect();
    // The only word that there is.
    words.extend(schema.get("const").and_then(Value::as_str));
    for option in alternatives(schema) {
        match option.get("const").and_then(Value::as_str) {
            Some(word) => words.push(word),
            None => words
                .extend(option.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)),
        }
    }
    words
}

/// The known keys of a struct's schema with their schemas.
pub(super) fn properties(
    schema: &'static Map<String, Value>,
) -> impl Iterator<Item = (&'static String, &'static Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The keys that a struct's schema requires.
pub(super) fn required(schema: &'static Map<String, Value>) -> impl Iterator<Item = &'static str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Is the value a path on the controller?
pub(super) fn is_local_file(schema: &Value) -> bool {
    schema.get("format").and_then(Value::as_str) == Some(LOCAL_FILE)
}

/// Every key of the schema as a path, with its schema; keys of the user's choice are `NAME`. A secret source counts as one key.
pub fn keys() -> &'static [(String, &'static Value)] {
    static KEYS: OnceLock<Vec<(String, &'static Value)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut keys = Vec::new();
        walk("", schema(), &mut keys);
        keys
    })
}

fn walk(path: &str, schema: &'static Value, keys: &mut Vec<(String, &'static Value)>) {
    match shape(schema) {
        Shape::Struct(object) => {
            for (key, schema) in properties(object) {
                let path = super::position::below(path, key);
                keys.push((path.clone(), schema));
                walk(&path, schema, keys);
            }
        }
        Shape::Table(values) => walk(&super::position::below(path, "NAME"), values, keys),
        Shape::List(items) => walk(path, items, keys),
        Shape::OneOrMany { one, .. } => walk(path, one, keys),
        _ => {}
    }
}

/// Does `text` match the pattern `^[CLASS]{N}$`? The only form that the structs use; a test holds them to it.
/// `None` for a pattern of another form.
pub(super) fn matches(pattern: &str, text: &str) -> Option<bool> {
    let (class, count) = pattern.strip_prefix("^[")?.strip_suffix("}$")?.split_once("]{")?;
    let count: usize = count.parse().ok()?;
    let class: Vec<char> = class.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = class.as_slice();
    while let Some(first) = rest.first() {
        if let [first, '-', last, ..] = rest {
            ranges.push(*first..=*last);
            rest = &rest[3..];
        } else {
            ranges.push(*first..=*first);
            rest = &rest[1..];
        }
    }
    Some(text.chars().count() == count && text.chars().all(|c| ranges.iter().any(|range| range.contains(&c))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_structs_is_understood() {
        let patterns: Vec<&str> = keys()
            .iter()
            .filter_map(|(_, schema)| match shape(schema) {
                Shape::Text { pattern } => pattern,
                _ => None,
            })
            .collect();
        assert!(!patterns.is_empty());
        for pattern in patterns {
            assert!(matches(pattern, "").is_some(), "{pattern} is of a form that is not checked");
        }
        let sixty_four = "0aF9".repeat(16);
        assert_eq!(matches("^[0-9a-fA-F]{64}$", &sixty_four), Some(true));
        assert_eq!(matches("^[0-9a-fA-F]{64}$", &sixty_four.replace('a', "g")), Some(false));
        assert_eq!(matches("^[0-9a-fA-F]{64}$", "0a"), Some(false));
    }
}
