//! `XmlNodes` over generated files in the shape of `axis2.xml`, `catalina-server.xml` and `master-datasources.xml`.

use std::ops::Range;

use hactl::resources::edit::{Edit, Value, XmlNodes};
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};

use super::shapes::nasty;

#[derive(Debug, Clone)]
enum Part {
    Element { name: &'static str, attribute: &'static str, children: Vec<Self>, one_line: bool },
    Verbatim(&'static str),
}

fn part() -> impl Strategy<Value = Part> {
    let verbatim = prop::sample::select(vec![
        "<!-- <parameter name=\"x\">y</parameter> -->",
        "<!--HostName>www</HostName-->",
        "<!-- a > b & c -->",
        "<?pi x > y?>",
        "<empty/>",
        "<spaced a = 'b'  />",
        "<url>jdbc:h2:x;A=1&amp;b=&#50;</url >",
        "<raw><![CDATA[<a> & ]]></raw>",
        "<mixed><![CDATA[a]]> &lt; b</mixed>",
        "<closed></closed>",
        "<member><hostName>10.0.0.1</hostName><port>4000</port></member>",
        "<used>&word;</used>",
        "<lines>one\n   two</lines>",
    ]);
    let leaf = verbatim.prop_map(Part::Verbatim);
    leaf.prop_recursive(3, 24, 5, |inner| {
        let name = prop::sample::select(vec!["Service", "clustering", "svns:datasource", "Connector"]);
        let attribute = prop::sample::select(vec![
            "",
            " name='a > \"b\"'",
            " enable=\"false\"\n      port = \"9443\"",
            " svns:alias=\"x\"",
        ]);
        (name, attribute, prop::collection::vec(inner, 0..5), any::<bool>())
            .prop_map(|(name, attribute, children, one_line)| Part::Element { name, attribute, children, one_line })
    })
}

fn write(part: &Part, indent: &str, unit: &str, out: &mut String) {
    match part {
        Part::Verbatim(text) => out.push_str(text),
        Part::Element { name, attribute, children, one_line } => {
            out.push_str(&format!("<{name}{attribute}>"));
            let inner = format!("{indent}{unit}");
            for child in children {
                if !one_line {
                    out.push_str(&format!("\n{inner}"));
                }
                write(child, &inner, unit, out);
            }
            if !one_line && !children.is_empty() {
                out.push_str(&format!("\n{indent}"));
            }
            out.push_str(&format!("</{name}>"));
        }
    }
}

fn generated() -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec![
        "",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- licence -->\n",
        "<?xml version='1.0' encoding='ISO-8859-1'?>\n",
    ]);
    let unit = prop::sample::select(vec!["    ", "\t", "  "]);
    let shape = (any::<bool>(), any::<bool>(), any::<bool>());
    (head, unit, prop::collection::vec(part(), 1..6), shape).prop_map(
        |(head, unit, children, (crlf, mark, newline))| {
            let root = Part::Element {
                name: "Server",
                attribute: " xmlns=\"urn:a\" xmlns:svns='urn:b'",
                children,
                one_line: false,
            };
            let mut text = format!("{head}<!DOCTYPE Server [ <!ENTITY word \"old\"> ]>\n");
            write(&root, "", unit, &mut text);
            if newline {
                text.push_str("\n<!-- the end -->\n");
            }
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            if mark && !text.contains("ISO-8859-1") { format!("\u{feff}{text}") } else { text }
        },
    )
}

