//! What is masked in a document.

use crate::sshd::me;

/// One line without times, keys, and what the machine says of itself.
pub(super) fn masked(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = line.trim_end();
    let indent = rest.len() - rest.trim_start().len();
    rest = rest.trim_start();
    for word in rest.split(' ').filter(|word| !word.is_empty()) {
        let number = words.last().is_some_and(|last| last.parse::<f64>().is_ok());
        if ["ms", "s"].contains(&word) && number {
            words.pop();
            words.push("TIME".to_owned());
        } else if word.starts_with("SHA256:") {
            words.push("SHA256:KEY".to_owned());
        } else {
            words.push(user(word));
        }
    }
    let mut text = format!("{}{}", " ".repeat(indent), words.join(" "));
    // Which rung is the slowest is the machine's business; and what is behind sh, and what the resolver says. A machine
    // with IPv6 has two addresses of its own.
    text = after(&text.replace("TIME ::1, 127.0.0.1", "TIME 127.0.0.1"), "    name lookup TIME ", "127.0.0.1");
    text = between(&text, "slowest: ", " TIME", "RUNG");
    text = after(&text, "    shell TIME ", "SH");
    between(&text, "cannot be looked up: ", " [", "WHY")
}

/// The user of the tests, and root, who may be the same.
fn user(word: &str) -> String {
    let name = word.split('@').next().unwrap_or_default().trim_matches([';', ',', '`', '\'']);
    if name == me() || name == "root" { word.replacen(name, "ME", 1) } else { word.to_owned() }
}

fn between(text: &str, begin: &str, end: &str, mask: &str) -> String {
    let found = text.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    found.map_or_else(|| text.to_owned(), |(before, rest)| format!("{before}{begin}{mask}{end}{rest}"))
}

/// A short word alone.
fn after(text: &str, begin: &str, mask: &str) -> String {
    match text.strip_prefix(begin) {
        Some(rest) if !rest.contains(' ') => format!("{begin}{mask}"),
        _ => text.to_owned(),
    }
}
