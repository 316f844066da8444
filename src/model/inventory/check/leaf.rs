//! Single values: text, paths, words, numbers and booleans.

use std::path::PathBuf;

use serde_json::{Number, Value};

use super::{Checker, FILL_IN};
use crate::model::inventory::hidden::{has_credentials, looks_secret};
use crate::model::inventory::{LocalFile, Span, schema, suggest};

impl Checker<'_> {
    pub(super) fn text(
        &mut self,
        text: &str,
        pattern: Option<&str>,
        span: Span,
        path: &str,
        file: bool,
    ) -> Option<Value> {
        if text == FILL_IN {
            let hint = self.meaning.clone().unwrap_or_else(|| "write the value instead".to_owned());
            self.wrong("not-filled-in", span, path, format!("`{path}` is still to be filled in"), Some(hint));
            return None;
        }
        if let Some(pattern) = pattern
            && schema::matches(pattern, text) == Some(false)
        {
            let message = format!("{} does not have the form `{pattern}`", shown(text, path));
            self.wrong("bad-format", span, path, message, self.meaning.clone());
            return None;
        }
        if file {
            let full = self.local(text, span, path)?;
            return Some(Value::String(full.to_string_lossy().into_owned()));
        }
        Some(Value::String(text.to_owned()))
    }

    /// The absolute path of a file on the controller; noted for whoever can see whether it is there.
    pub(super) fn local(&mut self, text: &str, span: Span, path: &str) -> Option<PathBuf> {
        match self.place.absolute(text) {
            Ok(full) => {
                self.out.files.push(LocalFile {
                    path: full.clone(),
                    written: text.to_owned(),
                    key: path.to_owned(),
                    span,
                });
                Some(full)
            }
            Err(reason) => {
                let hint = "write an absolute path, or one relative to the inventory".to_owned();
                self.wrong("bad-path", span, path, format!("{} {reason}", shown(text, path)), Some(hint));
                None
            }
        }
    }

    pub(super) fn word(&mut self, text: &str, words: &[&str], span: Span, path: &str) -> Option<Value> {
        if words.contains(&text) {
            return Some(Value::String(text.to_owned()));
        }
        let hint = match suggest::nearest(text, words.iter().copied()) {
            Some((word, _)) => format!("did you mean `{word}`?"),
            None => format!("write one of: {}", words.join(", ")),
        };
        self.wrong("unknown-value", span, path, format!("`{path}` can't be {}", shown(text, path)), Some(hint));
        None
    }

    pub(super) fn integer(
        &mut self,
        text: &str,
        plain: bool,
        limits: (i64, i64),
        span: Span,
        path: &str,
    ) -> Option<Value> {
        let (minimum, maximum) = limits;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let canonical = digits == "0" || (!digits.starts_with('0') && !digits.is_empty());
        let number: Option<i64> = text.parse().ok().filter(|_| canonical && !text.starts_with('+'));
        let Some(number) = number.filter(|_| plain) else {
            let hint = match number {
                Some(_) => "write it without quotes".to_owned(),
                None if text.parse::<i64>().is_ok() => "write it without leading zeros and without `+`".to_owned(),
                None => "write a whole number in decimal digits".to_owned(),
            };
            self.wrong("wrong-type", span, path, format!("{} is not a whole number", shown(text, path)), Some(hint));
            return None;
        };
        if (minimum..=maximum).contains(&number) {
            return Some(Value::Number(Number::from(number)));
        }
        let hint = if minimum == maximum {
            format!("write {minimum}")
        } else {
            format!("write a number from {minimum} to {maximum}")
        };
        self.wrong("out-of-range", span, path, format!("`{path}` can't be {number}"), Some(hint));
        None
    }

    pub(super) fn boolean(&mut self, text: &str, plain: bool, span: Span, path: &str) -> Option<Value> {
        let meant = match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        };
        if plain && matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
            return meant.map(Value::Bool);
        }
        let hint = match meant {
            Some(meant) => format!("write `{meant}`, without quotes"),
            None => "write `true` or `false`".to_owned(),
        };
        self.wrong("wrong-type", span, path, format!("{} is neither true nor false", shown(text, path)), Some(hint));
        None
    }
}

/// A value as a message may show it: not at all below a key that looks secret.
fn shown(text: &str, path: &str) -> String {
    if looks_secret(path) || has_credentials(text) {
        return "this value".to_owned();
    }
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}
