//! Spells keys and values of `.properties` in pure ASCII, which every reader understands alike.

use zeroize::Zeroizing;

/// A key: blanks, separators and comment marks in it are escaped.
pub(super) fn key(name: &str) -> String {
    let mut spelled = String::new();
    for c in name.chars() {
        if matches!(c, ' ' | '=' | ':' | '#' | '!') {
            spelled.push('\\');
            spelled.push(c);
        } else {
            push(&mut spelled, c);
        }
    }
    spelled
}

/// A value, which may be a secret. Only what would be taken for a part of the separator, or not be seen at its end, is
/// escaped beyond need.
pub(super) fn value(text: &str) -> Zeroizing<String> {
    let mut spelled = Zeroizing::new(String::with_capacity(text.len() * 6));
    let last = text.chars().count().saturating_sub(1);
    for (index, c) in text.chars().enumerate() {
        let at_edge = (c == ' ' && (index == 0 || index == last)) || (index == 0 && (c == '=' || c == ':'));
        if at_edge {
            spelled.push('\\');
            spelled.push(c);
        } else {
            push(&mut spelled, c);
        }
    }
    spelled
}

fn push(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\u{c}' => out.push_str("\\f"),
        ' '..='~' => out.push(c),
        c => {
            let mut buffer = [0; 2];
            for unit in c.encode_utf16(&mut buffer) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}
