//! What was proved, and in which words it is told.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::HostName;

/// The header by which a balancer says which node answered.
const NODE: &str = "x-hactl-node";

/// What was proved, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Proof {
    /// Every node that was asked, in the order of the inventory.
    pub nodes: Vec<HostName>,
    /// What came through the public name; `None` where it was not asked.
    pub served: Option<Served>,
    /// What is written through one node and read through another.
    pub shared: Shared,
    /// What was not proved, and why; each a sentence without a full stop.
    pub not_proved: Vec<String>,
    /// How many requests it took.
    pub requests: usize,
}

/// What came through the public name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Served {
    /// The public name.
    pub name: String,
    /// How it was reached, where that is not the usual way: `at the address of lb-1`.
    pub by: Option<String>,
    /// The nodes that answered through it.
    pub by_nodes: Vec<HostName>,
}

/// What is written through one node and read through another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "shared", rename_all = "snake_case")]
pub enum Shared {
    /// It was read through every other node.
    Read {
        /// What was written.
        what: String,
        /// The node it was written through.
        writer: HostName,
        /// The nodes it was read through.
        readers: Vec<HostName>,
    },
    /// It was not tried.
    NotTried {
        /// Why.
        because: String,
    },
}

/// Why a proof failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A stable word; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What was seen.
    pub cause: String,
    /// What to do next.
    pub hint: String,
}

impl Proof {
    /// What was proved, in a line.
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        let all = crowd(&self.nodes);
        parts.push(match &self.served {
            Some(served) if served.by_nodes.len() == self.nodes.len() => {
                let by = served.by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
                format!("{all} through {}{by}", served.name)
            }
            Some(served) => {
                let by = served.by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
                let some = match served.by_nodes.is_empty() {
                    true => "one that is not named".to_owned(),
                    false => names(&served.by_nodes),
                };
                format!("{all} when asked directly, and {some} through {}{by}", served.name)
            }
            None => format!("{all} when asked directly"),
        });
        if let Shared::Read { writer, readers, .. } = &self.shared {
            let reads = if readers.len() == 1 { "reads" } else { "read" };
            parts.push(format!("what {writer} wrote {} {reads}", names(readers)));
        }
        parts.join("; ")
    }
}

/// The nodes as those who answer: `both nodes answer`.
fn crowd(nodes: &[HostName]) -> String {
    match nodes {
        [only] => format!("{only} answers"),
        [_, _] => "both nodes answer".to_owned(),
        all => format!("all {} nodes answer", all.len()),
    }
}

/// `is-1, is-2 and is-3`.
fn names(nodes: &[HostName]) -> String {
    let all: Vec<&str> = nodes.iter().map(HostName::as_str).collect();
    match all.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "nobody".to_owned(),
    }
}

/// Which node an answer came from, as the balancer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// One of the nodes.
    Node(HostName),
    /// Somebody who is none of them.
    Stranger(String),
    /// The balancer does not say.
    Untold,
}

/// Who has answered through the public name so far, to one question.
#[derive(Debug, Clone)]
pub struct Spread<'a> {
    nodes: &'a [HostName],
    seen: Vec<HostName>,
    untold: usize,
    asked: usize,
}

impl<'a> Spread<'a> {
    /// Nobody has answered yet.
    pub fn new(nodes: &'a [HostName]) -> Self {
        Self { nodes, seen: Vec::new(), untold: 0, asked: 0 }
    }

    /// How often is asked at most: a balancer with several processes, each of which takes turns for itself, may send many
    /// requests to one node before the next.
    pub fn most(&self) -> usize {
        8 + 6 * self.nodes.len()
    }

    /// Is it clear what is to be seen? One whose balancer does not say who answers is asked once for each node.
    pub fn is_done(&self) -> bool {
        self.seen.len() == self.nodes.len()
            || self.asked >= self.most()
            || (self.seen.is_empty() && self.untold >= self.nodes.len())
    }

    /// Takes the headers of a right answer, names in lower case.
    pub fn note<'h>(&mut self, mut headers: impl Iterator<Item = (&'h str, &'h str)>) -> Seen {
        self.asked += 1;
        let Some((_, said)) = headers.find(|(name, _)| *name == NODE) else {
            self.untold += 1;
            return Seen::Untold;
        };
        let Some(node) = self.nodes.iter().find(|node| node.as_str() == said) else {
            return Seen::Stranger(said.chars().filter(|c| !c.is_control()).take(60).collect());
        };
        if !self.seen.contains(node) {
            self.seen.push(node.clone());
        }
        Seen::Node(node.clone())
    }

    /// The nodes that have answered, in the order of the inventory.
    pub fn seen(&self) -> Vec<HostName> {
        self.nodes.iter().filter(|node| self.seen.contains(node)).cloned().collect()
    }

    /// What it means for the proof: what is not proved by it, if anything. `one_for_us` says that the balancer sends all
    /// requests of one address to one node.
    ///
    /// # Errors
    /// When a node should have answered and has not.
    pub fn judge(&self, name: &str, one_for_us: bool) -> Result<Option<String>, Fault> {
        if self.seen.len() == self.nodes.len() {
            return Ok(None);
        }
        if self.seen.is_empty() {
            let why = "the balancer does not say who answers (`load_balancer.show_node`)";
            return Ok(Some(format!("that each node answers through {name} was not proved: {why}")));
        }
        let silent: Vec<HostName> = self.nodes.iter().filter(|node| !self.seen.contains(node)).cloned().collect();
        let (seen, silent) = (names(&self.seen()), names(&silent));
        if one_for_us {
            let why = "the balancer sends one client to one node (`ip_hash`)";
            return Ok(Some(format!(
                "that {silent} answers through {name} was not proved: {why}; asked directly it does"
            )));
        }
        Err(Fault {
            code: "verify-node-silent",
            cause: format!("{} requests through {name} were all answered by {seen}, none by {silent}", self.asked),
            hint: format!(
                "does the balancer know {silent}, and can it reach the node's port? Its error log says why not"
            ),
        })
    }
}
