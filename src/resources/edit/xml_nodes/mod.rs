//! Elements and attributes of an XML file, such as Carbon's `axis2.xml`.

mod change;
mod document;
mod fragment;
mod layout;
mod leaf;
mod path;
mod proof;
mod subtree;
mod wish;
mod write;

use std::sync::Arc;

use roxmltree::Document;
use zeroize::Zeroizing;

use self::document::parse;
use self::proof::{events, without_layout};
use self::wish::{Kind, Wish};
use super::lines::splice;
use super::{Edit, EditError, Edited, Value};
use crate::model::Secret;

/// Elements and attributes of an XML file that should have values, be there, or not.
///
/// A path names one element: `/Server/Service/Connector[@port='9443']`, `datasource[name='WSO2_DB']`, `[.='own text']`.
/// Namespaces are ignored. A path that names no or several elements is an error, never a guess. Wishes are fulfilled in
/// the order in which they are said; a value that says the same in another spelling is left alone.
#[derive(Debug, Clone, Default)]
pub struct XmlNodes {
    wishes: Vec<Wish>,
}

impl XmlNodes {
    /// No wishes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The element at `path`, which holds nothing but text, should hold this one.
    #[must_use]
    pub fn text(self, path: impl Into<String>, value: Value) -> Self {
        self.wish(path.into(), Kind::Text(value))
    }

    /// The element at `path` should have this attribute.
    #[must_use]
    pub fn attribute(self, path: impl Into<String>, name: impl Into<String>, value: Value) -> Self {
        self.wish(path.into(), Kind::Attribute(name.into(), value))
    }

    /// The element at `parent_path` should have the child `xml`; `key_path`, which goes down from that parent, tells which
    /// child is replaced. A missing one is appended. Comments and layout do not count when the two are compared.
    ///
    /// `xml` is one element, written for column 0; it may hold secrets, and no plan ever shows it.
    #[must_use]
    pub fn subtree(self, parent_path: impl Into<String>, key_path: impl Into<String>, xml: impl Into<String>) -> Self {
        let (key, xml) = (key_path.into(), Arc::new(Secret::new(xml.into())));
        self.wish(parent_path.into(), Kind::Subtree { key, xml })
    }

    /// No element should be at `path`; it goes with its lines.
    #[must_use]
    pub fn remove(self, path: impl Into<String>) -> Self {
        self.wish(path.into(), Kind::Absent)
    }

    /// The element at `path` should be there, taken out of the one comment that holds it: `<!-- <A>b</A> -->`, or
    /// Carbon's own `<!--A>b</A-->`.
    #[must_use]
    pub fn uncomment(self, path: impl Into<String>) -> Self {
        self.wish(path.into(), Kind::Uncommented)
    }

    /// The element at `path` should be in a comment, or not be there at all.
    #[must_use]
    pub fn comment_out(self, path: impl Into<String>) -> Self {
        self.wish(path.into(), Kind::CommentedOut)
    }

    fn wish(mut self, path: String, kind: Kind) -> Self {
        self.wishes.push(Wish { path, kind });
        self
    }
}

impl Edit for XmlNodes {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        let mut edited = Zeroizing::new(text.to_owned());
        let mut changes = Vec::new();
        let mut wishes = self.wishes.as_slice();
        // A parse serves all wishes up to the first that changes the text: a file in place is parsed once.
        loop {
            let document = parse(&edited)?;
            let mut due = None;
            while let Some((wish, rest)) = wishes.split_first() {
                wishes = rest;
                due = wish.due(&edited, &document)?.map(|(due, what)| (wish, due, what));
                if due.is_some() {
                    break;
                }
            }
            let Some((wish, due, what)) = due else { break };
            let next = splice(&edited, due.range, &due.with);
            let result = parse(&next).map_err(|error| match error.code {
                "xml-encoding" => error,
                _ => refused("the result would not be XML", BUG),
            })?;
            let told = |document: &Document<'_>, meant| without_layout(events(document.root(), meant));
            if told(&document, Some(&due.meant)) != told(&result, None) {
                let why = format!("after the edit of `{}` the file would say something else as well", wish.path);
                return Err(refused(&why, BUG));
            }
            // A wish that is still unfulfilled changes what its own path asks for, and would be said again for ever.
            if !matches!(wish.due(&next, &result), Ok(None)) {
                let why = format!("after its own edit, `{}` would not find what is wanted", wish.path);
                return Err(refused(&why, "name the element by something that the edit does not change"));
            }
            changes.push(what);
            edited = next;
        }
        Ok(Edited { text: edited, changes })
    }
}

const BUG: &str = "bring the place into a simpler form by hand, and report this as a bug";

fn refused(why: &str, hint: &str) -> EditError {
    EditError { code: "edit-refused", cause: format!("{why}; the file is left as it is"), hint: Some(hint.to_owned()) }
}
