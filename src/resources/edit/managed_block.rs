//! Lines between two marks, in a file that belongs to somebody else.

use zeroize::Zeroizing;

use super::lines::{Line, append, line_end, lines, position, splice};
use super::shown::masked_line;
use super::{Edit, EditError, Edited};

/// The lines between `# BEGIN hactl NAME` and `# END hactl NAME`; everything outside belongs to others.
///
/// A missing block is appended; one that should have no lines is removed with its marks.
#[derive(Debug, Clone)]
pub struct ManagedBlock {
    name: String,
    begin: String,
    end: String,
    wanted: Vec<String>,
}

impl ManagedBlock {
    /// The block `name`, its marks written behind `comment_prefix` (such as `#`), with these lines.
    pub fn new(
        name: impl Into<String>,
        comment_prefix: impl AsRef<str>,
        lines: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let (name, prefix) = (name.into(), comment_prefix.as_ref());
        Self {
            begin: format!("{prefix} BEGIN hactl {name}"),
            end: format!("{prefix} END hactl {name}"),
            name,
            wanted: lines.into_iter().map(Into::into).collect(),
        }
    }

    /// The indexes of the two marks; `None` when there is neither.
    fn marks(&self, text: &str, all: &[Line<'_>]) -> Result<Option<(usize, usize)>, EditError> {
        let places = |mark: &str| -> Vec<usize> {
            let is_mark = |(index, line): (usize, &Line<'_>)| (line.content.trim() == mark).then_some(index);
            all.iter().enumerate().filter_map(is_mark).collect()
        };
        let (begins, ends) = (places(&self.begin), places(&self.end));
        match (begins.as_slice(), ends.as_slice()) {
            ([], []) => Ok(None),
            ([begin], [end]) if begin < end => Ok(Some((*begin, *end))),
            _ => {
                let mut numbers: Vec<_> = begins.iter().chain(&ends).copied().collect();
                numbers.sort_unstable();
                let line = |index: &usize| all.get(*index).map_or(0, |line| position(text, line.start).0).to_string();
                let numbers: Vec<_> = numbers.iter().map(line).collect();
                Err(EditError {
                    code: "block-broken",
                    cause: format!(
                        "`{}` and `{}` should each be there once, in this order; found {} and {} of them (lines {})",
                        self.begin,
                        self.end,
                        begins.len(),
                        ends.len(),
                        numbers.join(", ")
                    ),
                    hint: Some("remove what is left of the block, with both marks; it is written anew".to_owned()),
                })
            }
        }
    }

    fn check(&self) -> Result<(), EditError> {
        let is_unfit = |line: &&String| {
            line.contains(['\n', '\r']) || [&self.begin, &self.end].into_iter().any(|mark| line.trim() == mark)
        };
        match self.wanted.iter().find(is_unfit) {
            None if !self.name.contains(['\n', '\r']) => Ok(()),
            _ => Err(EditError {
                code: "unfit-value",
                cause: format!("a line of the block `{}` is more than one line, or one of its marks", self.name),
                hint: Some("want one line at a time".to_owned()),
            }),
        }
    }

    fn added(&self, text: &str) -> Edited {
        let wanted = self.wanted.iter().map(String::as_str);
        let new: Vec<&str> = [self.begin.as_str()].into_iter().chain(wanted).chain([self.end.as_str()]).collect();
        Edited { text: append(text, &new), changes: self.wanted.iter().map(|line| self.change('+', line)).collect() }
    }

    fn change(&self, sign: char, line: &str) -> String {
        format!("block {}: {sign} {}", self.name, masked_line(line))
    }

    /// The lines of the plan: what goes and what comes, a line that stays in neither.
    fn changes(&self, held: &[&str]) -> Vec<String> {
        let gone = held.iter().filter(|line| !self.wanted.iter().any(|wanted| wanted == *line));
        let come = self.wanted.iter().filter(|line| !held.contains(&line.as_str()));
        let mut changes: Vec<_> = gone.map(|line| self.change('-', line)).collect();
        changes.extend(come.map(|line| self.change('+', line)));
        if changes.is_empty() {
            changes.push(format!("block {}: order or number of its lines", self.name));
        }
        changes
    }
}

impl Edit for ManagedBlock {
    fn apply(&self, text: &str) -> Result<Edited, EditError> {
        self.check()?;
        let all = lines(text);
        let unchanged = || Edited { text: Zeroizing::new(text.to_owned()), changes: Vec::new() };
        let Some((begin, end)) = self.marks(text, &all)? else {
            return Ok(if self.wanted.is_empty() { unchanged() } else { self.added(text) });
        };
        let between = all.get(begin + 1..end).unwrap_or_default();
        let held: Vec<&str> = between.iter().map(|line| line.content).collect();
        let (from, to) = (all.get(begin).map(Line::range), all.get(end).map(Line::range));
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        if self.wanted.is_empty() {
            let mut changes: Vec<_> = held.iter().map(|line| self.change('-', line)).collect();
            changes.push(format!("block {}: removed", self.name));
            return Ok(Edited { text: splice(text, from.start..to.end, ""), changes });
        }
        if held == self.wanted {
            return Ok(unchanged());
        }
        let new: String = self.wanted.iter().flat_map(|line| [line.as_str(), line_end(text)]).collect();
        Ok(Edited { text: splice(text, from.end..to.start, &new), changes: self.changes(&held) })
    }
}
