//! YAML text as a tree that remembers where everything stood.
//!
//! Serde stops at the first mistake and forgets positions, so the inventory is first read into this tree: duplicates are
//! kept, anchors and merge keys are spread out, and every key and value has its span.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::hidden::looks_secret;
use super::{Problem, Span};

/// How many nodes a file may have once its aliases are spread out; a cluster of 1000 hosts has a tenth of it.
const NODE_BUDGET: usize = 100_000;

/// How deep lists and mappings may lie in one another; an inventory needs six.
const DEEPEST: usize = 24;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Text; `plain` when it stood without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file, duplicates included.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
    /// Did the key stand without a colon, as `{ key }` allows?
    pub(crate) bare: bool,
}

impl Node {
    /// Is this nothing: an empty value, `~` or `null`?
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// A text as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The documents that are not empty.
    pub(crate) documents: Vec<Node>,
    /// Why reading stopped, if it did.
    pub(crate) problem: Option<Problem>,
    /// Ranges of the text that must not be shown and are not part of the tree.
    pub(crate) hidden: Vec<(usize, usize)>,
}

/// Reads a text as far as possible.
pub(crate) fn parse(text: &str) -> Parsed {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str_with_options(
            body,
            granit_parser::options! { block_nesting_limit: DEEPEST, flow_nesting_limit: DEEPEST },
        ),
        shift: text.len() - body.len(),
        anchors: BTreeMap::new(),
        budget: NODE_BUDGET,
        open: Vec::new(),
        last: None,
        seen_to: 0,
        hidden: Vec::new(),
    };
    let mut parsed = Parsed::default();
    if let Err(problem) = reader.documents(&mut parsed.documents) {
        // What follows a secret may be more of it, with an indentation that made it something else.
        if reader.open.iter().chain(&reader.last).any(|key| looks_secret(key)) {
            reader.hidden.push((reader.seen_to, text.len()));
        }
        parsed.problem = Some(problem);
    }
    parsed.hidden = reader.hidden;
    parsed
}

type Next<'t> = (Event<'t>, Span);

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    /// Bytes of a byte order mark in front of what the parser sees.
    shift: usize,
    /// Anchored nodes with the number of nodes in each.
    anchors: BTreeMap<usize, (Node, usize)>,
    budget: usize,
    /// The keys whose values are being read.
    open: Vec<String>,
    /// The key that was read last.
    last: Option<String>,
    /// The end of the last event.
    seen_to: usize,
    hidden: Vec<(usize, usize)>,
}

