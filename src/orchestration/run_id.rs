//! The name of a run: it sorts by time, and two runs never share it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

/// A ULID: 48 bits of time and 80 random bits in Crockford's base 32.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RunId(String);

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RunId {
    /// A new name.
    pub fn new() -> Self {
        let time = u128::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
        let random: u128 = rand::random();
        Self::from_bits((time << 80) | (random & ((1 << 80) - 1)))
    }

    fn from_bits(bits: u128) -> Self {
        let digit = |place: u32| char::from(DIGITS[((bits >> (place * 5)) & 31) as usize]);
        Self((0..26).rev().map(digit).collect())
    }

    /// The name as text: 26 letters and digits, safe in a file's name and in a shell.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is not the name of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a run: 26 letters and digits, as `hactl runs` lists them")]
pub struct RunIdError(String);

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let upper = text.to_ascii_uppercase();
        let ok = upper.len() == 26 && upper.bytes().all(|byte| DIGITS.contains(&byte));
        if ok { Ok(Self(upper)) } else { Err(RunIdError(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_runs_sort_after_earlier_ones() {
        let (early, late) = (RunId::from_bits(1 << 80), RunId::from_bits(2 << 80));
        assert!(early < late);
        assert_eq!(early.as_str().len(), 26);
        assert_eq!(early.as_str().to_lowercase().parse(), Ok(early));
        assert!("../../etc/passwd__________".parse::<RunId>().is_err());
    }
}
