//! Keys of a TOML file, such as WSO2's `deployment.toml`.

mod find;
mod place;
mod proof;
mod show;
mod write;

use toml_edit::{Document, Table};
use zeroize::Zeroizing;

use self::find::{Spot, find};
use self::place::Splice;
use self::proof::Meaning;
use super::lines::{position, splice};
use super::shown::{Shown, change, is_sensitive};
use super::{Edit, EditError, Edited, Value};

/// Keys of a TOML file that should have values, and keys that should not be there.
///
/// A value that says the same in another spelling is left alone. A new key goes behind the last key of its table; a
/// missing table is written at the end. Dotted keys and inline tables are followed and extended in their own form.
/// A text without a final newline has none afterwards either.
#[derive(Debug, Clone, Default)]
pub struct TomlKeys {
    wishes: Vec<Wish>,
}

/// One key: its value, or `None` where it should not be there.
#[derive(Debug, Clone)]
struct Wish {
    path: Vec<String>,
    value: Option<Value>,
}

impl TomlKeys {
    /// No wishes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key at this path should have this value. Said twice, the last one counts.
    #[must_use]
    pub fn set(self, path: &[&str], value: Value) -> Self {
        self.set_path(owned(path), value)
    }

    /// The same with a path that is already owned.
    #[must_use]
    pub fn set_path(self, path: Vec<String>, value: Value) -> Self {
        self.wish(path, Some(value))
    }

    /// The key at this path should not be there. Comments above it stay.
    #[must_use]
    pub fn remove(self, path: &[&str]) -> Self {
        self.wish(owned(path), None)
    }

    /// Is nothing wished?
    pub fn is_empty(&self) -> bool {
        self.wishes.is_empty()
    }

    /// Refuses wishes that no text fulfils: a key that should be a value, or absent, and hold another key as well.
    fn check(&self) -> Result<(), EditError> {
        for inner in self.wishes.iter().filter(|wish| wish.value.is_some()) {
            let is_outer = |outer: &&Wish| outer.path != inner.path && inner.path.starts_with(&outer.path);
            if let Some(outer) = self.wishes.iter().find(is_outer) {
                return Err(find::is_value(&outer.path, &inner.path));
            }
        }
        Ok(())
    }

    fn wish(mut self, path: Vec<String>, value: Option<Value>) -> Self {
        self.wishes.retain(|wish| wish.path != path);
        self.wishes.push(Wish { path, value });
        self
    }

    /// Checks that `after` says what `before` said, but for the wishes.
    fn prove(&self, before: &str, after: &str) -> Result<(), EditError> {
        let (old, new) = (parse(before)?, parse(after).map_err(|_| refused("the result would not be TOML"))?);
        let (mut wanted, mut held) = (Meaning::of_table(old.as_table()), Meaning::of_table(new.as_table()));
        for wish in &self.wishes {
            wanted.put(&wish.path, wish.value.as_ref());
        }
        for wish in self.wishes.iter().filter(|wish| wish.value.is_none()) {
            wanted.without_empty(&wish.path);
            held.without_empty(&wish.path);
        }
        if wanted == held { Ok(()) } else { Err(refused("the result would not hold exactly what is wanted")) }
    }
}

impl Edit for TomlKeys {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        self.check()?;
        let mut edited = Zeroizing::new(text.to_owned());
        let mut changes = Vec::new();
        let mut wishes = self.wishes.as_slice();
        // A parse serves all wishes up to the first that changes the text: a file in place is parsed once.
        loop {
            let document = parse(&edited)?;
            let mut due = None;
            while let Some((wish, rest)) = wishes.split_first() {
                wishes = rest;
                due = wish.due(&edited, document.as_table())?;
                if due.is_some() {
                    break;
                }
            }
            let Some((part, what)) = due else { break };
            edited = splice(&edited, part.range, &part.with);
            changes.push(what);
        }
        if !changes.is_empty() {
            self.prove(text, &edited)?;
        }
        Ok(Edited { text: edited, changes })
    }
}

impl Wish {
    /// What is to be done for it in this text, with the line of the plan; `None` when it is fulfilled.
    fn due(&self, text: &str, root: &Table) -> Result<Option<(Splice, String)>, EditError> {
        let spot = match find(root, &self.path) {
            // Below a value there is no key, so that none has to go.
            Err(error) if self.value.is_none() && error.code == "toml-not-a-table" => return Ok(None),
            found => found?,
        };
        let name = write::path_as_text(&self.path);
        let lost = || refused(&format!("the place of `{name}` could not be found out"));
        let (part, what) = match (&self.value, spot.value) {
            (None, None) => return Ok(None),
            (Some(wanted), Some((_, held))) if Meaning::of_value(held) == Meaning::of_wanted(wanted) => {
                return Ok(None);
            }
            (Some(wanted), Some((_, held))) => {
                let part = held.span().map(|range| Splice { range, with: write::value(wanted) });
                (part, change(&name, Some(self.shown_old(held)), self.shown_new(wanted)))
            }
            (Some(wanted), None) => {
                let part = self.insertion(text, root, &spot, wanted);
                (part, change(&name, None, self.shown_new(wanted)))
            }
            (None, Some((key, held))) => (place::removal(text, &spot, key, held), format!("{name}: removed")),
        };
        Ok(Some((part.ok_or_else(lost)?, what)))
    }

    fn insertion(&self, text: &str, root: &Table, spot: &Spot<'_>, wanted: &Value) -> Option<Splice> {
        place::insertion(text, root, spot, &self.path, &write::value(wanted))
    }

    fn last(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Does its name, or the table `secrets` that it is in, say that it is a secret?
    fn is_sensitive(&self) -> bool {
        is_sensitive(self.last()) || self.path.iter().any(|segment| segment == "secrets")
    }

    fn shown_new(&self, value: &Value) -> Shown {
        if self.is_sensitive() { Shown::Hidden } else { show::wanted(value) }
    }

    fn shown_old(&self, value: &toml_edit::Value) -> Shown {
        if self.is_sensitive() { Shown::Hidden } else { Shown::Clear(show::meaning(&Meaning::of_value(value))) }
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|segment| (*segment).to_owned()).collect()
}

fn parse(text: &str) -> Result<Document<&str>, EditError> {
    Document::parse(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        EditError {
            code: "invalid-toml",
            cause: format!("line {line}, column {column}: {}", error.message()),
            hint: Some(
                "the product could not read this file either: mend that line, or put back the shipped file".into(),
            ),
        }
    })
}

fn refused(why: &str) -> EditError {
    EditError {
        code: "edit-refused",
        cause: format!("{why}; the file is left as it is"),
        hint: Some("bring the place into a simpler form by hand, and report this as a bug".to_owned()),
    }
}
