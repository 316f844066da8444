//! Lines that keep their ends, for the editors that work by line and for new lines in the others.

use std::ops::Range;

use zeroize::Zeroizing;

/// The mark that some Windows editors put before a UTF-8 text. It belongs to no line.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// One line of a text: where it is, with and without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Where its content begins.
    pub(super) start: usize,
    /// The content, without its end.
    pub(super) content: &'t str,
    /// `\n`, `\r\n`, or nothing at the end of a text without a final newline.
    pub(super) end: &'static str,
}

impl Line<'_> {
    /// The bytes of the content.
    pub(super) fn content_range(&self) -> Range<usize> {
        self.start..self.start + self.content.len()
    }

    /// The bytes of the whole line with its end.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.content.len() + self.end.len()
    }

    /// The blanks and tabs it begins with.
    pub(super) fn indent(&self) -> &str {
        let rest = self.content.trim_start_matches([' ', '\t']);
        self.content.get(..self.content.len() - rest.len()).unwrap_or_default()
    }
}

/// The lines of a text. Joined again, with the byte order mark if there was one, they are the text.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut start = text.len() - body.len();
    let line = |raw| {
        let (content, end) = without_end(raw);
        let line = Line { start, content, end };
        start += raw.len();
        line
    };
    body.split_inclusive('\n').map(line).collect()
}

fn without_end(raw: &str) -> (&str, &'static str) {
    if let Some(content) = raw.strip_suffix("\r\n") {
        (content, "\r\n")
    } else if let Some(content) = raw.strip_suffix('\n') {
        (content, "\n")
    } else {
        (raw, "")
    }
}

/// How most lines of a text end; `\n` where none does or both are as many.
pub(super) fn line_end(text: &str) -> &'static str {
    let crlf = text.matches("\r\n").count();
    if crlf * 2 > text.matches('\n').count() { "\r\n" } else { "\n" }
}

/// The text with `range` replaced. Its buffer is never grown, so that no copy with a secret is left in memory.
pub(super) fn splice(text: &str, range: Range<usize>, with: &str) -> Zeroizing<String> {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let mut spliced = Zeroizing::new(String::with_capacity(before.len() + with.len() + after.len()));
    for part in [before, with, after] {
        spliced.push_str(part);
    }
    spliced
}

/// The text with new lines at its end. A text without a final newline gets them on lines of their own and has none
/// afterwards either.
pub(super) fn append(text: &str, new: &[&str]) -> Zeroizing<String> {
    let end = line_end(text);
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut added = Zeroizing::new(String::with_capacity(new.iter().map(|line| line.len() + 2).sum()));
    let open = !body.is_empty() && !body.ends_with('\n');
    for line in new {
        if open {
            added.push_str(end);
        }
        added.push_str(line);
        if !open {
            added.push_str(end);
        }
    }
    splice(text, text.len()..text.len(), &added)
}

/// Line and column of a byte, both from 1; the column counts characters.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let before = before.strip_prefix(BYTE_ORDER_MARK).unwrap_or(before);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_knows_its_own_end() {
        let text = "\u{feff}a\r\n\tb\nc";
        let found = lines(text);
        let ends: Vec<_> = found.iter().map(|line| (line.content, line.end)).collect();
        assert_eq!(ends, [("a", "\r\n"), ("\tb", "\n"), ("c", "")]);
        assert_eq!(found.iter().map(|line| &text[line.range()]).collect::<String>(), &text[3..]);
        assert_eq!(found[1].indent(), "\t");
    }

    #[test]
    fn the_majority_decides_about_new_line_ends() {
        assert_eq!(line_end("a\r\nb\r\nc\n"), "\r\n");
        assert_eq!(line_end("a\r\nb\n"), "\n");
        assert_eq!(line_end(""), "\n");
    }

    #[test]
    fn a_text_without_a_final_newline_has_none_after_an_append() {
        assert_eq!(*append("a", &["b"]), "a\nb");
        assert_eq!(*append("a\r\n", &["b", "c"]), "a\r\nb\r\nc\r\n");
        assert_eq!(*append("\u{feff}", &["b"]), "\u{feff}b\n");
    }

    #[test]
    fn columns_count_characters_and_not_the_byte_order_mark() {
        assert_eq!(position("\u{feff}é=", 5), (1, 2));
        assert_eq!(position("a\r\nbc", 4), (2, 2));
    }
}
