//! One element on its own: a wanted one, or one inside a comment.

use roxmltree::{Document, Node};
use zeroize::Zeroizing;

use super::document::options;
use super::proof::{Event, events};

/// The text of one element, with the namespaces of the place that it is meant for.
pub(super) struct Fragment {
    wrapped: Zeroizing<String>,
    /// How many bytes of `wrapped` lie before the element's own text.
    pub(super) offset: usize,
}

impl Fragment {
    /// Wraps the text of an element that is to stand inside `parent`.
    pub(super) fn new(parent: Node<'_, '_>, xml: &str) -> Self {
        let mut open = "<place".to_owned();
        for namespace in parent.namespaces().filter(|namespace| namespace.name() != Some("xml")) {
            let name = namespace.name().map_or_else(String::new, |name| format!(":{name}"));
            let uri = super::write::attribute(namespace.uri(), '"', false);
            open.push_str(&format!(" xmlns{name}=\"{}\"", uri.as_str()));
        }
        open.push('>');
        let mut wrapped = Zeroizing::new(String::with_capacity(open.len() + xml.len() + 8));
        for part in [&open, xml, "</place>"] {
            wrapped.push_str(part);
        }
        Self { wrapped, offset: open.len() }
    }

    /// Parses it, if it is XML at all.
    pub(super) fn parse(&self) -> Option<Document<'_>> {
        Document::parse_with_options(&self.wrapped, options()).ok()
    }
}

/// The only element of a parsed fragment, when there is nothing besides it but blanks.
pub(super) fn only_element<'a, 'i>(fragment: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    let place = fragment.root_element();
    let mut found = None;
    for child in place.children() {
        match found {
            None if child.is_element() => found = Some(child),
            _ if child.is_text() && child.text().unwrap_or_default().trim().is_empty() => {}
            _ => return None,
        }
    }
    // `</place><place>` would have closed the wrapper early.
    (fragment.root().children().count() == 1).then_some(found).flatten()
}

/// What a reader is told of an element.
pub(super) fn told(element: Node<'_, '_>) -> Vec<Event> {
    events(element, None)
}
