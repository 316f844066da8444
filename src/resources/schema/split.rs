//! The statements of a schema script, as the database's own client would tell them apart.

use crate::model::profile::Separator;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its text, without comments and without what ends it.
    pub(super) text: String,
    /// The line on which it begins.
    pub(super) line: usize,
    /// Its words outside quotes, in capitals, and its brackets and commas: what the text is told by.
    pub(super) words: Vec<String>,
}

impl Statement {
    /// Does it begin with these words?
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len() && self.words.iter().zip(words).all(|(own, word)| own == word)
    }
}

/// Splits a script.
pub(super) fn split(script: &str, separator: Separator) -> Vec<Statement> {
    let mut splitter = Splitter {
        rest: script,
        separator,
        delimiter: ";".to_owned(),
        line: 1,
        at_start_of_line: true,
        depth: 0,
        now: Statement { text: String::new(), line: 1, words: Vec::new() },
        word: String::new(),
        found: Vec::new(),
    };
    while splitter.step() {}
    splitter.end();
    splitter.found
}

struct Splitter<'s> {
    rest: &'s str,
    separator: Separator,
    /// What `DELIMITER` has set.
    delimiter: String,
    line: usize,
    at_start_of_line: bool,
    /// How many `BEGIN` and `CASE` are open.
    depth: usize,
    now: Statement,
    word: String,
    found: Vec<Statement>,
}

