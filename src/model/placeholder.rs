//! Texts with places for values, written `${NAME}`, that take the values in the form that the text around them wants.

/// What a text is, so that a value that is put into it can't be taken for a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// XML: `&`, `<`, `>` and quotes are written as entities.
    Xml,
    /// Inside a JSON string.
    Json,
    /// `application/x-www-form-urlencoded`, or a part of a URL.
    Url,
}

impl Form {
    /// The form of a body with this content type.
    pub fn of(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Self::Url,
            kind if kind.ends_with("xml") => Self::Xml,
            kind if kind.ends_with("json") => Self::Json,
            _ => Self::Plain,
        }
    }

    /// A value as it is written here.
    pub fn write(self, value: &str) -> String {
        match self {
            Self::Plain => value.to_owned(),
            Self::Xml => {
                let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                text.replace('"', "&quot;").replace('\'', "&apos;")
            }
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
            }
            Self::Url => {
                let byte = |byte: u8| match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                    _ => format!("%{byte:02X}"),
                };
                value.bytes().map(byte).collect()
            }
        }
    }
}

/// The names of the places in a text, in order; the name of one that is not closed is empty.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).map(|piece| piece.split_once('}').map_or("", |(name, _)| name))
}

/// The text with a value in each of its places. What is put in is not looked at again.
///
/// # Errors
/// The name of the first place that there is no value for.
pub fn fill<V: AsRef<str>>(text: &str, form: Form, value: impl Fn(&str) -> Option<V>) -> Result<String, String> {
    let mut pieces = text.split("${");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').ok_or_else(String::new)?;
        let value = value(name).ok_or_else(|| name.to_owned())?;
        filled += &form.write(value.as_ref());
        filled += rest;
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_not_be_taken_for_a_part_of_the_text() {
        let value = |name: &str| (name == "p").then_some(r#"a&<b>"'\ ${p}é"#);
        for (form, expected) in [
            (Form::Plain, r#"[a&<b>"'\ ${p}é]"#),
            (Form::Xml, r#"[a&amp;&lt;b&gt;&quot;&apos;\ ${p}é]"#),
            (Form::Json, r#"[a&<b>\"'\\ ${p}é]"#),
            (Form::Url, "[a%26%3Cb%3E%22%27%5C%20%24%7Bp%7D%C3%A9]"),
        ] {
            assert_eq!(fill("[${p}]", form, value), Ok(expected.to_owned()));
        }
        assert_eq!(fill("${p}${q}", Form::Plain, value), Err("q".to_owned()));
        assert_eq!(fill("${p", Form::Plain, value), Err(String::new()));
        assert_eq!(placeholders("a${b}${c.d}$e${f").collect::<Vec<_>>(), ["b", "c.d", ""]);
    }

    #[test]
    fn the_form_follows_from_the_content_type() {
        assert_eq!(Form::of("text/xml; charset=UTF-8"), Form::Xml);
        assert_eq!(Form::of("application/soap+xml"), Form::Xml);
        assert_eq!(Form::of("application/scim+json"), Form::Json);
        assert_eq!(Form::of("application/x-www-form-urlencoded"), Form::Url);
        assert_eq!(Form::of("text/plain"), Form::Plain);
    }
}
