//! Reads `.properties` as `java.util.Properties` does.

use std::ops::Range;

use crate::resources::edit::lines::BYTE_ORDER_MARK;

/// One key and its value, and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Key and value as Java holds them, in UTF-16: an escape may be half of a character.
    pub(super) key: Vec<u16>,
    pub(super) value: Vec<u16>,
    /// Its lines, with the end of the last one.
    pub(super) lines: Range<usize>,
    /// What lies between key and value.
    pub(super) separator: Range<usize>,
    /// From behind the separator to the end of its last line, without that line's end.
    pub(super) value_range: Range<usize>,
    /// Does the text end in the middle of it, so that a new line would continue it?
    pub(super) is_open: bool,
}

/// A `\u` that is not followed by four hexadecimal digits: where it is. Java refuses the whole file then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadEscape(pub(super) usize);

/// A character of a logical line, and where it begins and ends.
type Place = (char, Range<usize>);

/// The entries of a text, in its order.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, BadEscape> {
    let mut scanner =
        Scanner { text, at: if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 } };
    let mut found = Vec::new();
    while scanner.peek().is_some() {
        let start = scanner.at;
        scanner.skip_blanks();
        match scanner.peek() {
            Some('#' | '!') => scanner.skip_line(),
            Some('\n' | '\r') => scanner.skip_end(),
            None => {}
            Some(_) => found.push(entry(&mut scanner, start)?),
        }
    }
    Ok(found)
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn skip(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.skip();
        }
    }

    /// A line ends with `\n`, `\r\n`, or `\r` alone.
    fn skip_end(&mut self) {
        if self.peek() == Some('\r') {
            self.skip();
            if self.peek() != Some('\n') {
                return;
            }
        }
        self.skip();
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
            self.skip();
        }
        self.skip_end();
    }

    /// The rest of a logical line, its continuations joined; and whether the text ends in the middle of it.
    fn logical_line(&mut self) -> (Vec<Place>, bool) {
        let mut line = Vec::new();
        let mut is_open = false;
        while let Some(c) = self.peek().filter(|c| *c != '\n' && *c != '\r') {
            let start = self.at;
            self.skip();
            is_open = false;
            if c != '\\' {
                line.push((c, start..self.at));
                continue;
            }
            match self.peek() {
                None => is_open = true,
                Some('\n' | '\r') => {
                    self.skip_end();
                    self.skip_blanks();
                    is_open = self.peek().is_none();
                }
                Some(escaped) => {
                    line.push((c, start..self.at));
                    let start = self.at;
                    self.skip();
                    line.push((escaped, start..self.at));
                }
            }
        }
        (line, is_open)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

fn entry(scanner: &mut Scanner<'_>, start: usize) -> Result<Entry, BadEscape> {
    let first = scanner.at;
    let (line, is_open) = scanner.logical_line();
    let end = scanner.at;
    scanner.skip_end();
    let mut key_end = 0;
    while let Some((c, _)) = line.get(key_end).filter(|(c, _)| !is_blank(*c) && *c != '=' && *c != ':') {
        key_end += if *c == '\\' { 2 } else { 1 };
    }
    let key_end = key_end.min(line.len());
    let after =
        |from: usize, wanted: fn(char) -> bool| line.iter().skip(from).take_while(|(c, _)| wanted(*c)).count() + from;
    let mut value_start = after(key_end, is_blank);
    if line.get(value_start).is_some_and(|(c, _)| *c == '=' || *c == ':') {
        value_start = after(value_start + 1, is_blank);
    }
    let end_of = |count: usize| match count.checked_sub(1).and_then(|index| line.get(index)) {
        Some((_, range)) => range.end,
        None => first,
    };
    let (key, value) = line.split_at(value_start);
    Ok(Entry {
        key: decoded(key.get(..key_end).unwrap_or_default())?,
        value: decoded(value)?,
        lines: start..scanner.at,
        separator: end_of(key_end)..end_of(value_start),
        value_range: end_of(value_start)..end,
        is_open,
    })
}

/// What Java holds for these characters.
fn decoded(places: &[Place]) -> Result<Vec<u16>, BadEscape> {
    let mut units = Vec::new();
    let mut rest = places.iter();
    while let Some((c, range)) = rest.next() {
        match c {
            '\\' => match rest.next().map(|(c, _)| *c) {
                Some('u') => units.push(unit(&mut rest).ok_or(BadEscape(range.start))?),
                Some('t') => units.push(0x9),
                Some('n') => units.push(0xa),
                Some('r') => units.push(0xd),
                Some('f') => units.push(0xc),
                Some(other) => push_raw(&mut units, other),
                None => {}
            },
            c => push_raw(&mut units, *c),
        }
    }
    Ok(units)
}

/// A character that is not escaped. Java reads property files as ISO-8859-1, so one outside ASCII becomes as many
/// characters as it has bytes.
fn push_raw(units: &mut Vec<u16>, c: char) {
    let mut buffer = [0; 4];
    units.extend(c.encode_utf8(&mut buffer).bytes().map(u16::from));
}

fn unit<'p>(rest: &mut impl Iterator<Item = &'p Place>) -> Option<u16> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = rest.next()?.0.to_digit(16)?;
        unit = unit * 16 + u16::try_from(digit).ok()?;
    }
    Some(unit)
}
