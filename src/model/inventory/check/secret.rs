//! Secret sources.

use serde_json::{Map, Value};

use super::Checker;
use crate::model::inventory::hidden::{SOURCES, is_variable};
use crate::model::inventory::position::below;
use crate::model::inventory::tree::{Entry, Kind, Node};
use crate::model::inventory::{OneOrMany, SecretSource, SecretUse, Span};

impl Checker<'_> {
    /// A secret source. Whatever else stands here may be the secret itself, so no message repeats it.
    pub(super) fn secret(&mut self, node: &Node, path: &str) -> Option<Value> {
        let last = path.rsplit('.').next().unwrap_or(path);
        let four = format!(
            "write `{last}: {{ env: VARIABLE }}`, `{{ file: PATH }}`, `{{ command: [WORD, …] }}` or `{{ vault: … }}`"
        );
        let Kind::Mapping(entries) = &node.kind else {
            let message =
                format!("`{path}` is a plain value; the inventory names where a secret comes from, never the secret");
            self.wrong("plain-text-secret", node.span, path, message, Some(four));
            return None;
        };
        let [Entry { key, value, key_span, .. }] = entries.as_slice() else {
            let message = format!("`{path}` must have exactly one of `env`, `file`, `command` and `vault`");
            let at = self.out.positions.get(path).map_or(node.span, |position| position.key);
            self.wrong("bad-secret-source", at, path, message, Some(four));
            return None;
        };
        if !SOURCES.contains(&key.as_str()) {
            let message =
                format!("`{path}` must have one of `env`, `file`, `command` and `vault`, and has another key");
            self.wrong("bad-secret-source", *key_span, path, message, Some(four));
            return None;
        }
        let here = below(path, key);
        self.out.positions.insert(&here, *key_span, value);
        let at = if matches!(value.kind, Kind::Scalar { .. }) && !value.is_null() { value.span } else { *key_span };
        let source = self.source(key, value, &here, at)?;
        let value = match &source {
            SecretSource::Env(name) => Value::String(name.clone()),
            SecretSource::File(file) => Value::String(file.to_string_lossy().into_owned()),
            SecretSource::Command(OneOrMany::One(line)) => Value::String(line.clone()),
            SecretSource::Command(OneOrMany::Many(words)) => Value::from(words.clone()),
            SecretSource::Vault(text) => Value::String(text.clone()),
        };
        self.out.secrets.push(SecretUse { source, key: path.to_owned(), span: *key_span });
        Some(Value::Object(Map::from_iter([(key.clone(), value)])))
    }

    fn source(&mut self, key: &str, value: &Node, path: &str, at: Span) -> Option<SecretSource> {
        let mut refuse = |message: String, hint: &str| {
            self.wrong("bad-secret-source", at, path, message, Some(hint.to_owned()));
            None
        };
        match (key, &value.kind) {
            ("command", Kind::Sequence(items)) => {
                let words: Option<Vec<String>> =
                    items.iter().map(|item| scalar_text(item).map(str::to_owned)).collect();
                match words.filter(|words| words.first().is_some_and(|word| !word.is_empty())) {
                    Some(words) => Some(SecretSource::Command(OneOrMany::Many(words))),
                    None => refuse(format!("`{path}` is not a list of words"), "write `[PROGRAM, ARGUMENT, …]`"),
                }
            }
            (_, Kind::Scalar { text, .. }) if !text.trim().is_empty() && !value.is_null() => match key {
                "env" if is_variable(text) => Some(SecretSource::Env(text.clone())),
                "env" => refuse(
                    format!("`{path}` is not the name of an environment variable"),
                    "write the variable's name, such as HACTL_SUDO_PASSWORD, without `$`",
                ),
                "command" => Some(SecretSource::Command(OneOrMany::One(text.clone()))),
                "vault" if text.trim_start().starts_with("$ANSIBLE_VAULT;") => {
                    Some(SecretSource::Vault(text.trim().to_owned()))
                }
                "vault" => refuse(
                    format!("`{path}` is not a string made by ansible-vault"),
                    "make one with `ansible-vault encrypt_string`; it begins with $ANSIBLE_VAULT",
                ),
                _ => self.local(text, value.span, path).map(SecretSource::File),
            },
            _ => refuse(format!("`{path}` must be text"), "write the source's name after the colon"),
        }
    }
}

fn scalar_text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text),
        _ => None,
    }
}
