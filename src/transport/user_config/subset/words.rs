//! The lines of an ssh_config, and the words on them. Pure.

/// The keyword of a line, in lower case, and what stands behind it; `None` for comments and empty lines. `=` may stand
/// between the two.
pub(in super::super) fn line(text: &str) -> Option<(String, &str)> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let (keyword, rest) = match text.strip_prefix('"').and_then(|text| text.split_once('"')) {
        Some(quoted) => quoted,
        None => text.split_at(text.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(text.len())),
    };
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    Some((keyword.to_ascii_lowercase(), rest))
}

/// The words behind a keyword. Quotes of both kinds keep blanks together, a backslash takes the meaning from a quote,
/// from a blank outside of quotes and from another backslash, and a word that begins with `#` begins a comment.
pub(in super::super) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), letter) if letter == open => quote = None,
            (_, '\\') => {
                let meant =
                    letters.next_if(|next| matches!(next, '"' | '\'' | '\\') || (quote.is_none() && *next == ' '));
                word.get_or_insert_default().push(meant.unwrap_or('\\'));
            }
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_keyword_and_the_rest() {
        for (text, expected) in [
            ("  Host  a b ", Some(("host", "a b"))),
            ("Port=22", Some(("port", "22"))),
            ("Port = 22", Some(("port", "22"))),
            ("\"User\" me", Some(("user", "me"))),
            ("\tUSER\tme", Some(("user", "me"))),
            ("# Host a", None),
            ("   ", None),
            ("Host", Some(("host", ""))),
        ] {
            let found = line(text);
            assert_eq!(found.as_ref().map(|(keyword, rest)| (keyword.as_str(), *rest)), expected, "{text}");
        }
    }

    #[test]
    fn words_are_split_as_openssh_splits_them() {
        for (text, expected) in [
            ("a b\tc", Ok(vec!["a", "b", "c"])),
            ("\"a b\" c", Ok(vec!["a b", "c"])),
            ("'a \"b' c", Ok(vec!["a \"b", "c"])),
            ("a\\ b", Ok(vec!["a b"])),
            ("\"a\\\"b\"", Ok(vec!["a\"b"])),
            ("a\\b", Ok(vec!["a\\b"])),
            ("a # b", Ok(vec!["a"])),
            ("a#b", Ok(vec!["a#b"])),
            ("\"\"", Ok(vec![""])),
            ("", Ok(vec![])),
            ("\"a", Err("a quote is not closed")),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
