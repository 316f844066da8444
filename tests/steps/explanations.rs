//! Every code that a step may answer with is explained, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Explanation {
    code: String,
    title: String,
    text: String,
}

/// The words behind `code: "` and the first ones of findings, in every file below `folder`.
fn codes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Generic steps are explained with the resources that they are made of.
        if path.file_stem().is_some_and(|name| name == "generic" || name == "tests") {
            continue;
        }
        if path.is_dir() {
            codes(&path, found);
            continue;
        }
        let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for before in ["code:\"", "{..}=>\"profile-", "Finding::error(\"", "Finding::warning(\""] {
            let start = before.rsplit('"').next().unwrap();
            let words = text.split(before).skip(1).map(|rest| rest.split('"').next().unwrap());
            found.extend(words.map(|word| format!("{start}{word}")));
        }
    }
}

#[test]
fn every_code_of_the_steps_and_profiles_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("playbooks/explanations/steps.yaml")).unwrap();
    let explanations: Vec<Explanation> = serde_saphyr::from_str(&text).unwrap();
    for Explanation { code, title, text } in &explanations {
        assert!(!title.ends_with('.') && text.trim_end().ends_with('.') && text.len() > 60, "{code}");
    }
    let explained: BTreeSet<String> = explanations.into_iter().map(|explanation| explanation.code).collect();
    let mut used = BTreeSet::new();
    codes(&root.join("src/steps"), &mut used);
    codes(&root.join("src/model/profile"), &mut used);
    used.remove("wanted-twice"); // Explained with the resources.
    assert_eq!(used, explained);
}

#[test]
fn every_rule_about_hosts_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("playbooks/explanations/preflight.yaml")).unwrap();
    let explanations: Vec<Explanation> = serde_saphyr::from_str(&text).unwrap();
    let explained: BTreeSet<&str> = explanations.iter().map(|explanation| explanation.code.as_str()).collect();
    let rules: BTreeSet<&str> = hactl::steps::preflight::rules().map(|rule| rule.id).collect();
    assert_eq!(rules, explained);
}
