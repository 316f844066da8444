//! O06, T01: what the product itself is, and what somebody has edited by hand.

use super::{Facts, Rule, Subject, Verdict, always};
use crate::model::Script;

pub(super) static RULES: &[Rule] = &[
    Rule { id: "O06", applies: always, probe: ask_version, judge: versions },
    Rule { id: "T01", applies: always, probe: ask_rendered, judge: edited },
];

fn ask_version(of: &Subject, script: &mut Script) {
    let files: Vec<String> = of.profile.files.versions.iter().map(|file| of.path(file)).collect();
    script.call("hactl_version", &files.iter().map(String::as_str).collect::<Vec<_>>());
}

fn versions(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let text = |facts: &Facts<'_>| -> Vec<String> { facts.values("version").filter_map(version).collect() };
    // A host whose product is not there yet has nothing to say.
    let mut known = facts.iter().map(|facts| (facts, text(facts))).filter(|(_, text)| !text.is_empty());
    let Some((first, wanted)) = known.next() else { return Vec::new() };
    known
        .filter(|(_, text)| *text != wanted)
        .map(|(facts, text)| {
            let differs = |own: &[String], other: &[String]| -> String {
                let lines: Vec<&str> =
                    own.iter().filter(|line| !other.contains(line)).map(String::as_str).take(2).collect();
                if lines.is_empty() { "nothing of the kind".to_owned() } else { format!("`{}`", lines.join(" ")) }
            };
            let cause = format!(
                "the product or its update level is not that of {}: {} here, {} there",
                first.subject.host.name,
                differs(&text, &wanted),
                differs(&wanted, &text)
            );
            facts.error(cause, "bring all nodes to one version and update level before they work together")
        })
        .collect()
}

/// What a line of the version file, or of the update tool's JSON, tells of the version.
fn version(line: &str) -> Option<String> {
    if let Some((_, rest)) = line.split_once("\"update-level\"") {
        let level = rest.trim_start_matches([' ', ':', '"']).split(['"', ',', '}']).next()?;
        return Some(format!("update level {}", level.trim()));
    }
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty() && !line.starts_with(['{', '}', '"', '[', ']'])).then_some(line)
}

fn ask_rendered(of: &Subject, script: &mut Script) {
    script.call("hactl_rendered", &[of.product.home.as_str(), &of.path(&of.profile.files.rendered)]);
}

fn edited(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let files: Vec<&str> = facts.values("edited").collect();
        let [first, others @ ..] = files.as_slice() else { return None };
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        let were = if others.is_empty() { "was" } else { "were" };
        let file = &facts.subject.profile.files.configuration;
        let cause = format!("{first}{more} {were} edited by hand: the next start writes it anew from {file}");
        Some(facts.warning(cause, format!("take the edit over into {file}, or forget it")))
    };
    facts.iter().filter_map(judge).collect()
}
