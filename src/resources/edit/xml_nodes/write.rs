//! Spells values in XML.

use zeroize::Zeroizing;

use crate::resources::edit::EditError;

/// A value between tags. With `ascii`, everything else becomes a character reference.
pub(super) fn text(value: &str, ascii: bool) -> Zeroizing<String> {
    escaped(value, ascii, |c| matches!(c, '&' | '<' | '>' | '\r'))
}

/// A value between these quotes. A reader would turn bare line ends and tabs into blanks.
pub(super) fn attribute(value: &str, quote: char, ascii: bool) -> Zeroizing<String> {
    escaped(value, ascii, |c| matches!(c, '&' | '<' | '>' | '\r' | '\n' | '\t') || c == quote)
}

fn escaped(value: &str, ascii: bool, needs_escape: impl Fn(char) -> bool) -> Zeroizing<String> {
    // Ten bytes are the longest escape of a character: the buffer never grows.
    let mut spelled = Zeroizing::new(String::with_capacity(value.chars().count() * 10));
    for c in value.chars() {
        match c {
            c if !needs_escape(c) && (c.is_ascii() || !ascii) => spelled.push(c),
            '&' => spelled.push_str("&amp;"),
            '<' => spelled.push_str("&lt;"),
            '>' => spelled.push_str("&gt;"),
            '"' => spelled.push_str("&quot;"),
            '\'' => spelled.push_str("&apos;"),
            c => spelled.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    spelled
}

/// Refuses a value with a character that XML cannot hold in any spelling.
///
/// # Errors
/// When it has one; the value itself is not named.
pub(super) fn check(what: &str, value: &str) -> Result<(), EditError> {
    // https://www.w3.org/TR/xml/#charsets
    let is_bad =
        |c: &char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    match value.chars().find(is_bad) {
        None => Ok(()),
        Some(c) => Err(EditError {
            code: "unfit-value",
            cause: format!("the value of {what} holds U+{:04X}, which XML cannot hold", u32::from(c)),
            hint: Some("take the control character out of the value".to_owned()),
        }),
    }
}