fn parse(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// An element picked by a number, and the path that leads to it; `None` when that path would name others as well.
fn picked<'a, 'i>(document: &'a Document<'i>, number: usize) -> Option<(Node<'a, 'i>, String)> {
    let elements: Vec<_> = document.descendants().filter(Node::is_element).collect();
    let node = elements[number % elements.len()];
    let mut names: Vec<_> = node.ancestors().filter(Node::is_element).map(|node| node.tag_name().name()).collect();
    names.reverse();
    let found = names.iter().fold(vec![document.root()], |here, name| {
        let children = here.into_iter().flat_map(|node| node.children());
        children.filter(|child| child.is_element() && child.tag_name().name() == *name).collect()
    });
    (found.len() == 1).then(|| (node, format!("/{}", names.join("/"))))
}

/// Is everything outside the range the same before and after?
fn same_outside(before: &str, after: &str, range: Range<usize>) -> bool {
    after.starts_with(&before[..range.start]) && after[range.start..].ends_with(&before[range.end..])
}

fn is_xml(value: &str, ascii: bool) -> bool {
    value.chars().all(|c| c >= ' ' || "\t\n\r".contains(c)) && (!ascii || !value.is_empty() || value.is_empty())
}

fn done(edit: &XmlNodes, before: &str) -> Result<Result<String, &'static str>, TestCaseError> {
    match edit.apply(before) {
        Err(error) => Ok(Err(error.code)),
        Ok(edited) => {
            let again = edit.apply(&edited.text).unwrap();
            prop_assert!(again.changes.is_empty(), "{:?} in {:?}", again.changes, edited.text);
            prop_assert_eq!(&again.text, &edited.text);
            prop_assert_eq!(edited.changes.is_empty(), edited.text.as_str() == before);
            Ok(Ok(edited.text.to_string()))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_changes_only_its_element(before in generated(), number in any::<usize>(), value in nasty()) {
        prop_assume!(is_xml(&value, false));
        let document = parse(&before);
        let Some((node, path)) = picked(&document, number) else { return Ok(()) };
        match done(&XmlNodes::new().text(path, Value::Text(value.clone())), &before)? {
            Err(code) => {
                prop_assert_eq!(code, "xml-not-a-leaf");
                prop_assert!(node.children().any(|child| !child.is_text()));
            }
            Ok(after) => {
                prop_assert!(same_outside(&before, &after, node.range()), "{after:?}");
                let document = parse(&after);
                let (node, _) = picked(&document, number).unwrap();
                prop_assert_eq!(text_of(node), value);
            }
        }
    }

    #[test]
    fn an_attribute_changes_only_its_element(before in generated(), number in any::<usize>(), value in nasty(),
                                             name in prop::sample::select(vec!["name", "port", "fresh", "svns:alias", "svns:fresh"])) {
        prop_assume!(is_xml(&value, false));
        let document = parse(&before);
        let Some((node, path)) = picked(&document, number) else { return Ok(()) };
        let after = done(&XmlNodes::new().attribute(path, name, Value::Text(value.clone())), &before)?.unwrap();
        prop_assert!(same_outside(&before, &after, node.range()), "{after:?}");
        let local = name.trim_start_matches("svns:");
        let document = parse(&after);
        let (node, _) = picked(&document, number).unwrap();
        let held = node.attributes().find(|attribute| attribute.name() == local).map(|attribute| attribute.value().to_owned());
        prop_assert_eq!(held, Some(value));
    }

    #[test]
    fn a_subtree_changes_only_its_parent(before in generated(), number in any::<usize>(), value in nasty(),
                                         key in prop::sample::select(vec!["fresh", "member", "clustering"])) {
        prop_assume!(is_xml(&value, false) && value.is_ascii());
        let document = parse(&before);
        let Some((node, path)) = picked(&document, number) else { return Ok(()) };
        let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;");
        let xml = format!("<{key} a='1'>\n    <b>x</b>\n    <c>{escaped}</c>\n</{key}>");
        let held = node.children().filter(|child| child.tag_name().name() == key).count();
        match done(&XmlNodes::new().subtree(path, key, xml), &before)? {
            Err(code) => {
                let holds_text = !text_of(node).trim().is_empty();
                prop_assert!((code == "xml-not-unique" && held > 1) || (code == "xml-not-a-leaf" && holds_text), "{code}");
            }
            Ok(after) => {
                prop_assert!(same_outside(&before, &after, node.range()), "{after:?}");
                let document = parse(&after);
                let mut found = document.descendants().filter(|node| node.is_element() && node.tag_name().name() == "c");
                let all = document.descendants().filter(Node::is_element).count();
                let before_count = node.document().descendants().filter(Node::is_element).count();
                prop_assert!(held > 0 || all == before_count + 3);
                prop_assert!(found.any(|node| text_of(node) == value), "{after:?}");
                prop_assert!(!before.contains("\r\n") || !after.replace("\r\n", "").contains('\n') || value.contains('\n'));
            }
        }
    }

    #[test]
    fn a_removed_element_takes_only_its_own_lines(before in generated(), number in any::<usize>()) {
        let document = parse(&before);
        let Some((node, path)) = picked(&document, number) else { return Ok(()) };
        if node.parent_element().is_none() {
            return Ok(());
        }
        let after = done(&XmlNodes::new().remove(path), &before)?.unwrap();
        let elements = |document: &Document<'_>| document.descendants().filter(Node::is_element).count();
        let inside = node.descendants().filter(Node::is_element).count();
        prop_assert_eq!(elements(&parse(&after)) + inside, elements(&document));
        let gone = &before[node.range()];
        let outside = [&before[..node.range().start], &before[node.range().end..]].concat();
        let blank = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(blank(&after), blank(&outside), "{} is gone", gone);
    }

    #[test]
    fn commented_out_and_back_is_the_same_text(before in generated(), number in any::<usize>()) {
        let document = parse(&before);
        let Some((node, path)) = picked(&document, number) else { return Ok(()) };
        match done(&XmlNodes::new().comment_out(path.clone()), &before)? {
            Err(code) => {
                prop_assert_eq!(code, "edit-refused");
                prop_assert!(before[node.range()].contains("--") || node.parent_element().is_none());
            }
            Ok(after) => match XmlNodes::new().uncomment(path).apply(&after) {
                Ok(back) => prop_assert_eq!(back.text.as_str(), before.as_str()),
                // Another comment holds such an element already, or an entity is used that a comment cannot hold.
                Err(error) => prop_assert!(["xml-not-unique", "xml-missing"].contains(&error.code)),
            },
        }
    }
}
