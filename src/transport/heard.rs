//! What another machine has said, made fit for a message.

/// How many characters of it are shown.
const SHOWN: usize = 300;

/// The same where a program may say more than one line.
const LINES: usize = 2000;

/// On one line, without anything that a terminal would obey, and not longer than a message may be. The beginning is
/// kept; what is left out is shown as dots.
pub fn heard(said: &str) -> String {
    let signs = said.trim().chars().filter(|sign| *sign != '\r');
    let mut shown: String = signs.map(harmless).take(SHOWN + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// What a program has said, line by line: its end tells more than its beginning.
pub(super) fn heard_lines(said: &str) -> String {
    let said = said.trim();
    let end = match said.char_indices().rev().nth(LINES) {
        Some((begin, first)) => said.get(begin + first.len_utf8()..).unwrap_or_default(),
        None => said,
    };
    let shown = end.chars().filter(|sign| *sign != '\r');
    shown.map(|sign| if sign == '\n' { sign } else { harmless(sign) }).collect()
}

/// The lines of what a program has said, as one.
pub(super) fn heard_as_one(said: &str) -> String {
    let lines: Vec<String> = said.lines().map(heard).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

fn harmless(sign: char) -> char {
    match sign {
        '\n' | '\t' => ' ',
        // Signs that change the direction of writing make a line read otherwise than it is.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        sign if sign.is_control() => '?',
        sign => sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(heard(" a\x1b]0;title\x07\nb\r\n"), "a?]0;title? b");
        assert_eq!(heard("user\u{202e}txt"), "user?txt");
        assert_eq!(heard_lines("one\r\n\x1b[2Jtwo\n"), "one\n?[2Jtwo");
        assert_eq!(heard_as_one("one\r\n\n \x1b[2Jtwo\n"), "one; ?[2Jtwo");
    }

    #[test]
    fn it_is_never_long() {
        let long = format!("begin{}end", "ä".repeat(5000));
        let (first, last) = (heard(&long), heard_lines(&long));
        assert!(first.starts_with("begin") && first.ends_with('…') && first.chars().count() == SHOWN + 1);
        assert!(last.ends_with("end") && last.chars().count() == LINES);
        assert_eq!(heard(&"x".repeat(SHOWN)), "x".repeat(SHOWN));
    }
}
