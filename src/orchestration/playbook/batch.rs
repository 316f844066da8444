//! How many hosts at once.

use std::fmt;
use std::str::FromStr;

/// How many hosts are worked on before the next ones are begun: a number, or a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// So many hosts; at least one.
    Hosts(usize),
    /// So many of a hundred; 1 to 100.
    Percent(u8),
}

/// The text is no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a batch: write a number of hosts, such as 1, or a share of them, such as 25%")]
pub struct BatchError(String);

impl Batch {
    /// The number of hosts, of so many in all. A share is rounded down, so that it is never exceeded; but one is begun.
    pub fn size(self, of: usize) -> usize {
        match self {
            Self::Hosts(hosts) => hosts,
            Self::Percent(percent) => (of * usize::from(percent) / 100).max(1),
        }
    }
}

impl FromStr for Batch {
    type Err = BatchError;

    fn from_str(text: &str) -> Result<Self, BatchError> {
        let batch = match text.strip_suffix('%') {
            Some(share) => share.parse().ok().filter(|share| (1..=100).contains(share)).map(Self::Percent),
            None => text.parse().ok().filter(|hosts| *hosts > 0).map(Self::Hosts),
        };
        batch.ok_or_else(|| BatchError(text.to_owned()))
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(hosts) => write!(f, "{hosts}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_exceeded_but_one_host_is_always_begun() {
        let size = |text: &str, of| text.parse::<Batch>().unwrap().size(of);
        assert_eq!((size("25%", 10), size("25%", 3), size("100%", 7), size("3", 2)), (2, 1, 7, 3));
        for odd in ["0", "0%", "101%", "-1", "all", "", "%", "1.5"] {
            assert!(odd.parse::<Batch>().is_err(), "{odd}");
        }
    }
}
