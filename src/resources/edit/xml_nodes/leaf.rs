//! Texts and attributes of one element.

use roxmltree::Node;
use zeroize::Zeroizing;

use super::change::Due;
use super::document::{Parts, other_encoding};
use super::path::{is_name, local, text_of};
use super::proof::Meant;
use super::write;
use crate::resources::edit::EditError;

/// Makes the text of an element `value`.
pub(super) fn set_text(text: &str, node: Node<'_, '_>, what: &str, value: &str) -> Result<Option<Due>, EditError> {
    if node.children().any(|child| !child.is_text()) {
        return Err(EditError {
            code: "xml-not-a-leaf",
            cause: format!("{what} holds more than text"),
            hint: Some("name the element inside it that holds the text".to_owned()),
        });
    }
    let held = Zeroizing::new(text_of(node));
    if held.as_str() == value {
        return Ok(None);
    }
    let parts = Parts::of(text, node)?;
    let spelled = write::text(value, other_encoding(text).is_some());
    let meant = Meant::Text(node.id(), Zeroizing::new(value.to_owned()));
    let Some(inner) = parts.inner else {
        let open = text.get(parts.open.clone()).unwrap_or_default();
        let kept = open.trim_end_matches("/>").trim_end().len();
        let name =
            open.trim_start_matches('<').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        let range = parts.open.start + kept..parts.open.end;
        return Ok(Some(Due::new(range, &[">", &spelled, "</", name, ">"], meant)));
    };
    let source = text.get(inner.clone()).unwrap_or_default();
    if is_lone_section(source)
        && !value.contains("]]>")
        && !value.contains('\r')
        && (value.is_ascii() || spelled.as_str() == value)
    {
        return Ok(Some(Due::new(inner, &["<![CDATA[", value, "]]>"], meant)));
    }
    Ok(Some(Due::new(inner, &[&spelled], meant)))
}

/// Is it one CDATA section and nothing else?
fn is_lone_section(source: &str) -> bool {
    let inside = source.strip_prefix("<![CDATA[").and_then(|rest| rest.strip_suffix("]]>"));
    inside.is_some_and(|inside| !inside.contains("]]>"))
}

/// What an attribute holds.
pub(super) fn attribute_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name() == local(name)).map(|attribute| attribute.value())
}

/// Makes an attribute of an element `value`; a new one goes behind the last.
pub(super) fn set_attribute(
    text: &str,
    node: Node<'_, '_>,
    what: &str,
    (name, value): (&str, &str),
) -> Result<Option<Due>, EditError> {
    if !is_name(name) || name.starts_with("xmlns") {
        return Err(EditError {
            code: "xml-path-invalid",
            cause: format!("`{name}` is not the name of an attribute"),
            hint: Some("name an attribute such as `proxyPort`".to_owned()),
        });
    }
    let found: Vec<_> = node.attributes().filter(|attribute| attribute.name() == local(name)).collect();
    let parts = Parts::of(text, node)?;
    let ascii = other_encoding(text).is_some();
    let owned = || Zeroizing::new(value.to_owned());
    match found.as_slice() {
        [] => {
            // A prefix is kept as it was wished: only its declaration tells the namespace.
            let namespace = name.split_once(':').and_then(|(prefix, _)| node.lookup_namespace_uri(Some(prefix)));
            let full = format!("{{{}}}{}", namespace.unwrap_or_default(), local(name));
            let open = text.get(parts.open.clone()).unwrap_or_default();
            let body = open.strip_suffix("/>").or_else(|| open.strip_suffix('>')).unwrap_or(open).trim_end();
            let at = parts.open.start + body.len();
            let with = [" ", name, "=\"", &write::attribute(value, '"', ascii), "\""];
            Ok(Some(Due::new(at..at, &with, Meant::Attribute(node.id(), full, owned()))))
        }
        [attribute] if attribute.value() == value => Ok(None),
        [attribute] => {
            let range = attribute.range_value();
            let quote = |at: Option<usize>| at.and_then(|at| text.get(at..=at)).and_then(|text| text.chars().next());
            let quotes = (quote(range.start.checked_sub(1)), quote(Some(range.end)));
            let (Some(open @ ('"' | '\'')), true) = (quotes.0, quotes.0 == quotes.1) else {
                return Err(super::refused(&format!("the place of {what} could not be found out"), super::BUG));
            };
            let full = format!("{{{}}}{}", attribute.namespace().unwrap_or_default(), attribute.name());
            let meant = Meant::Attribute(node.id(), full, owned());
            Ok(Some(Due::new(range, &[&write::attribute(value, open, ascii)], meant)))
        }
        more => Err(EditError {
            code: "xml-not-unique",
            cause: format!("{what} is there {} times, in several namespaces", more.len()),
            hint: Some("edit this attribute by hand".to_owned()),
        }),
    }
}
