//! Which parts of an inventory must not be shown, even when the inventory is wrong.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::schema::keys;
use super::tree::{Entry, Kind, Node, parse};

/// Words that say that a value is secret, whatever stands around them in a key.
const SECRET_WORDS: [&str; 8] = ["pass", "secret", "token", "credential", "pwd", "private", "apikey", "accesskey"];

/// Keys of secrets, so that a slip in one of them does not show what it holds.
const SECRET_KEYS: [&str; 5] = ["password", "passphrase", "secretkey", "accesskey", "encryptionkey"];

/// The keys of a secret source.
pub(super) const SOURCES: [&str; 4] = ["env", "file", "command", "vault"];

/// Does a key of this name hold a secret, as far as its name tells?
pub fn looks_secret(key: &str) -> bool {
    let squeezed: String = key.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_WORDS.iter().any(|word| squeezed.contains(word))
        || SECRET_KEYS.iter().any(|key| strsim::damerau_levenshtein(key, &squeezed) <= 2)
}

/// Does a text speak of a secret, such as a comment or a URL with `password=` in it?
pub fn mentions_secret(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    looks_secret(text) || words.any(looks_secret) || has_credentials(text)
}

/// Does a URL carry a password, as `?password=…` or `//user:password@`?
pub(super) fn has_credentials(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    if lower.contains("password=") || lower.contains("pwd=") {
        return true;
    }
    let authority = lower.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', ';']).next().unwrap_or("");
    // Oracle's own form is jdbc:oracle:thin:user/password@//host.
    authority.split_once('@').is_some_and(|(user, _)| user.contains(':'))
        || lower.split_once('@').is_some_and(|(before, _)| before.starts_with("jdbc:oracle:") && before.contains('/'))
}

/// The byte ranges of a line that may hold a secret when nobody knows what the line means: everything but punctuation and
/// the inventory's own keys.
pub fn hidden_words(line: &str) -> Vec<(usize, usize)> {
    let mark = |c: char| c.is_ascii_whitespace() || ":{}[],\"'#|>&*!%@`".contains(c);
    let mut ranges = Vec::new();
    let mut start = 0;
    for word in line.split(mark) {
        if !word.is_empty() && word != "-" && word != "---" && !is_known(word) {
            ranges.push((start, start + word.len()));
        }
        // Every mark is one byte long.
        start += word.len() + 1;
    }
    ranges
}

/// The byte ranges of `text` that hold a secret or may hold one, sorted.
pub fn hidden_ranges(text: &str) -> Vec<(usize, usize)> {
    let parsed = parse(text);
    let mut ranges = parsed.hidden;
    for document in &parsed.documents {
        collect(document, false, &mut ranges);
    }
    anchors_beside(text, &mut ranges);
    ranges.sort_unstable();
    ranges
}

/// Adds the names of anchors on lines that hide something: a slip of the finger makes one of the secret itself.
fn anchors_beside(text: &str, ranges: &mut Vec<(usize, usize)>) {
    let hides = |start: usize, end: usize| ranges.iter().any(|(first, stop)| *first < end && start < *stop);
    let (mut found, mut start) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        for (at, _) in line.match_indices('&').filter(|_| hides(start, start + line.len())) {
            let name = line[at + 1..].find(|c: char| c.is_whitespace() || ",[]{}".contains(c));
            found.push((start + at + 1, start + name.map_or(line.len(), |length| at + 1 + length)));
        }
        start += line.len();
    }
    ranges.extend(found);
}

/// The byte ranges of any YAML text whose keys, or what they hold, speak of a secret; sorted.
pub fn hidden_by_name(text: &str) -> Vec<(usize, usize)> {
    fn walk(node: &Node, secret: bool, ranges: &mut Vec<(usize, usize)>) {
        match &node.kind {
            Kind::Scalar { text, .. } if secret || has_credentials(text) => {
                ranges.push((node.span.start, node.span.end));
            }
            Kind::Scalar { .. } => {}
            Kind::Sequence(items) => items.iter().for_each(|item| walk(item, secret, ranges)),
            Kind::Mapping(entries) => {
                entries.iter().for_each(|entry| walk(&entry.value, secret || looks_secret(&entry.key), ranges));
            }
        }
    }
    let parsed = parse(text);
    let mut ranges = parsed.hidden;
    parsed.documents.iter().for_each(|document| walk(document, false, &mut ranges));
    ranges.sort_unstable();
    ranges
}

fn collect(node: &Node, secret: bool, ranges: &mut Vec<(usize, usize)>) {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            let fused = text.contains(char::is_whitespace) && mentions_secret(text);
            if secret || fused || has_credentials(text) {
                ranges.push((node.span.start, node.span.end));
            }
        }
        Kind::Sequence(items) => items.iter().for_each(|item| collect(item, secret, ranges)),
        Kind::Mapping(entries) => {
            let source = matches!(entries.as_slice(), [only] if SOURCES.contains(&only.key.as_str()));
            for entry in entries {
                let here = match (entry.key.as_str(), &entry.value.kind) {
                    ("vault", Kind::Scalar { text, .. }) => !text.trim_start().starts_with("$ANSIBLE_VAULT"),
                    ("vault", _) => false,
                    ("env", Kind::Scalar { text, .. }) if secret && source => !is_variable(text),
                    // What stands behind a key that is not known may be anything, such as half of a password.
                    (_, Kind::Scalar { .. } | Kind::Sequence(_)) if !is_known(&entry.key) => true,
                    // The private key of the balancer, which somebody may paste here.
                    ("key", _) => true,
                    _ => (secret && !source) || looks_secret(&entry.key) || is_suspicious(entry),
                };
                // In a secret's place only a source may be shown; any other key may be the secret itself.
                if secret && !SOURCES.contains(&entry.key.as_str()) || is_suspicious(entry) {
                    ranges.push((entry.key_span.start, entry.key_span.end));
                }
                // Between a secret's key and its value may stand an anchor, which is where a slip puts the value itself.
                let (first, stop) = (entry.key_span.end + 2, entry.value.span.end);
                if here && first < stop && !matches!(entry.value.kind, Kind::Mapping(_)) {
                    ranges.push((first, stop));
                }
                collect(&entry.value, here, ranges);
            }
        }
    }
}

/// Is this a key of the inventory, in whatever place?
fn is_known(word: &str) -> bool {
    static KNOWN: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    let last = |(path, _): &'static (String, _)| path.rsplit('.').next().unwrap_or(path);
    KNOWN.get_or_init(|| keys().iter().map(last).chain(SOURCES).chain(["<<"]).collect()).contains(word)
}

/// Is this key no word, or a word without a colon: perhaps a secret that a slip made a key?
pub(super) fn is_suspicious(entry: &Entry) -> bool {
    let key = entry.key.as_str();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let bare = entry.bare && !is_known(key);
    bare || matches!(key, "" | "~" | "null") || !key.chars().all(word) && mentions_secret(key)
}

/// Can this be the name of an environment variable?
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
