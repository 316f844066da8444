//! The small language that names one element of an XML file.

use roxmltree::Node;

use crate::resources::edit::EditError;

/// `/Server/Service/Connector[@port='9443']`: steps down from the root, or from a given element when it has no `/` before
/// it. Names are compared without their namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) is_absolute: bool,
    pub(super) steps: Vec<Step>,
}

/// A name, and what the element must hold besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    predicates: Vec<Predicate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Predicate {
    /// `[@name='value']`
    Attribute(String, String),
    /// `[name='text']`: a child with this text, blanks around it aside.
    Child(String, String),
    /// `[.='text']`: its own text.
    Own(String),
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When it is not of this language: a mistake in a profile or a step.
    pub(super) fn parse(text: &str) -> Result<Self, EditError> {
        let wrong = |why: &str| EditError {
            code: "xml-path-invalid",
            cause: format!("`{text}` is not a path to an element: {why}"),
            hint: Some("write it as /Server/Service/Connector[@port='9443'] or [child='text']".to_owned()),
        };
        let mut rest = text.strip_prefix('/').unwrap_or(text);
        let mut steps = Vec::new();
        loop {
            let end = rest.find(['/', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if !is_name(name) {
                return Err(wrong("a step has no name, or one that XML does not allow"));
            }
            let mut step = Step { name: local(name).to_owned(), predicates: Vec::new() };
            rest = after;
            while let Some(inside) = rest.strip_prefix('[') {
                let (predicate, after) = predicate(inside).ok_or_else(|| wrong("a `[…]` is not of a known form"))?;
                step.predicates.push(predicate);
                rest = after;
            }
            steps.push(step);
            match rest.strip_prefix('/') {
                Some(next) => rest = next,
                None if rest.is_empty() => break,
                None => return Err(wrong("there is something behind a `]`")),
            }
        }
        Ok(Self { is_absolute: text.starts_with('/'), steps })
    }

    /// Every element that the path names, seen from `from`.
    pub(super) fn select<'a, 'i>(&self, from: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
        select(&self.steps, from)
    }

    /// Its last step, and the path to the parent of what it names; `None` for a path of one step.
    pub(super) fn split_last(&self) -> Option<(&Step, Self)> {
        let (last, steps) = self.steps.split_last()?;
        let parent = Self { is_absolute: self.is_absolute, steps: steps.to_vec() };
        (!steps.is_empty()).then_some((last, parent))
    }

    /// How many of its steps name something.
    pub(super) fn reach(&self, from: Node<'_, '_>) -> usize {
        let leads = |count: &usize| self.steps.get(..*count).is_some_and(|steps| !select(steps, from).is_empty());
        (1..=self.steps.len()).rev().find(leads).unwrap_or(0)
    }

    /// The words of the last step, which may tell that it names a secret: `property` and `password` of
    /// `property[@name='password']`.
    pub(super) fn last_words(&self) -> impl Iterator<Item = &str> {
        self.steps.last().into_iter().flat_map(|step| {
            let literals = step.predicates.iter().map(|predicate| match predicate {
                Predicate::Attribute(_, value) | Predicate::Child(_, value) | Predicate::Own(value) => value.as_str(),
            });
            literals.chain([step.name.as_str()])
        })
    }
}

impl Step {
    /// Does this step name the element?
    pub(super) fn matches(&self, node: Node<'_, '_>) -> bool {
        let holds = |predicate: &Predicate| match predicate {
            Predicate::Attribute(name, value) => {
                node.attributes().any(|attribute| attribute.name() == name && attribute.value() == value)
            }
            Predicate::Child(name, text) => {
                let is_child = |child: &Node<'_, '_>| child.is_element() && child.tag_name().name() == name;
                node.children().filter(is_child).any(|child| text_of(child).trim() == text)
            }
            Predicate::Own(text) => text_of(node).trim() == text,
        };
        node.is_element() && node.tag_name().name() == self.name && self.predicates.iter().all(holds)
    }
}

fn select<'a, 'i>(steps: &[Step], from: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    let mut here = vec![from];
    for step in steps {
        here = here.into_iter().flat_map(|node| node.children()).filter(|node| step.matches(*node)).collect();
    }
    here
}

/// The text right in an element, its parts joined.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// A name without its namespace prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Is this a name that XML allows, as far as anybody uses them?
pub(super) fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c)) && !name.ends_with(':')
}

/// The predicate behind a `[`, and what follows its `]`.
fn predicate(inside: &str) -> Option<(Predicate, &str)> {
    let (left, right) = inside.split_once('=')?;
    let quote = right.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let (value, after) = right.get(1..)?.split_once(quote)?;
    let (left, value, after) = (left.trim(), value.to_owned(), after.strip_prefix(']')?);
    let predicate = match left.strip_prefix('@') {
        Some(name) if is_name(name) => Predicate::Attribute(local(name).to_owned(), value),
        None if left == "." => Predicate::Own(value),
        None if is_name(left) => Predicate::Child(local(left).to_owned(), value),
        _ => return None,
    };
    Some((predicate, after))
}
