//! From a playbook's YAML to its stages.

use super::{Batch, On, Playbook, Stage, StageStep};
use crate::model::inventory::suggest::nearest;
use crate::model::inventory::tree::{Kind, Node, parse};
use crate::model::inventory::{Place, Problem};
use crate::steps::fields::{Fields, wrong_type};
use crate::steps::gates::Gate;
use crate::steps::{Generic, KINDS, registry};

/// What a playbook calls the gates.
const GATES: [(&str, Gate); 3] =
    [("ready", Gate::Ready), ("joined", Gate::Joined), ("others-ready", Gate::OthersReady)];

/// Reads a playbook, and collects everything that is wrong with it.
pub(super) fn read(text: &str, place: &Place) -> Result<Playbook, Vec<Problem>> {
    let parsed = parse(text);
    let mut problems: Vec<Problem> = parsed.problem.into_iter().collect();
    let mut stages = Vec::new();
    match parsed.documents.as_slice() {
        [] if problems.is_empty() => problems.push(empty("this playbook is empty")),
        [] => {}
        [document, others @ ..] => {
            if let Some(second) = others.first() {
                let message = "a playbook is one document, and here a second one begins";
                problems.push(Problem::new("wrong-type", Some(second.span), "", message));
            }
            let mut fields = Fields::of(document, "a playbook", &mut problems);
            let list = fields.required("stages");
            fields.finish();
            for node in list.map(|list| items(list, "stages", &mut problems)).unwrap_or_default() {
                stages.extend(stage(node, place, &mut problems));
            }
            if stages.is_empty() && problems.is_empty() {
                problems.push(empty("this playbook has no stages"));
            }
        }
    }
    if problems.is_empty() {
        return Ok(Playbook { stages });
    }
    problems.sort_by_key(|problem| problem.span.map(|span| span.start));
    Err(problems)
}

fn empty(message: &str) -> Problem {
    Problem::new("empty-playbook", None, "", message).hint("it begins with `stages:`, a list of names and steps")
}

fn items<'n>(node: &'n Node, what: &str, problems: &mut Vec<Problem>) -> &'n [Node] {
    match &node.kind {
        Kind::Sequence(items) => items,
        _ => {
            wrong_type(node.span, what, "a list", problems);
            &[]
        }
    }
}

fn stage(node: &Node, place: &Place, problems: &mut Vec<Problem>) -> Option<Stage> {
    let mut fields = Fields::of(node, "a stage", problems);
    let name = fields.text("name");
    let on = match fields.optional_text("on") {
        None | Some(("product", _)) => On::Product,
        Some(("load-balancer", _)) => On::LoadBalancer,
        Some(("all", _)) => On::All,
        Some((other, span)) => {
            let message = format!("`{other}` are no hosts that a stage can be for");
            let problem = Problem::new("unknown-value", Some(span), "on", message);
            fields.problems().push(problem.hint("`product`, `load-balancer` and `all` are known"));
            On::Product
        }
    };
    let batch = fields.optional_text("batch").and_then(|(text, span)| {
        let batch = text.parse::<Batch>();
        if let Err(error) = &batch {
            let problem = Problem::new("bad-format", Some(span), "batch", error.to_string());
            fields.problems().push(problem);
        }
        batch.ok()
    });
    let one_at_a_time = word(&mut fields, "rollout", ["all-at-once", "one-at-a-time"]) == Some("one-at-a-time");
    let once = word(&mut fields, "scope", ["every-host", "once-per-cluster"]) == Some("once-per-cluster");
    let before = gates(&mut fields, "before");
    let gate = gates(&mut fields, "gate");
    let list = fields.required("steps");
    fields.finish();
    let nodes = list.map(|list| items(list, "steps", problems)).unwrap_or_default();
    let steps = nodes.iter().filter_map(|node| step(node, place, problems)).collect();
    Some(Stage { name: name?.0.to_owned(), on, steps, batch, one_at_a_time, once, before, gate })
}

/// One of a few words; `None` where the key is not there, or says something else.
fn word(fields: &mut Fields<'_, '_>, key: &'static str, known: [&'static str; 2]) -> Option<&'static str> {
    let (text, span) = fields.optional_text(key)?;
    let found = known.into_iter().find(|word| *word == text);
    if found.is_none() {
        let problem = Problem::new("unknown-value", Some(span), key, format!("`{text}` is not a {key}"));
        fields.problems().push(problem.hint(format!("`{}` and `{}` are known", known[0], known[1])));
    }
    found
}

