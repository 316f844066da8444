//! What the class on the host printed.

use std::collections::BTreeSet;

use base64ct::Encoding as _;

use super::login::Refusal;
use crate::resources::{AssessError, Seen, explain_failure};

/// What was found of one database.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// For each script in its order, the file that is there, and its text.
    pub(super) scripts: Vec<Option<(String, String)>>,
    /// The tables of the database, in capitals; or why it can't be entered.
    pub(super) tables: Option<Result<BTreeSet<String>, NoEntry>>,
    /// A script that is there and can't be read.
    pub(super) unreadable: Option<String>,
}

/// Why a database can't be entered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoEntry {
    /// The class of the driver is not among the jars.
    NoDriver,
    /// The driver or the server says so.
    Refused(Refusal),
}

impl Answer {
    /// Reads what was printed. Whatever broke off is an error, never an empty database.
    pub(super) fn read(seen: Seen<'_>) -> Result<Self, AssessError> {
        if seen.status != 0 {
            return Err(explain_failure("schema-cannot-look", seen.stderr, seen.status));
        }
        let text = String::from_utf8_lossy(seen.stdout);
        let (mut answer, mut tables) = (Self::default(), BTreeSet::new());
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["script"] => answer.scripts.push(None),
                ["script", path, text] => answer.scripts.push(decoded(path).zip(decoded(text))),
                ["unreadable", why] => {
                    answer.scripts.push(None);
                    answer.unreadable = decoded(why);
                }
                ["table", name] => tables.extend(decoded(name)),
                ["connected"] => answer.tables = Some(Ok(std::mem::take(&mut tables))),
                ["driver", ..] => answer.tables = Some(Err(NoEntry::NoDriver)),
                ["failed", state, number, said] => {
                    let state = decoded(state).unwrap_or_default();
                    let (number, said) = (number.parse().unwrap_or_default(), decoded(said).unwrap_or_default());
                    answer.tables = Some(Err(NoEntry::Refused(Refusal { state, number, said })));
                }
                // A driver may print what it likes.
                _ => {}
            }
        }
        match answer.tables {
            Some(_) => Ok(answer),
            None => Err(explain_failure("schema-cannot-look", seen.stderr, seen.status)),
        }
    }
}

fn decoded(word: &str) -> Option<String> {
    let bytes = base64ct::Base64::decode_vec(word).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