impl Splitter<'_> {
    /// Takes the next piece of the script; false at its end.
    fn step(&mut self) -> bool {
        if std::mem::take(&mut self.at_start_of_line) && self.take_line_of_its_own() {
            return true;
        }
        let Some(next) = self.rest.chars().next() else { return false };
        if self.takes_comment() || self.takes_end() {
            return true;
        }
        if let Some(length) = self.quoted() {
            self.take(length);
            return true;
        }
        if is_word(next) {
            self.word.push(next.to_ascii_uppercase());
        } else {
            self.end_word();
            if matches!(next, '(' | ')' | ',' | '.') {
                self.now.words.push(next.to_string());
            }
        }
        self.take(next.len_utf8());
        true
    }

    /// A line that is a word to the client and not to the database.
    fn take_line_of_its_own(&mut self) -> bool {
        let line = self.rest.lines().next().unwrap_or_default();
        let word = line.trim();
        let mut parts = word.split_whitespace();
        let first = parts.next().unwrap_or_default();
        match self.separator {
            Separator::Semicolon if first.eq_ignore_ascii_case("delimiter") => {
                if let Some(delimiter) = parts.next() {
                    delimiter.clone_into(&mut self.delimiter);
                }
            }
            Separator::Go if first.eq_ignore_ascii_case("go") && parts.next().is_none() => {
                self.depth = 0;
                self.end();
            }
            _ => return false,
        }
        self.skip(line.len());
        true
    }

    fn takes_comment(&mut self) -> bool {
        let to_the_end_of_the_line =
            self.rest.starts_with("--") || (self.rest.starts_with('#') && self.is_client_word());
        if to_the_end_of_the_line {
            self.end_word();
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.skip(length);
            return true;
        }
        // `/*!` holds what MySQL runs, `/*+` what Oracle minds.
        if self.rest.starts_with("/*") && !self.rest.starts_with("/*!") && !self.rest.starts_with("/*+") {
            self.end_word();
            let length = self.rest[2..].find("*/").map_or(self.rest.len(), |at| at + 4);
            if !self.now.text.is_empty() {
                self.now.text.push(' ');
            }
            self.skip(length);
            return true;
        }
        false
    }

    /// `#` begins a comment for MySQL only; elsewhere it is part of a name.
    fn is_client_word(&self) -> bool {
        self.separator == Separator::Semicolon && self.word.is_empty()
    }

    /// Does a statement end here?
    fn takes_end(&mut self) -> bool {
        let length = match self.separator {
            Separator::Semicolon => self.rest.starts_with(self.delimiter.as_str()).then_some(self.delimiter.len()),
            // Oracle writes the slash on a line of its own, DB2 at the end of a line.
            Separator::Slash if self.rest.starts_with('/') => {
                let behind = self.rest[1..].split('\n').next().unwrap_or_default();
                behind.trim().is_empty().then_some(1)
            }
            Separator::Slash => (self.rest.starts_with(';') && !self.is_block()).then_some(1),
            Separator::Go => (self.rest.starts_with(';') && self.is_outside()).then_some(1),
        };
        let Some(length) = length else { return false };
        self.end();
        self.skip(length);
        true
    }

    /// A block of a stored program has semicolons of its own.
    fn is_block(&mut self) -> bool {
        self.end_word();
        let mut words = self.now.words.iter().map(String::as_str);
        match words.next() {
            Some("BEGIN" | "DECLARE") => true,
            Some("CREATE") => {
                let kind = words.find(|word| !matches!(*word, "OR" | "REPLACE" | "EDITIONABLE" | "NONEDITIONABLE"));
                matches!(kind, Some("TRIGGER" | "FUNCTION" | "PROCEDURE" | "PACKAGE" | "TYPE"))
            }
            _ => false,
        }
    }

    fn is_outside(&mut self) -> bool {
        self.end_word();
        self.depth == 0
    }

    /// How long what is quoted here is, with its quotes.
    fn quoted(&mut self) -> Option<usize> {
        let rest = self.rest;
        let first = rest.chars().next()?;
        let end = match first {
            '\'' | '"' | '`' => closing(rest, first, self.separator == Separator::Semicolon),
            '[' if self.separator == Separator::Go => rest.find(']').map_or(rest.len(), |at| at + 1),
            '$' if self.separator == Separator::Semicolon && self.word.is_empty() => {
                let tag = rest[1..].find('$').map(|at| &rest[..at + 2]);
                let tag = tag.filter(|tag| tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_'))?;
                rest[tag.len()..].find(tag).map_or(rest.len(), |at| at + 2 * tag.len())
            }
            _ => return None,
        };
        self.end_word();
        // A quoted name counts as a word; a text doesn't.
        if matches!(first, '"' | '`' | '[') {
            let name = rest[..end].trim_matches(['"', '`', '[', ']']);
            self.now.words.push(name.to_uppercase());
        }
        Some(end)
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        match word.as_str() {
            "BEGIN" | "CASE" => self.depth += 1,
            "END" => self.depth = self.depth.saturating_sub(1),
            // `BEGIN TRANSACTION` opens nothing that an `END` closes.
            "TRAN" | "TRANSACTION" if self.now.words.last().is_some_and(|last| last == "BEGIN") => {
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.now.words.push(word);
    }

    fn end(&mut self) {
        self.end_word();
        self.depth = 0;
        let mut statement =
            std::mem::replace(&mut self.now, Statement { text: String::new(), line: self.line, words: Vec::new() });
        let text = statement.text.trim();
        if !text.is_empty() {
            statement.text = text.to_owned();
            self.found.push(statement);
        }
    }

    fn take(&mut self, length: usize) {
        let piece = &self.rest[..length];
        if self.now.text.is_empty() {
            if piece.chars().all(char::is_whitespace) {
                self.skip(length);
                return;
            }
            self.now.line = self.line;
        }
        self.now.text.push_str(piece);
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        let (piece, rest) = self.rest.split_at(length);
        self.line += piece.matches('\n').count();
        self.at_start_of_line = piece.ends_with('\n');
        self.rest = rest;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '@')
}

/// How long a quoted text is. A doubled quote is part of it; so is one behind a backslash, for MySQL.
fn closing(text: &str, quote: char, backslash: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash {
            chars.next();
        } else if c == quote {
            if chars.peek().is_none_or(|(_, next)| *next != quote) {
                return at + c.len_utf8();
            }
            chars.next();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
