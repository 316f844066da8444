//! Keys of a `.properties` file, such as `log4j2.properties`.

mod read;
mod write;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use self::read::{BadEscape, Entry};
use super::lines::{append, position, splice};
use super::plain::{plain, shown};
use super::shown::{Shown, change};
use super::{Edit, EditError, Edited, Value};

/// Keys of a Java property file that should have values, and keys that should not be there.
///
/// The file is read as Java reads it: of several equal keys the last one counts and is edited, and what is not ASCII
/// is not what it seems (a raw `é` in UTF-8 is replaced by `\u00e9`). New keys go to the end.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    wishes: Vec<(String, Option<Value>)>,
}

impl Properties {
    /// No wishes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// This key should have this value. Said twice, the last one counts.
    #[must_use]
    pub fn set(self, key: impl Into<String>, value: Value) -> Self {
        self.wish(key.into(), Some(value))
    }

    /// This key should not be there: every line of it goes. Comments above stay.
    #[must_use]
    pub fn remove(self, key: impl Into<String>) -> Self {
        self.wish(key.into(), None)
    }

    fn wish(mut self, key: String, value: Option<Value>) -> Self {
        self.wishes.retain(|(known, _)| *known != key);
        self.wishes.push((key, value));
        self
    }

    /// Checks that `after` says what `before` said, but for the wishes.
    fn prove(&self, before: &str, after: &str) -> Result<(), EditError> {
        let mut wanted = meaning(before)?;
        for (key, value) in &self.wishes {
            match value {
                Some(value) => drop(wanted.insert(units(key), units(&plain(key, value)?))),
                None => drop(wanted.remove(&units(key))),
            }
        }
        if meaning(after)? == wanted {
            return Ok(());
        }
        Err(EditError {
            code: "edit-refused",
            cause: "the result would not hold exactly what is wanted; the file is left as it is".to_owned(),
            hint: Some("bring the place into a simpler form by hand, and report this as a bug".to_owned()),
        })
    }
}

impl Edit for Properties {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        let mut edited = Zeroizing::new(text.to_owned());
        let mut changes = Vec::new();
        let mut entries = read(text)?;
        for (key, value) in &self.wishes {
            let next = match value {
                Some(value) => set(&edited, &entries, key, value)?,
                None => removed(&edited, &entries, key),
            };
            if let Some((text, change)) = next {
                edited = text;
                entries = read(&edited)?;
                changes.push(change);
            }
        }
        if !changes.is_empty() {
            self.prove(text, &edited)?;
        }
        Ok(Edited { text: edited, changes })
    }
}

type Change = Option<(Zeroizing<String>, String)>;

fn set(text: &str, entries: &[Entry], key: &str, value: &Value) -> Result<Change, EditError> {
    let wanted = plain(key, value)?;
    let name = last_segment(key);
    let new = shown(name, value, &wanted);
    let spelled = write::value(&wanted);
    let Some(entry) = entries.iter().rev().find(|entry| entry.key == units(key)) else {
        let line = new_line(text, entries, key, &spelled);
        let is_open = entries.last().is_some_and(|entry| entry.is_open);
        // An empty line ends an entry that would otherwise be continued by the new one.
        let edited = if is_open { append(text, &["", &line]) } else { append(text, &[&line]) };
        return Ok(Some((edited, change(key, None, new))));
    };
    if entry.value == units(&wanted) {
        return Ok(None);
    }
    let old = Shown::text(name, &String::from_utf16_lossy(&entry.value));
    let edited = if entry.separator.is_empty() && !spelled.is_empty() {
        let mut with = Zeroizing::new(String::with_capacity(spelled.len() + 1));
        with.push('=');
        with.push_str(&spelled);
        splice(text, entry.value_range.clone(), &with)
    } else {
        splice(text, entry.value_range.clone(), &spelled)
    };
    Ok(Some((edited, change(key, Some(old), new))))
}

/// A line for a new key, with the separator of the entry before it.
fn new_line(text: &str, entries: &[Entry], key: &str, value: &str) -> Zeroizing<String> {
    let last = entries.last().and_then(|entry| text.get(entry.separator.clone()));
    let separator = last.filter(|last| last.trim() == "=" && !last.contains(['\\', '\n', '\r'])).unwrap_or("=");
    let key = write::key(key);
    let mut line = Zeroizing::new(String::with_capacity(key.len() + separator.len() + value.len()));
    for part in [&key, separator, value] {
        line.push_str(part);
    }
    line
}

fn removed(text: &str, entries: &[Entry], key: &str) -> Change {
    let mut edited: Option<Zeroizing<String>> = None;
    for entry in entries.iter().rev().filter(|entry| entry.key == units(key)) {
        edited = Some(splice(edited.as_deref().map_or(text, String::as_str), entry.lines.clone(), ""));
    }
    edited.map(|text| (text, format!("{key}: removed")))
}

fn last_segment(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// What Java holds after loading the text.
fn meaning(text: &str) -> Result<BTreeMap<Vec<u16>, Vec<u16>>, EditError> {
    Ok(read(text)?.into_iter().map(|entry| (entry.key, entry.value)).collect())
}

fn read(text: &str) -> Result<Vec<Entry>, EditError> {
    read::entries(text).map_err(|BadEscape(offset)| {
        let (line, column) = position(text, offset);
        EditError {
            code: "invalid-properties",
            cause: format!("line {line}, column {column}: `\\u` without four hexadecimal digits"),
            hint: Some("Java refuses the whole file: double the backslash, or write the four digits".to_owned()),
        }
    })
}