impl<'t> Reader<'t> {
    fn documents(&mut self, documents: &mut Vec<Node>) -> Result<(), Problem> {
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                event => {
                    let node = self.node(event, span)?;
                    self.anchors.clear();
                    if !node.is_null() {
                        documents.push(node);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next event that is not a comment.
    fn next(&mut self) -> Result<Option<Next<'t>>, Problem> {
        loop {
            let Some(next) = self.parser.next_event() else {
                return Ok(None);
            };
            let (event, span) = next.map_err(|error| {
                let at = self.span(*error.marker(), *error.marker());
                Problem::new("yaml-syntax", Some(at), "", format!("this is not valid YAML: {}", error.info()))
                    .hint("check indentation, quotes and brackets here and just above")
            })?;
            let span = self.span(span.start, span.end);
            if matches!(event, Event::Comment(..)) {
                // A comment is of no use in a message, and may be a secret that was put out of the way.
                self.hidden.push((span.start, span.end));
                continue;
            }
            self.seen_to = self.seen_to.max(span.end);
            return Ok(Some((event, span)));
        }
    }

    fn span(&self, start: granit_parser::Marker, end: granit_parser::Marker) -> Span {
        let first = start.byte_offset().unwrap_or(0) + self.shift;
        Span {
            line: start.line().max(1),
            column: start.col() + 1,
            start: first,
            end: (end.byte_offset().unwrap_or(0) + self.shift).max(first),
        }
    }

    fn spend(&mut self, nodes: usize, span: Span) -> Result<(), Problem> {
        self.budget = self.budget.checked_sub(nodes).ok_or_else(|| {
            Problem::new(
                "yaml-too-large",
                Some(span),
                "",
                format!("with its aliases spread out, this file has more than {NODE_BUDGET} values"),
            )
            .hint("use groups for settings that many hosts share, instead of aliases of aliases")
        })?;
        Ok(())
    }

    fn must_next(&mut self, span: Span) -> Result<Next<'t>, Problem> {
        self.next()?
            .ok_or_else(|| Problem::new("yaml-syntax", Some(span), "", "the file ends in the middle of a value"))
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Problem> {
        let before = self.budget;
        self.spend(1, span)?;
        let (node, anchor) = match event {
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(Problem::new(
                        "yaml-syntax",
                        Some(span),
                        "",
                        "this alias stands inside the value that it repeats",
                    ));
                };
                self.spend(size, span)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(text.into_owned(), style, tag.as_deref(), span)?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                known_collection(tag.as_deref(), span)?;
                let mut items = Vec::new();
                let mut span = span;
                loop {
                    match self.must_next(span)? {
                        (Event::SequenceEnd, end) => {
                            span.end = span.end.max(end.end);
                            break;
                        }
                        (event, at) => items.push(self.node(event, at)?),
                    }
                }
                (Node { span, kind: Kind::Sequence(items) }, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                known_collection(tag.as_deref(), span)?;
                let entries = self.mapping(span)?;
                (Node { span, kind: Kind::Mapping(entries) }, anchor)
            }
            _ => return Err(Problem::new("yaml-syntax", Some(span), "", "a value is missing here")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), before - self.budget));
        }
        Ok(node)
    }

    fn mapping(&mut self, start: Span) -> Result<Vec<Entry>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.must_next(start)?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span)?;
            let Kind::Scalar { text, plain } = key.kind else {
                return Err(Problem::new(
                    "yaml-syntax",
                    Some(key.span),
                    "",
                    "a key must be a single word, not a list or a mapping",
                ));
            };
            self.open.push(text.clone());
            self.last = Some(text.clone());
            let (event, at) = self.must_next(span)?;
            let value = self.node(event, at)?;
            self.open.pop();
            if plain && text == "<<" {
                merge(value, &mut merged)?;
            } else {
                let after = self.text.get(key.span.end..).unwrap_or("");
                entries.push(Entry {
                    bare: value.is_null() && !after.trim_start().starts_with(':'),
                    key: text,
                    key_span: key.span,
                    value,
                });
            }
        }
        for entry in merged {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

/// What `<<` brings in: one mapping or a list of them, of which the first that has a key wins.
fn merge(value: Node, into: &mut Vec<Entry>) -> Result<(), Problem> {
    match value.kind {
        Kind::Mapping(entries) => into.extend(entries),
        Kind::Sequence(items) => {
            for item in items {
                merge(item, into)?;
            }
        }
        Kind::Scalar { .. } => {
            return Err(Problem::new("yaml-syntax", Some(value.span), "", "`<<` takes an alias of a mapping")
                .hint("write `<<: *NAME`, where `&NAME` stands before the mapping to take over"));
        }
    }
    Ok(())
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node, Problem> {
    let plain = style == ScalarStyle::Plain;
    let leaf = |plain| Node { span, kind: Kind::Scalar { text, plain } };
    let Some(tag) = tag else {
        return Ok(leaf(plain));
    };
    if tag.is_yaml_core_schema() {
        return Ok(leaf(plain && !tag.is_yaml_core_schema_tag("str")));
    }
    if tag.original() == "!vault" {
        let entry = Entry { key: "vault".to_owned(), key_span: span, value: leaf(false), bare: false };
        return Ok(Node { span, kind: Kind::Mapping(vec![entry]) });
    }
    Err(unknown_tag(span))
}

fn known_collection(tag: Option<&Tag>, span: Span) -> Result<(), Problem> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => Err(unknown_tag(span)),
        _ => Ok(()),
    }
}

fn unknown_tag(span: Span) -> Problem {
    Problem::new("yaml-syntax", Some(span), "", "the tag before this value is unknown")
        .hint("only `!vault` is known, before a string made by `ansible-vault encrypt_string`")
}
