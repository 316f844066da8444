//! How a text is written into `deployment.toml` so that the product reads it back as it is.
//!
//! The product's mapper takes a value through three hands before a server reads it: references such as `$ref{key}` are
//! resolved, the value is copied into a template, and the template's engine looks at the result once more for its own
//! `{{ … }}`. None of them escapes anything. So what a hand would take for its own, and what is not plain ASCII (one of
//! the templates declares another encoding than it is written in), is written as a reference of the final format.

use std::sync::Arc;

use crate::model::Secret;
use crate::resources::edit::Value;

/// Why a text can't be carried to the product; says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Uncarried {
    /// XML 1.0 has no way to write this character.
    #[error("it holds the control character U+{0:04X}, which XML can't carry")]
    Control(u32),
    /// The server itself replaces this when it starts, entities or not.
    #[error("it holds `${{…}}`, which the server takes for the name of a system property when it starts")]
    SystemProperty,
}

/// A text that ends up in an XML file.
pub(super) fn xml(text: &str) -> Result<Value, Uncarried> {
    in_xml(text).map(Value::Text)
}

/// A secret that ends up in an XML file.
pub(super) fn secret(secret: &Secret) -> Result<Value, Uncarried> {
    literal(secret.expose())?;
    let spelled = in_xml(secret.expose())?;
    Ok(Value::Secret(Arc::new(Secret::new(spelled))))
}

/// Refuses a text that the server would replace parts of.
pub(super) fn literal(text: &str) -> Result<(), Uncarried> {
    let named = text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'));
    if named { Err(Uncarried::SystemProperty) } else { Ok(()) }
}

fn in_xml(text: &str) -> Result<String, Uncarried> {
    let mut spelled = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '&' => spelled += "&amp;",
            '<' => spelled += "&lt;",
            '>' => spelled += "&gt;",
            '"' => spelled += "&quot;",
            '\'' => spelled += "&apos;",
            '\t' | '\n' | '\r' => spelled += &format!("&#{};", u32::from(c)),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => return Err(Uncarried::Control(u32::from(c))),
            ' '..='~' if !is_taken(&text[at..]) => spelled.push(c),
            _ => spelled += &format!("&#{};", u32::from(c)),
        }
    }
    Ok(spelled)
}

/// A text that ends up as a value in a Java properties file.
pub(super) fn properties(text: &str) -> Value {
    let mut spelled = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' => spelled += "\\\\",
            ' '..='~' if !(is_taken(&text[at..]) || c == ' ' && at == 0) => spelled.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    spelled += &format!("\\u{unit:04x}");
                }
            }
        }
    }
    Value::Text(spelled)
}

/// Does something begin here that the mapper or its template engine takes for its own?
fn is_taken(text: &str) -> bool {
    match text.as_bytes() {
        [b'{', b'{' | b'%' | b'#', ..] => true,
        [b'$', rest @ ..] => {
            let word = rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
            word > 0 && rest.get(word) == Some(&b'{')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        in_xml(text).unwrap()
    }

    #[test]
    fn what_xml_takes_for_its_own_is_written_as_entities() {
        assert_eq!(spelled(r#"a&<>"'\$"#), r"a&amp;&lt;&gt;&quot;&apos;\$");
        assert_eq!(spelled("tab\tend"), "tab&#9;end");
        assert_eq!(in_xml("\u{1}"), Err(Uncarried::Control(1)));
    }

    #[test]
    fn what_the_mapper_takes_for_its_own_is_written_as_a_character_reference() {
        assert_eq!(spelled("$ref{a.b} $secret{x} $1 $x"), "&#36;ref{a.b} &#36;secret{x} $1 $x");
        assert_eq!(spelled("{{ x }} {% if %} {x}"), "&#123;{ x }} &#123;% if %} {x}");
        assert_eq!(properties("{{a}} $env{B} \\"), Value::Text("\\u007b{a}} \\u0024env{B} \\\\".into()));
    }

    #[test]
    fn other_alphabets_do_not_depend_on_the_encoding_of_a_template() {
        assert_eq!(spelled("é€"), "&#233;&#8364;");
        assert_eq!(properties("é"), Value::Text("\\u00e9".into()));
    }

    #[test]
    fn a_secret_with_a_system_property_is_refused_without_being_shown() {
        let error = secret(&Secret::new("poison${user.home}".into())).unwrap_err();
        assert!(!error.to_string().contains("poison"), "{error}");
        assert!(secret(&Secret::new("$5 {a} ${b".into())).is_ok());
    }
}
