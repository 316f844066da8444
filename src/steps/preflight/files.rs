//! F01, F02, K02: what the nodes share, and the key stores that must be alike.

use std::collections::BTreeMap;

use super::{Facts, Rule, Subject, Verdict, always};
use crate::model::Script;
use crate::resources::{Resource as _, Seen, Symlink};
use crate::steps::node::Node;
use crate::steps::shared_files;

pub(super) static RULES: &[Rule] = &[
    Rule { id: "F01", applies: |of| !links(of).is_empty(), probe: ask_links, judge: not_mounted },
    Rule { id: "F02", applies: |of| !links(of).is_empty(), probe: ask_links, judge: in_the_way },
    Rule { id: "K02", applies: always, probe: ask_keystores, judge: keystores },
];

/// What stands before the answer of each link.
const NEXT: &str = "hactl-next-link\n";

/// The links that the step wants: the rule goes by what it would do.
fn links(of: &Subject) -> Vec<Symlink> {
    let Some(shared) = &of.cluster.shared_files else { return Vec::new() };
    let node = Node { product: &of.product, profile: &of.profile };
    // What can't be wanted is refused by the step itself.
    shared_files::links(shared, &node, of.adopt).unwrap_or_default()
}

fn ask_links(of: &Subject, script: &mut Script) {
    for link in links(of) {
        script.call("printf", &[NEXT]);
        link.probe(script);
    }
}

fn not_mounted(facts: &[Facts<'_>]) -> Vec<Verdict> {
    refused(facts, "not-mounted")
}

fn in_the_way(facts: &[Facts<'_>]) -> Vec<Verdict> {
    refused(facts, "in-the-way")
}

fn refused(facts: &[Facts<'_>], code: &str) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let answers = facts.said.split(NEXT).skip(1);
        let errors = links(facts.subject)
            .into_iter()
            .zip(answers)
            .filter_map(|(link, answer)| link.assess(Seen { stdout: answer.as_bytes(), stderr: b"", status: 0 }).err());
        let mut verdicts: Vec<Verdict> = errors
            .filter(|error| error.code == code)
            .map(|error| facts.error(error.cause, error.hint.unwrap_or_default()))
            .collect();
        verdicts.dedup_by(|one, other| one.hint == other.hint && code == "not-mounted");
        verdicts
    };
    facts.iter().flat_map(judge).collect()
}

fn ask_keystores(of: &Subject, script: &mut Script) {
    script.call("hactl_keystores", &[&of.path(&of.profile.files.keystores)]);
}

/// A node whose key store is not that of the first node that has one of this name.
fn keystores(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let mut first: BTreeMap<&str, (&str, &Facts<'_>)> = BTreeMap::new();
    let mut verdicts = Vec::new();
    for (facts, (digest, path)) in facts
        .iter()
        .flat_map(|facts| facts.values("keystore").filter_map(move |line| Some((facts, line.split_once(' ')?))))
    {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        match first.get(name) {
            None => {
                first.insert(name, (digest, facts));
            }
            Some((known, _)) if *known == digest => {}
            Some((known, other)) => {
                let start = |digest: &str| digest.get(..8).unwrap_or_default().to_owned();
                let cause = format!(
                    "{path} is not the one of {} ({}… and {}…)",
                    other.subject.host.name,
                    start(digest),
                    start(known)
                );
                let hint = "bring the same file to every node before they start";
                verdicts.push(if name.contains("truststore") {
                    facts.warning(cause, hint)
                } else {
                    let cause = format!("{cause}: the nodes would sign and encrypt with different keys");
                    facts.error(cause, hint)
                });
            }
        }
    }
    verdicts
}
