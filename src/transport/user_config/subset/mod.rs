//! The part of ssh_config(5) that hactl reads by itself where OpenSSH's client is not there. Pure.
//!
//! `Host` with patterns and negation; `Match` with `all`, `host`, `originalhost`, `user` and `localuser`; `Include` with
//! wildcards; quotes and comments. What it cannot judge as OpenSSH would (`Match exec`, `final`, `canonical`, a keyword
//! that it does not know) is refused where it would matter, and nowhere else.

mod conditions;
pub(super) mod words;

use std::path::{Path, PathBuf};

use super::Query;
use super::error::{UserConfigError, syntax};
use super::keywords::{adds_up, is_command};
use super::settings::{Setting, Settings};
use super::tokens::Here;
use conditions::Seen;
use words::{line, split};

/// How deep files may include others; that of OpenSSH.
const DEPTH: usize = 16;

/// A file of an SSH configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// For messages.
    pub(super) name: String,
    /// Where the relative paths of its includes start from.
    pub(super) folder: PathBuf,
    pub(super) text: String,
}

/// Finds the files of an `Include`.
pub(super) type Include<'a> = &'a dyn Fn(&Path, &Path) -> Result<Vec<Source>, UserConfigError>;

/// What the files set for a name.
///
/// # Errors
/// When a line cannot be read, or a condition on the way cannot be judged.
pub(super) fn read(
    sources: &[Source],
    query: &Query,
    here: &Here,
    include: Include<'_>,
) -> Result<Settings, UserConfigError> {
    let mut reader = Reader { query, here, include, set: Settings::default() };
    for source in sources {
        reader.file(source, true, 0)?;
    }
    Ok(reader.set)
}

struct Reader<'a> {
    query: &'a Query,
    here: &'a Here,
    include: Include<'a>,
    set: Settings,
}

impl Reader<'_> {
    /// Reads one file. Where `holds` is false, it is included below a condition that does not hold.
    fn file(&mut self, source: &Source, holds: bool, depth: usize) -> Result<(), UserConfigError> {
        let mut active = holds;
        for (number, text) in (1..).zip(source.text.lines()) {
            let place = format!("{}:{number}", source.name);
            let Some((keyword, rest)) = line(text) else { continue };
            let values = || split(rest).map_err(|what| syntax(&place, what));
            match keyword.as_str() {
                "host" => active = conditions::host(&values()?, &self.query.name) && holds,
                "match" => {
                    let seen = Seen { set: &self.set, query: self.query, here: self.here };
                    active = holds && conditions::matched(&values()?, &seen, &place)?;
                }
                "include" => {
                    for pattern in values()? {
                        self.included(&pattern, source, active, depth, &place)?;
                    }
                }
                _ if active => {
                    let values = if is_command(&keyword) { vec![rest.to_owned()] } else { values()? };
                    if values.is_empty() {
                        return Err(syntax(&place, &format!("{keyword} has no value")));
                    }
                    self.take(keyword, values, place);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn included(
        &mut self,
        pattern: &str,
        source: &Source,
        active: bool,
        depth: usize,
        place: &str,
    ) -> Result<(), UserConfigError> {
        if depth >= DEPTH {
            return Err(syntax(place, "files include one another too deeply"));
        }
        let pattern = match (pattern.strip_prefix("~/"), &self.here.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => source.folder.join(pattern),
        };
        for file in (self.include)(&pattern, &source.folder)? {
            self.file(&file, active, depth + 1)?;
        }
        Ok(())
    }

    /// The first value of a keyword holds; some may stand several times.
    fn take(&mut self, keyword: String, values: Vec<String>, place: String) {
        // Either of the two ways to a host keeps the other from being set later.
        let way = |keyword: &str| ["proxyjump", "proxycommand"].contains(&keyword);
        let taken = |setting: &Setting| setting.keyword == keyword || way(&setting.keyword) && way(&keyword);
        if adds_up(&keyword) || !self.set.0.iter().any(taken) {
            self.set.0.push(Setting { keyword, values, place: Some(place) });
        }
    }
}
