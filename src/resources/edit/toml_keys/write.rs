//! How keys and values are spelled in TOML.

use zeroize::Zeroizing;

use crate::resources::edit::Value;

/// A path as it is written and read: `hazelcast."hazelcast.shutdownhook.enabled"`.
pub(super) fn path_as_text(path: &[String]) -> String {
    path.iter().map(|segment| key(segment)).collect::<Vec<_>>().join(".")
}

/// A key: bare where TOML allows it.
pub(super) fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) {
        return name.to_owned();
    }
    let mut quoted = String::new();
    push_quoted(&mut quoted, name);
    quoted
}

/// A value's spelling, which may be a secret.
pub(super) fn value(value: &Value) -> Zeroizing<String> {
    // Six bytes are the longest escape of one: the buffer never grows.
    let mut spelled = Zeroizing::new(String::with_capacity(longest(value)));
    push_value(&mut spelled, value);
    spelled
}

fn longest(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() * 6 + 2,
        Value::Secret(secret) => secret.expose().len() * 6 + 2,
        Value::Integer(_) | Value::Boolean(_) => 20,
        Value::List(items) => items.iter().map(|item| longest(item) + 2).sum::<usize>() + 2,
    }
}

fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) => push_quoted(out, text),
        Value::Secret(secret) => push_quoted(out, secret.expose()),
        Value::Integer(number) => out.push_str(&format!("{number}")),
        Value::Boolean(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_value(out, item);
            }
            out.push(']');
        }
    }
}

/// A basic string in one line. Of all spellings it is the one that every TOML reader, old or new, knows.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // U+FEFF is escaped as well: nobody would see it.
            c if c.is_control() || c == '\u{feff}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
