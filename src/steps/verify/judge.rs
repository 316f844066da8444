//! Is this the right answer?

use crate::model::inventory::Expect;

/// How many characters of a wrong answer are shown.
const SHOWN: usize = 400;

/// An answer, as far as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The status code.
    pub status: u16,
    /// Where it sends us.
    pub location: Option<&'a str>,
    /// The body, as far as it was read.
    pub body: &'a [u8],
    /// Was the body longer than what was read?
    pub truncated: bool,
}

/// Judges an answer: the status alone says nothing, since a node that is about to stop answers 200 with an empty body.
///
/// # Errors
/// What is wrong with it, as the end of the sentence “is-1 answered …”.
pub fn judge(expect: &Expect, said: &Said<'_>) -> Result<(), String> {
    let holds = contains(said.body, expect.contains.as_bytes());
    if said.status == expect.status && holds {
        return Ok(());
    }
    let mut words = match said.location {
        Some(location) if said.status != expect.status => format!("{} to {}", said.status, shown(location)),
        _ => said.status.to_string(),
    };
    if said.status != expect.status {
        words += &format!(" instead of {}", expect.status);
    }
    if !holds {
        words += &format!(" without `{}`", shown(&expect.contains));
    }
    let text = String::from_utf8_lossy(said.body);
    Err(match text.trim() {
        "" => format!("{words}, with an empty body"),
        text if said.truncated => format!("{words}; its first {} bytes begin with `{}`", said.body.len(), shown(text)),
        text => format!("{words}: `{}`", shown(text)),
    })
}

/// Does the body hold these bytes?
pub(super) fn contains(body: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || body.windows(wanted.len()).any(|window| window == wanted)
}

/// The beginning of a text, on one line, without control characters.
fn shown(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut words = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(at);
        words += "…";
    }
    words
}
