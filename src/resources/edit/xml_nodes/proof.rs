//! The meaning of XML, to prove that an edit changed what was wanted and nothing else.

use roxmltree::{Node, NodeId};
use zeroize::Zeroizing;

/// One thing that a reader of XML is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// An element begins: its namespace and name, and its attributes in the order of their names.
    Open(String, Vec<(String, Zeroizing<String>)>),
    Text(Zeroizing<String>),
    Comment(Zeroizing<String>),
    Instruction(String),
    Close,
}

/// What an edit means for one node.
pub(super) enum Meant {
    /// The element's text becomes this.
    Text(NodeId, Zeroizing<String>),
    /// The element's attribute becomes this.
    Attribute(NodeId, String, Zeroizing<String>),
    /// The element has these as well, behind its children.
    Appended(NodeId, Vec<Event>),
    /// The node becomes these; nothing at all when it is removed.
    Replaced(NodeId, Vec<Event>),
}

/// What a reader is told of a node and all below it, with an edit applied.
pub(super) fn events(node: Node<'_, '_>, meant: Option<&Meant>) -> Vec<Event> {
    let mut told = Vec::new();
    // A list instead of recursion: a file may be nested deeper than the stack is.
    let mut open = vec![Visit::Enter(node)];
    while let Some(visit) = open.pop() {
        match visit {
            Visit::Leave(node) => {
                if let Some(Meant::Appended(target, new)) = meant
                    && *target == node.id()
                {
                    told.extend(new.iter().cloned());
                }
                if node.is_element() {
                    told.push(Event::Close);
                }
            }
            Visit::Enter(node) => {
                if let Some(Meant::Replaced(target, new)) = meant
                    && *target == node.id()
                {
                    told.extend(new.iter().cloned());
                    continue;
                }
                told.extend(event(node, meant));
                match meant {
                    Some(Meant::Text(target, text)) if *target == node.id() => {
                        told.push(Event::Text(text.clone()));
                        told.push(Event::Close);
                    }
                    _ if node.is_element() || node.is_root() => {
                        open.push(Visit::Leave(node));
                        let children: Vec<_> = node.children().map(Visit::Enter).collect();
                        open.extend(children.into_iter().rev());
                    }
                    _ => {}
                }
            }
        }
    }
    joined(told)
}

enum Visit<'a, 'i> {
    Enter(Node<'a, 'i>),
    Leave(Node<'a, 'i>),
}

fn event(node: Node<'_, '_>, meant: Option<&Meant>) -> Option<Event> {
    let owned = |text: Option<&str>| Zeroizing::new(text.unwrap_or_default().to_owned());
    match node.node_type() {
        roxmltree::NodeType::Root => None,
        roxmltree::NodeType::Element => {
            let name = |namespace: Option<&str>, name: &str| format!("{{{}}}{name}", namespace.unwrap_or_default());
            let pair = |attribute: roxmltree::Attribute<'_, '_>| {
                (name(attribute.namespace(), attribute.name()), owned(Some(attribute.value())))
            };
            let mut attributes: Vec<_> = node.attributes().map(pair).collect();
            if let Some(Meant::Attribute(target, attribute, value)) = meant
                && *target == node.id()
            {
                attributes.retain(|(known, _)| known != attribute);
                attributes.push((attribute.clone(), value.clone()));
            }
            attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
            Some(Event::Open(name(node.tag_name().namespace(), node.tag_name().name()), attributes))
        }
        roxmltree::NodeType::Text => Some(Event::Text(owned(node.text()))),
        // The parser gives line ends of comments as they are; XML itself knows only one.
        roxmltree::NodeType::Comment => {
            let text = node.text().unwrap_or_default().replace("\r\n", "\n");
            Some(Event::Comment(Zeroizing::new(text)))
        }
        roxmltree::NodeType::PI => {
            let pi = node.pi();
            Some(Event::Instruction(pi.map_or_else(String::new, |pi| format!("{} {:?}", pi.target, pi.value))))
        }
    }
}

/// Texts side by side are one text.
fn joined(told: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::with_capacity(told.len());
    for event in told {
        if let (Some(Event::Text(before)), Event::Text(text)) = (joined.last_mut(), &event) {
            let both = Zeroizing::new([before.as_str(), text.as_str()].concat());
            *before = both;
        } else {
            joined.push(event);
        }
    }
    joined
}

/// The same without what indentation is made of: runs of blanks count as one, blank texts not at all. Lines that come or
/// go with an edit differ in nothing else.
pub(super) fn without_layout(told: Vec<Event>) -> Vec<Event> {
    let plain = |event| match event {
        Event::Text(text) => {
            let words: Vec<_> = text.split_whitespace().collect();
            (!words.is_empty()).then(|| Event::Text(Zeroizing::new(words.join(" "))))
        }
        other => Some(other),
    };
    told.into_iter().filter_map(plain).collect()
}

/// What of an element matters to a product: no comments, no blank texts beside elements or comments; the text of an
/// element without children to the last blank.
pub(super) fn essence(told: Vec<Event>) -> Vec<Event> {
    let is_blank = |event: &Event| matches!(event, Event::Text(text) if text.trim().is_empty());
    let is_alone = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| told.get(before));
        matches!(before, Some(Event::Open(..))) && matches!(told.get(index + 1), Some(Event::Close))
    };
    let matters = |(index, event): &(usize, &Event)| {
        !matches!(event, Event::Comment(_)) && (!is_blank(event) || is_alone(*index))
    };
    let kept = told.iter().enumerate().filter(matters).map(|(_, event)| event.clone());
    joined(kept.collect())
}
