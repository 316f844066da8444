//! A value that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value. It has no `Display`, no `Serialize` and no `Clone`; it is shared by `Arc` and wiped when dropped.
#[derive(PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the value over.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, for the place that hands it to a host or a server.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Another secret made from this one, such as its form in a URL or in XML.
    pub fn map(&self, change: impl FnOnce(&str) -> String) -> Self {
        Self::new(change(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Some(Secret::new("poison".into()))), "Some(Secret(..))");
    }
}
