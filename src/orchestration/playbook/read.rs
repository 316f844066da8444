//! From a playbook's YAML to its stages.

use super::{Batch, On, Playbook, Stage, StageStep};
use crate::model::inventory::suggest::nearest;
use crate::model::inventory::tree::{Kind, Node, parse};
use crate::model::inventory::{Place, Problem};
use crate::steps::fields::{Fields, wrong_type};
use crate::steps::{Generic, KINDS, registry};

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
    let list = fields.required("steps");
    fields.finish();
    let nodes = list.map(|list| items(list, "steps", problems)).unwrap_or_default();
    let steps = nodes.iter().filter_map(|node| step(node, place, problems)).collect();
    Some(Stage { name: name?.0.to_owned(), on, steps, batch })
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
    rollout: one-at-a-time
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
                "4:5 unknown key `rollout` in a stage (a stage has these keys: name, on, batch, steps)",
                "6:28 `srv` is not an absolute path",
                "6:39 `0999` is not a mode (write it in octal, such as 0644)",
                "7:9 unknown step `tomml` (did you mean `toml`?)",
                "8:23 `hots` is not a value that a playbook knows (there are `host.name`, `host.address`, \
                 `host.member_address`, `vars.NAME` and `cluster`)",
                "8:57 `1.5` may be a number or a text (write '1.5' in quotes for a text)",
                "9:15 toml needs `set` or `remove`",
                "10:15 file needs either `content` or `source`",
                "11:9 a step that is spelled out has exactly one kind, such as `directory: {…}`",
                "12:16 hosts needs `names`",
                "12:38 unknown key `name` in hosts (did you mean `names`?)",
            ]
        );
        assert_eq!(problems("").len(), 1);
        assert_eq!(problems("stages: []").len(), 1);
        assert_eq!(problems("stages: [").len(), 1);
        assert_eq!(problems("stages:\n- {name: x, steps: []}\n---\nstages: []\n").len(), 1);
    }
}
