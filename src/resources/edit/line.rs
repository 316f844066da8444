//! A single line of a file, such as a setting of `sysctl.conf`.

use zeroize::Zeroizing;

use super::lines::{Line as Found, append, lines, splice};
use super::shown::masked_line;
use super::{Edit, EditError, Edited};

/// A line that should be in a file, or not. Blanks around it do not count when it is looked for.
#[derive(Debug, Clone)]
pub struct Line {
    wanted: String,
    prefix: Option<String>,
    absent: bool,
}

impl Line {
    /// The file should hold this line. Where it is missing, it is appended.
    pub fn new(wanted: impl Into<String>) -> Self {
        Self { wanted: wanted.into(), prefix: None, absent: false }
    }

    /// It takes the place of the one line that begins with `prefix`, blanks before it aside, and keeps that line's indent.
    #[must_use]
    pub fn replacing(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// The file should not hold this line; with [`Self::replacing`], no line that begins with the prefix.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    fn is_wanted(&self, line: &Found<'_>) -> bool {
        line.content.trim() == self.wanted.trim()
    }

    /// The lines that the prefix names: at most one.
    fn named<'t>(&self, all: &[Found<'t>]) -> Result<Option<Found<'t>>, EditError> {
        let Some(prefix) = &self.prefix else { return Ok(None) };
        let begins = |line: &&Found<'_>| line.content.trim_start().starts_with(prefix.as_str());
        let found: Vec<_> = all.iter().filter(begins).collect();
        if found.len() < 2 {
            return Ok(found.first().map(|line| (*line).clone()));
        }
        let numbers = all.iter().enumerate().filter(|(_, line)| begins(line));
        let numbers: Vec<_> = numbers.map(|(index, _)| (index + 1).to_string()).collect();
        Err(EditError {
            code: "line-not-unique",
            cause: format!("lines {} all begin with `{prefix}`", numbers.join(", ")),
            hint: Some("leave the one that counts and remove the others".to_owned()),
        })
    }

    fn removed(&self, text: &str) -> Result<Edited, EditError> {
        let all = lines(text);
        let named = self.named(&all)?;
        let mut edited = Zeroizing::new(text.to_owned());
        let mut changes = Vec::new();
        for line in all.iter().rev() {
            if named.as_ref() == Some(line) || (self.prefix.is_none() && self.is_wanted(line)) {
                edited = splice(&edited, line.range(), "");
                changes.push(format!("line `{}`: removed", masked_line(line.content)));
            }
        }
        changes.reverse();
        Ok(Edited { text: edited, changes })
    }
}

impl Edit for Line {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        if self.wanted.contains(['\n', '\r']) || (self.wanted.trim().is_empty() && self.prefix.is_none()) {
            return Err(EditError {
                code: "unfit-value",
                cause: "the wanted line is empty, or more than one line".to_owned(),
                hint: Some("want one line at a time".to_owned()),
            });
        }
        if self.absent {
            return self.removed(text);
        }
        let all = lines(text);
        let shown = masked_line(&self.wanted);
        let (edited, change) = match self.named(&all)? {
            Some(line) if self.is_wanted(&line) => return Ok(unchanged(text)),
            Some(line) => {
                let start = line.start + line.indent().len();
                let edited = splice(text, start..line.content_range().end, self.wanted.trim_start());
                let old = masked_line(line.content);
                let what = if old == shown {
                    "changed in a part that is not shown".to_owned()
                } else {
                    format!("was `{old}`")
                };
                (edited, format!("line `{shown}`: {what}"))
            }
            None if all.iter().any(|line| self.is_wanted(line)) => return Ok(unchanged(text)),
            None => (append(text, &[&self.wanted]), format!("line `{shown}`: added")),
        };
        Ok(Edited { text: edited, changes: vec![change] })
    }
}

/// The text as it was.
fn unchanged(text: &str) -> Edited {
    Edited { text: Zeroizing::new(text.to_owned()), changes: Vec::new() }
}