/// A list of gates by their names.
fn gates(fields: &mut Fields<'_, '_>, key: &'static str) -> Vec<Gate> {
    let mut gates = Vec::new();
    for (text, span) in fields.texts(key) {
        match GATES.into_iter().find(|(name, _)| *name == text) {
            Some((_, gate)) => gates.push(gate),
            None => {
                let known = GATES.map(|(name, _)| name);
                let hint = match nearest(text, known) {
                    Some((near, _)) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", known.join(", ")),
                };
                let problem = Problem::new("unknown-value", Some(span), key, format!("unknown gate `{text}`"));
                fields.problems().push(problem.hint(hint));
            }
        }
    }
    gates
}

fn step(node: &Node, place: &Place, problems: &mut Vec<Problem>) -> Option<StageStep> {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            let known = registry().iter().copied().find(|step| step.name().0 == text);
            if known.is_none() {
                let names = registry().iter().map(|step| step.name().0);
                problems.push(unknown(text, node, names));
            }
            known.map(StageStep::Named)
        }
        Kind::Mapping(entries) => {
            let [entry] = entries.as_slice() else {
                let message = "a step that is spelled out has exactly one kind, such as `directory: {…}`";
                problems.push(Problem::new("wrong-type", Some(node.span), "steps", message));
                return None;
            };
            let Some(kind) = KINDS.into_iter().find(|kind| *kind == entry.key) else {
                let place = Node { span: entry.key_span, ..entry.value.clone() };
                problems.push(unknown(&entry.key, &place, KINDS));
                return None;
            };
            Generic::read(kind, &entry.value, place, problems).map(|step| StageStep::Generic(Box::new(step)))
        }
        Kind::Sequence(_) => {
            wrong_type(node.span, "steps", "a step's name, or a kind with its settings", problems);
            None
        }
    }
}

fn unknown(name: &str, node: &Node, known: impl IntoIterator<Item = &'static str>) -> Problem {
    let known = Vec::from_iter(known);
    let hint = match nearest(name, known.iter().copied()) {
        Some((near, _)) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    Problem::new("unknown-step", Some(node.span), "steps", format!("unknown step `{name}`")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let place = Place { file: "site.yaml".into(), folder: "/srv".into(), home: None };
        let line = |problem: Problem| {
            let at = problem.span.map_or_else(String::new, |span| format!("{}:{} ", span.line, span.column));
            let hint = problem.hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("{at}{}{hint}", problem.message)
        };
        Playbook::parse(text, &place).map_or_else(|all| all.into_iter().map(line).collect(), |_| Vec::new())
    }

    #[test]
    fn everything_that_is_wrong_is_found_at_once_with_its_place() {
        let text = "\
stages:
  - { name: One, on: nodes, steps: [datasource], batch: 0 }
  - name: Two
    rolout: one-at-a-time
    scope: once
    gate: [ready, joint]
    steps:
      - directory: { path: srv, mode: 0999 }
      - tomml: {}
      - toml: { path: '/etc/{{ hots.name }}', set: { a: 1.5 } }
      - toml: { path: /etc/x }
      - file: { path: /etc/x }
      - { line: {}, block: {} }
      - hosts: { address: 192.0.2.1, name: [x] }
";
        assert_eq!(
            problems(text),
            [
                "2:22 `nodes` are no hosts that a stage can be for (`product`, `load-balancer` and `all` are known)",
                "2:37 unknown step `datasource` (did you mean `datasources`?)",
                "2:57 `0` is not a batch: write a number of hosts, such as 1, or a share of them, such as 25%",
                "4:5 unknown key `rolout` in a stage (did you mean `rollout`?)",
                "5:12 `once` is not a scope (`every-host` and `once-per-cluster` are known)",
                "6:19 unknown gate `joint` (there are: ready, joined, others-ready)",
                "8:28 `srv` is not an absolute path",
                "8:39 `0999` is not a mode (write it in octal, such as 0644)",
                "9:9 unknown step `tomml` (did you mean `toml`?)",
                "10:23 `hots` is not a value that a playbook knows (there are `host.name`, `host.address`, \
                 `host.member_address`, `vars.NAME` and `cluster`)",
                "10:57 `1.5` may be a number or a text (write '1.5' in quotes for a text)",
                "11:15 toml needs `set` or `remove`",
                "12:15 file needs either `content` or `source`",
                "13:9 a step that is spelled out has exactly one kind, such as `directory: {…}`",
                "14:16 hosts needs `names`",
                "14:38 unknown key `name` in hosts (did you mean `names`?)",
            ]
        );
        assert_eq!(problems("").len(), 1);
        assert_eq!(problems("stages: []").len(), 1);
        assert_eq!(problems("stages: [").len(), 1);
        assert_eq!(problems("stages:\n- {name: x, steps: []}\n---\nstages: []\n").len(), 1);
    }
}
