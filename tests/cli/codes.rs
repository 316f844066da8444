//! Every code that hactl may end with, or put behind an error, is explained, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hactl::orchestration::Exit;

use super::{Desk, INVENTORY};

/// Words of the form of a code, in places where codes stand, that are none.
const NO_CODES: [&str; 21] = [
    "aws-ecs",
    "content-type",
    "database-schema",
    "jdbc-driver",
    "keyboard-interactive",
    "load-balancer",
    "once-per-cluster",
    "one-at-a-time",
    "others-ready",
    "product-pack",
    "proxy-ports",
    "registry-mount",
    "roll-back",
    "service-unit",
    "shared-files",
    "ssh-ed25519",
    "ssh-rsa",
    "start-nodes",
    "user-store",
    "utf-8",
    "x-hactl-node",
];

#[test]
fn every_exit_code_is_explained() {
    let desk = Desk::new(INVENTORY);
    let all = [
        Exit::Success,
        Exit::Failed,
        Exit::Differs,
        Exit::Incomplete,
        Exit::Preflight,
        Exit::Locked,
        Exit::Usage,
        Exit::Inventory,
        Exit::Interrupted,
        Exit::Terminated,
    ];
    for exit in all {
        let code = exit.code().to_string();
        let said = desk.expect(0, &["explain", &code]).stdout;
        assert!(said.starts_with(&format!("{code}: ")) && said.lines().count() > 2, "{said}");
    }
}

#[test]
fn every_code_of_an_error_is_explained_and_nothing_else() {
    let explained: BTreeSet<String> = hactl::cli::explanations().unwrap().into_iter().map(|known| known.code).collect();
    let (mut used, mut words) = (BTreeSet::new(), BTreeSet::new());
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used, &mut words);
    assert!(used.len() > 100, "only {} codes were found", used.len());
    let unexplained: Vec<&String> =
        used.difference(&explained).filter(|word| !NO_CODES.contains(&word.as_str())).collect();
    assert!(unexplained.is_empty(), "without an entry in playbooks/explanations: {unexplained:?}");
    let is_exit = |code: &str| code.parse::<u8>().is_ok();
    let unused: Vec<&String> = explained.difference(&words).filter(|code| !is_exit(code)).collect();
    assert!(unused.is_empty(), "explained, and used nowhere: {unused:?}");
}

#[test]
fn no_code_is_explained_twice() {
    let mut seen = BTreeSet::new();
    for known in hactl::cli::explanations().unwrap() {
        assert!(seen.insert(known.code.clone()), "{} is explained twice", known.code);
        assert!(!known.title.ends_with('.') && known.text.len() > 40, "{}", known.code);
    }
}

/// Collects the codes that the files below `folder` use, and all words in them that could be one.
fn read(folder: &Path, used: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_owned();
        if path.ends_with("src/lab") {
            // What goes wrong with the lab itself has no code: it is the words of nobody's cluster.
            continue;
        }
        if path.is_dir() {
            read(&path, used, words);
        } else if ending == "sh" {
            shell(&fs::read_to_string(&path).unwrap(), used, words);
        } else if ending == "rs" && path.file_stem().is_none_or(|name| name != "tests") {
            rust(&fs::read_to_string(&path).unwrap(), used, words);
        }
    }
}

fn shell(text: &str, used: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
    for before in ["hactl_fail ", "hactl_cannot ", "hactl_lock_fail "] {
        let codes = text.split(before).skip(1).filter_map(|rest| rest.split_whitespace().next());
        for code in codes.filter(|word| is_word(word)) {
            used.insert(code.to_owned());
            words.insert(code.to_owned());
        }
    }
}

fn rust(text: &str, used: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = lines.join("\n");
    let pieces: Vec<&str> = code.split('"').collect();
    for pair in pieces.windows(2).filter(|pair| is_word(pair[1])) {
        let (before, word): (String, _) = (pair[0].split_whitespace().collect(), pair[1].to_owned());
        let named = ["::new(", "Finding::error(", "Finding::warning(", "code:"].iter().any(|end| before.ends_with(end))
            || before
                .rsplit_once("Rung::")
                .is_some_and(|(_, rest)| rest.ends_with(',') && is_word(rest.trim_end_matches(',')));
        // A code that goes the way of a tuple, or of a branch, is known by its dash.
        let passed = word.contains('-') && before.ends_with(['(', '{', '>']);
        if is_code(&word) && (named || passed && !word.contains(|c: char| c.is_ascii_uppercase())) {
            used.insert(word.clone());
        }
        words.insert(word);
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// A word with a dash, the one word of an internal error, or the number of a rule.
fn is_code(word: &str) -> bool {
    let rule = word.len() == 3 && word.starts_with(|c: char| c.is_ascii_uppercase());
    let dashed = word.contains('-') && word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.ends_with('-');
    dashed || rule || matches!(word, "locked" | "internal" | "interrupted" | "unreachable")
}
