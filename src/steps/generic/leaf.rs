//! Values that a playbook sets in a host's files.

use super::fields::wrong_type;
use super::template::{Site, Template};
use crate::model::inventory::Problem;
use crate::model::inventory::tree::{Entry, Kind, Node};
use crate::resources::edit::Value;
use crate::steps::{HostContext, StepError};

/// A value as the playbook has it. What stands in quotes is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    Text(Template),
    Integer(i64),
    Boolean(bool),
    List(Vec<Self>),
}

impl Leaf {
    /// Reads a value that is not a mapping.
    pub(super) fn read(node: &Node, file: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let site = Site { file, span: node.span };
        match &node.kind {
            _ if node.is_null() => {
                wrong_type(node.span, "the value", "a text, a number, true, false or a list", problems);
                None
            }
            Kind::Scalar { text, plain: false } => Some(Self::Text(Template::new(text, site, problems))),
            Kind::Scalar { text, plain: true } => Some(match text.as_str() {
                "true" => Self::Boolean(true),
                "false" => Self::Boolean(false),
                _ => match text.parse::<i64>() {
                    // `0755` and `+1` are numbers to some readers of YAML and texts to others.
                    Ok(number) if number.to_string() == *text => Self::Integer(number),
                    Err(_) if text.parse::<f64>().is_err() => Self::Text(Template::new(text, site, problems)),
                    _ => {
                        let message = format!("`{text}` may be a number or a text");
                        let hint = format!("write '{text}' in quotes for a text");
                        problems.push(Problem::new("wrong-type", Some(node.span), "", message).hint(hint));
                        return None;
                    }
                },
            }),
            Kind::Sequence(items) => {
                let items = items.iter().map(|item| Self::read(item, file, problems));
                items.collect::<Option<_>>().map(Self::List)
            }
            Kind::Mapping(_) => {
                wrong_type(node.span, "the value", "a text, a number, true, false or a list", problems);
                None
            }
        }
    }

    /// The value with the host's own values in it.
    pub(super) fn fill(&self, on: &HostContext<'_>) -> Result<Value, StepError> {
        Ok(match self {
            Self::Text(text) => Value::Text(text.fill(on)?),
            Self::Integer(number) => Value::Integer(*number),
            Self::Boolean(truth) => Value::Boolean(*truth),
            Self::List(items) => Value::List(items.iter().map(|item| item.fill(on)).collect::<Result<_, _>>()?),
        })
    }
}

/// The keys below `entries` with their values: `a.b: 1` and `a: { b: 1 }` are the same. A key in double quotes is one
/// key, whatever dots it holds.
pub(super) fn keys(
    entries: &[Entry],
    above: &[String],
    file: &str,
    problems: &mut Vec<Problem>,
    found: &mut Vec<(Vec<String>, Leaf)>,
) {
    for entry in entries {
        let mut path = above.to_vec();
        match split_key(&entry.key) {
            Some(keys) => path.extend(keys),
            None => {
                let message = format!("`{}` is not a path of keys", entry.key);
                let hint = "join the keys by dots, and put a key that holds a dot into double quotes: 'a.\"b.c\"'";
                problems.push(Problem::new("bad-key", Some(entry.key_span), entry.key.as_str(), message).hint(hint));
                continue;
            }
        }
        match &entry.value.kind {
            Kind::Mapping(below) => keys(below, &path, file, problems, found),
            _ => found.extend(Leaf::read(&entry.value, file, problems).map(|leaf| (path, leaf))),
        }
    }
}

/// Splits `a."b.c".d` at its dots.
pub(super) fn split_key(text: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (key, after) = quoted.split_once('"')?;
                (key, after)
            }
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if key.is_empty() || (!rest.starts_with('"') && key.contains(['"', ' '])) {
            return None;
        }
        keys.push(key.to_owned());
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Some(keys),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_keys_is_split_at_dots_outside_quotes() {
        assert_eq!(split_key("a.\"b.c\".d").unwrap(), ["a", "b.c", "d"]);
        for odd in ["", ".", "a.", "a..b", "\"a\"b", "\"a", "a b"] {
            assert_eq!(split_key(odd), None, "{odd}");
        }
    }
}
