//! `Host` and `Match`: does what follows hold for the name? Pure.

use super::super::Query;
use super::super::error::{UserConfigError, syntax, unsupported};
use super::super::settings::{Setting, Settings};
use super::super::tokens::Here;
use crate::transport::known_hosts::matches;

/// What a condition can look at.
pub(super) struct Seen<'a> {
    /// What the lines before it have set.
    pub(super) set: &'a Settings,
    pub(super) query: &'a Query,
    pub(super) here: &'a Here,
}

/// `Host PATTERN…`: one of them must match, and none of the negated ones.
pub(super) fn host(patterns: &[String], name: &str) -> bool {
    any(patterns.iter().map(String::as_str), name)
}

/// `Match CRITERION…`: all of them must hold.
pub(super) fn matched(words: &[String], seen: &Seen<'_>, place: &str) -> Result<bool, UserConfigError> {
    // `host=a` is the same as `host a`.
    let words: Vec<&str> = words
        .iter()
        .flat_map(|word| match word.split_once('=') {
            Some((criterion, value)) if criterion.chars().all(|c| c.is_ascii_alphabetic() || c == '!') => {
                vec![criterion, value]
            }
            _ => vec![word.as_str()],
        })
        .collect();
    if words.is_empty() {
        return Err(syntax(place, "Match has no condition"));
    }
    let mut holds = true;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (negated, criterion) = word.strip_prefix('!').map_or((false, word), |criterion| (true, criterion));
        let criterion = criterion.to_ascii_lowercase();
        if criterion == "all" {
            holds &= !negated;
            continue;
        }
        if criterion == "canonical" || criterion == "final" {
            // Only a second reading of the files, which is not made here, would know.
            if holds {
                return Err(beyond(place, &criterion));
            }
            continue;
        }
        let Some(value) = words.next() else {
            return Err(syntax(place, &format!("Match {criterion} has no value")));
        };
        let fits = match criterion.as_str() {
            "host" => any(value.to_lowercase().split(','), &seen.address().to_lowercase()),
            "originalhost" => any(value.to_lowercase().split(','), &seen.query.name.to_lowercase()),
            "user" => any(value.split(','), &seen.user()),
            "localuser" => any(value.split(','), &seen.here.user),
            // What no longer matters need not be judged.
            _ if !holds => continue,
            other => return Err(beyond(place, other)),
        };
        holds &= fits != negated;
    }
    Ok(holds)
}

fn beyond(place: &str, criterion: &str) -> UserConfigError {
    unsupported(
        &format!("Match {criterion} ({place})"),
        "only OpenSSH's client can judge it, and there is no `ssh` on this machine",
    )
}

fn any<'a>(patterns: impl Iterator<Item = &'a str>, text: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated.as_bytes(), text.as_bytes()) => return false,
            Some(_) => {}
            None => matched |= matches(pattern.as_bytes(), text.as_bytes()),
        }
    }
    matched
}

impl Seen<'_> {
    /// The address, as far as it is known by now.
    fn address(&self) -> String {
        let set = self.set.first("hostname").map(Setting::text);
        set.map_or_else(|| self.query.name.clone(), |address| address.replace("%h", &self.query.name))
    }

    /// The user, as far as he is known by now.
    fn user(&self) -> String {
        let settled = self.query.user.clone().or_else(|| self.set.first("user").map(Setting::text));
        settled.unwrap_or_else(|| self.here.user.clone())
    }
}
