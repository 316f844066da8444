//! Parses XML for positions, and tells where the tags of an element are.

use std::ops::Range;

use roxmltree::{Document, Error, Node, ParsingOptions};

use crate::resources::edit::lines::BYTE_ORDER_MARK;
use crate::resources::edit::{EditError, lines};

/// Parses a text.
///
/// # Errors
/// With line and column, and without any of the text: what looks like a name there may be a part of a password.
pub(super) fn parse(text: &str) -> Result<Document<'_>, EditError> {
    check_encoding(text)?;
    Document::parse_with_options(text, options()).map_err(|error| {
        let at = error.pos();
        EditError {
            code: "invalid-xml",
            cause: format!("line {}, column {}: {}", at.row, at.col, what(&error)),
            hint: Some(
                "the product could not read this file either: mend that line, or put back the shipped file".into(),
            ),
        }
    })
}

/// Entities are allowed, since products ship files with them; a million nodes is far more than any such file has.
pub(super) fn options<'i>() -> ParsingOptions<'i> {
    ParsingOptions { allow_dtd: true, nodes_limit: 1_000_000, ..ParsingOptions::default() }
}

fn what(error: &Error) -> &'static str {
    match error {
        Error::UnknownNamespace(..) => "a name has a prefix that no `xmlns:` declares",
        Error::UnexpectedCloseTag(..) => "a close tag does not fit its open tag",
        Error::UnknownEntityReference(..) => "an entity is used that is not defined; a bare `&` is written `&amp;`",
        Error::MalformedEntityReference(..) => "a `&` that begins no entity; a bare `&` is written `&amp;`",
        Error::DuplicatedAttribute(..) => "an attribute is there twice",
        Error::InvalidAttributeValue(..) => "an attribute value with a bare `<`; it is written `&lt;`",
        Error::NoRootNode => "there is no element",
        Error::UnclosedRootNode => "the outermost element is not closed",
        Error::InvalidComment(..) => "a comment holds `--`",
        Error::NonXmlChar(..) => "a control character that XML does not allow",
        Error::EntityReferenceLoop(..) => "entities refer to each other without end",
        Error::NodesLimitReached => "too many nodes",
        _ => "this is not well-formed XML",
    }
}

/// The encoding that the text declares, unless it is UTF-8.
pub(super) fn other_encoding(text: &str) -> Option<&str> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let declaration = text.strip_prefix("<?xml")?.split("?>").next()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let name = value.get(1..)?.split(quote).next()?;
    (!name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("utf8")).then_some(name)
}

/// A text that was read as UTF-8 but declares something else is only understood as far as both agree: ASCII.
pub(super) fn check_encoding(text: &str) -> Result<(), EditError> {
    let Some(name) = other_encoding(text) else {
        return Ok(());
    };
    let Some(at) = text.find(|c: char| !c.is_ascii()) else {
        return Ok(());
    };
    let (line, column) = lines::position(text, at);
    Err(EditError {
        code: "xml-encoding",
        cause: format!("line {line}, column {column}: not ASCII, in a file that declares the encoding {name}"),
        hint: Some("convert the file to UTF-8 and declare that, or write the character as `&#…;`".to_owned()),
    })
}

/// Where an element's tags are. The ranges of the parser tell only where the whole element is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) whole: Range<usize>,
    /// From `<` to `>`.
    pub(super) open: Range<usize>,
    /// Between the tags; `None` for `<a/>`.
    pub(super) inner: Option<Range<usize>>,
}

impl Parts {
    /// The parts of an element.
    ///
    /// # Errors
    /// When it does not stand here: the range of an element that came from an entity lies in the DOCTYPE.
    pub(super) fn of(text: &str, node: Node<'_, '_>) -> Result<Self, EditError> {
        let foreign = || EditError {
            code: "xml-from-entity",
            cause: format!("the element `{}` comes from an entity", node.tag_name().name()),
            hint: Some("write the element out where it is used, instead of the entity".to_owned()),
        };
        let whole = node.range();
        let source = text.get(whole.clone()).filter(|source| source.starts_with('<')).ok_or_else(foreign)?;
        if !is_in_place(node) {
            return Err(foreign());
        }
        let length = open_tag_length(source).ok_or_else(foreign)?;
        let open = whole.start..whole.start + length;
        let inner = if source.get(..length).is_some_and(|open| open.ends_with("/>")) {
            None
        } else {
            Some(open.end..whole.start + source.rfind("</").filter(|at| *at >= length).ok_or_else(foreign)?)
        };
        Ok(Self { whole, open, inner })
    }
}

/// Do the ranges of all ancestors enclose the node?
pub(super) fn is_in_place(node: Node<'_, '_>) -> bool {
    let mut inner = node.range();
    for ancestor in node.ancestors().skip(1).filter(Node::is_element) {
        let outer = ancestor.range();
        if outer.start >= inner.start || outer.end < inner.end {
            return false;
        }
        inner = outer;
    }
    true
}

/// Up to the first `>` outside quotes.
fn open_tag_length(source: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}
