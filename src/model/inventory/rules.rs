//! Rules that the schema can't say. All are checked; none stops another.

mod databases;
mod failover;
mod host_keys;
mod hosts;
mod jump_hosts;
mod load_balancer;
mod paths;
mod sections;
mod ssh_config;

use super::check::Checked;
use super::position::Positions;
use super::{Document, Problem, Span};

/// Checks every rule that needs no file and no host.
pub(super) fn check(document: &Document, checked: &Checked, problems: &mut Vec<Problem>) {
    let mut rules = Rules { document, checked, problems };
    rules.cluster();
    rules.hosts();
    rules.groups();
    rules.jump_hosts();
    rules.ssh_config();
    rules.host_keys();
    rules.product();
    rules.paths();
    rules.databases();
    rules.clustering();
    rules.load_balancer();
    rules.vault();
    rules.failover();
}

/// Refuses a second cluster of one name: the name is what locks and reports go by.
pub(super) fn one_name_each(
    document: &Document,
    positions: &Positions,
    named: &mut Vec<(String, Option<Span>)>,
    problems: &mut Vec<Problem>,
) {
    let span = positions.value("cluster");
    if let Some((name, first)) = named.iter().find(|(name, _)| *name == document.cluster) {
        let line = first.map_or(String::new(), |first| format!(", the first in line {}", first.line));
        problems.push(
            Problem::new("duplicate-cluster", span, "cluster", format!("two clusters are named `{name}`{line}"))
                .hint("give each cluster of a file its own name"),
        );
    }
    named.push((document.cluster.clone(), span));
}

struct Rules<'a> {
    document: &'a Document,
    checked: &'a Checked,
    problems: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    /// Reports a problem at a key, or at the nearest one above it.
    fn wrong(&mut self, code: &'static str, path: &str, message: String, hint: impl Into<Box<str>>) {
        let span = self.checked.positions.nearest(path);
        self.problems.push(Problem::new(code, span, path, message).hint(hint));
    }

    /// Was something below this path wrong already? Then what seems missing may only be misspelt.
    fn is_spoilt(&self, path: &str) -> bool {
        self.checked.problems.iter().any(|problem| {
            *problem.path == *path || problem.path.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
        })
    }
}
