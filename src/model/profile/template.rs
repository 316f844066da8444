//! Texts with placeholders.

use serde::{Deserialize, Serialize};

/// A text with placeholders such as `{host}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(String);

impl Template {
    /// The text as it stands in the profile.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of its placeholders, in order; the name of one that is not closed is empty.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        let pieces = self.0.split('{').skip(1);
        pieces.map(|piece| piece.split_once('}').map_or("", |(name, _)| name))
    }

    /// The text with every `{name}` replaced. What is put in is not looked at again.
    pub fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut pieces = self.0.split('{');
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
            filled += values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
            filled += rest;
        }
        filled
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let template = Template::from("jdbc:x://{host}:{port}/{name};a=b");
        assert_eq!(template.placeholders().collect::<Vec<_>>(), ["host", "port", "name"]);
        let filled = template.fill(&[("host", "{port}"), ("port", "1"), ("name", "n")]);
        assert_eq!(filled, "jdbc:x://{port}:1/n;a=b");
    }
}
