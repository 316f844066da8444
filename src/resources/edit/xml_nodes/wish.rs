//! One wish about an XML file.

use std::sync::Arc;

use roxmltree::Document;
use zeroize::Zeroizing;

use super::change::{Due, at_most_one, exactly_one};
use super::path::{Path, text_of};
use super::{leaf, subtree, write};
use crate::model::Secret;
use crate::resources::edit::plain::{plain, shown};
use crate::resources::edit::shown::{Shown, change, is_sensitive};
use crate::resources::edit::{EditError, Value};

/// One thing that should be so.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) path: String,
    pub(super) kind: Kind,
}

/// What it is about.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Text(Value),
    Attribute(String, Value),
    Subtree { key: String, xml: Arc<Secret> },
    Absent,
    Uncommented,
    CommentedOut,
}

impl Wish {
    /// What is to be done for it, with the line of the plan; `None` when it is fulfilled.
    pub(super) fn due(&self, text: &str, document: &Document<'_>) -> Result<Option<(Due, String)>, EditError> {
        let path = Path::parse(&self.path)?;
        if !path.is_absolute {
            return Err(relative(&self.path));
        }
        let found = || exactly_one(document, &path, &self.path);
        let optional = || at_most_one(document.root(), &path, &self.path);
        let name = &self.path;
        Ok(match &self.kind {
            Kind::Text(value) => {
                let (node, wanted) = (found()?, plain(name, value)?);
                write::check(name, &wanted)?;
                let due = leaf::set_text(text, node, name, &wanted)?;
                due.map(|due| (due, told_change(name, sensitive_word(&path, ""), Some(text_of(node)), value, &wanted)))
            }
            Kind::Attribute(attribute, value) => {
                let (node, wanted) = (found()?, plain(name, value)?);
                let what = format!("{name}/@{attribute}");
                write::check(&what, &wanted)?;
                let held = leaf::attribute_of(node, attribute).map(str::to_owned);
                let due = leaf::set_attribute(text, node, &what, (attribute, &wanted))?;
                due.map(|due| (due, told_change(&what, sensitive_word(&path, attribute), held, value, &wanted)))
            }
            Kind::Subtree { key, xml } => {
                let parent = found()?;
                let key_path = Path::parse(key)?;
                if key_path.is_absolute || key_path.steps.len() != 1 {
                    return Err(relative(key));
                }
                let due = subtree::set(text, parent, (&key_path, key), xml.expose())?;
                due.map(|(due, replaced)| {
                    let how = if replaced { "changed" } else { "added" };
                    (due, format!("{name}/{key}: {how}"))
                })
            }
            Kind::Absent => match optional()? {
                Some(node) => Some((subtree::remove(text, node)?, format!("{name}: removed"))),
                None => None,
            },
            Kind::Uncommented => match optional()? {
                Some(_) => None,
                None => {
                    let due = subtree::uncomment(text, document, &path, name)?;
                    Some((due, format!("{name}: taken out of its comment")))
                }
            },
            Kind::CommentedOut => match optional()? {
                Some(node) => Some((subtree::comment_out(text, node)?, format!("{name}: put into a comment"))),
                None => None,
            },
        })
    }
}

/// The word by which a path or an attribute says that its value is a secret, or the last word of it.
fn sensitive_word<'p>(path: &'p Path, attribute: &'p str) -> &'p str {
    let mut words = path.last_words().chain([attribute]);
    words.find(|word| is_sensitive(word)).unwrap_or(attribute)
}

fn told_change(what: &str, word: &str, held: Option<String>, value: &Value, wanted: &str) -> String {
    let held = held.map(Zeroizing::new);
    let old = held.map(|held| Shown::text(word, &held));
    change(what, old, shown(word, value, wanted))
}

fn relative(path: &str) -> EditError {
    EditError {
        code: "xml-path-invalid",
        cause: format!("`{path}` is no path for this place"),
        hint: Some("a path begins with `/` at the root; a key path is one step without it".to_owned()),
    }
}
