//! Bytes that come in pieces, made into lines that hold no secret. Pure.

use std::sync::Arc;

use crate::model::Redactor;

/// A longer line is told in pieces of this many bytes.
pub const LONGEST_LINE: usize = 16 * 1024;

/// How the last line of a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// With a newline, which is part of the text.
    Newline,
    /// Not at all: the line is too long, and goes on in the next text.
    Cut,
    /// Not yet: nothing came for a while, as behind a question.
    Pause,
    /// Not at all: nothing more comes.
    Close,
}

/// One line or more, without secrets. All lines but the last end with a newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The bytes, as the host printed them apart from secrets.
    pub bytes: Vec<u8>,
    /// How the last line ends.
    pub end: LineEnd,
}

/// Makes lines of one stream of a host.
pub struct Lines {
    redactor: Arc<Redactor>,
    /// The beginning of a line that has not ended yet.
    held: Vec<u8>,
}

impl Lines {
    /// Lines from which these secrets are taken out, wherever the pieces are cut.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: Vec::new() }
    }

    /// Takes a piece, and tells what is whole by it.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Text> {
        let mut texts = Vec::new();
        let whole = piece.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole > 0 {
            self.held.extend_from_slice(&piece[..whole]);
            let lines = self.redactor.clean_bytes(std::mem::take(&mut self.held));
            cut_lines(lines, &mut texts);
        }
        self.held.extend_from_slice(&piece[whole..]);
        let sure = LONGEST_LINE + self.redactor.longest();
        while self.held.len() > sure {
            // What spans the cut is seen whole by now, and goes with the rest; a secret that is longer than a line does not.
            let at = match self.redactor.before_secret(&self.held, LONGEST_LINE) {
                0 => sure,
                at => at,
            };
            let rest = self.held.split_off(at);
            let bytes = self.redactor.clean_bytes(std::mem::replace(&mut self.held, rest));
            texts.push(Text { bytes, end: LineEnd::Cut });
        }
        texts
    }

    /// Nothing came for a while: tells the beginning of a line, but for what may be the beginning of a secret.
    pub fn pause(&mut self) -> Option<Text> {
        let kept = self.redactor.begun(&self.held);
        let rest = self.held.split_off(self.held.len() - kept);
        let told = std::mem::replace(&mut self.held, rest);
        (!told.is_empty()).then(|| Text { bytes: self.redactor.clean_bytes(told), end: LineEnd::Pause })
    }

    /// Nothing more comes.
    pub fn close(&mut self) -> Option<Text> {
        let last = std::mem::take(&mut self.held);
        (!last.is_empty()).then(|| Text { bytes: self.redactor.clean_bytes(last), end: LineEnd::Close })
    }
}

/// Whole lines as one text, or as several where one of them is too long.
fn cut_lines(mut lines: Vec<u8>, texts: &mut Vec<Text>) {
    while let Some(at) = too_long(&lines) {
        let rest = lines.split_off(at);
        texts.push(Text { bytes: std::mem::replace(&mut lines, rest), end: LineEnd::Cut });
    }
    texts.push(Text { bytes: lines, end: LineEnd::Newline });
}

/// Where the first line that is too long is to be cut.
fn too_long(lines: &[u8]) -> Option<usize> {
    let mut begin = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        // The newline does not count.
        if line.len() > LONGEST_LINE + 1 {
            return Some(begin + LONGEST_LINE);
        }
        begin += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Secret;

    fn redactor(secrets: &[&str]) -> Arc<Redactor> {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect();
        Arc::new(Redactor::new(secrets.iter()))
    }

    fn told(pieces: &[&[u8]], secrets: &[&str], with_pauses: bool) -> Vec<Text> {
        let mut lines = Lines::new(redactor(secrets));
        let mut texts = Vec::new();
        for piece in pieces {
            texts.extend(lines.push(piece));
            if with_pauses {
                texts.extend(lines.pause());
            }
        }
        texts.extend(lines.close());
        texts
    }

    /// Each line by itself, with how it ends.
    fn single(texts: &[Text]) -> Vec<(Vec<u8>, LineEnd)> {
        let mut all = Vec::new();
        for text in texts {
            let lines: Vec<&[u8]> = text.bytes.split_inclusive(|byte| *byte == b'\n').collect();
            for (index, line) in lines.iter().enumerate() {
                let end = if index + 1 == lines.len() { text.end } else { LineEnd::Newline };
                all.push((line.to_vec(), end));
            }
        }
        all
    }

    fn bytes(texts: &[Text]) -> Vec<u8> {
        texts.iter().flat_map(|text| text.bytes.clone()).collect()
    }

    #[test]
    fn a_line_is_told_when_it_is_whole_and_the_last_one_at_the_end() {
        let mut lines = Lines::new(redactor(&[]));
        assert_eq!(lines.push(b"one\ntw"), [Text { bytes: b"one\n".to_vec(), end: LineEnd::Newline }]);
        assert_eq!(lines.push(b"o"), []);
        assert_eq!(lines.pause(), Some(Text { bytes: b"two".to_vec(), end: LineEnd::Pause }));
        assert_eq!((lines.pause(), lines.close()), (None, None));
        assert_eq!(lines.push(b"three"), []);
        assert_eq!(lines.close(), Some(Text { bytes: b"three".to_vec(), end: LineEnd::Close }));
    }

    #[test]
    fn a_secret_is_taken_out_wherever_it_is_cut() {
        let secret = "poison-in-the-well";
        for cut in 0..secret.len() {
            let (before, after) = secret.split_at(cut);
            for with_pauses in [false, true] {
                let texts = told(&[b"a ", before.as_bytes(), after.as_bytes(), b" z\n"], &[secret], with_pauses);
                assert_eq!(String::from_utf8(bytes(&texts)).unwrap(), "a [redacted] z\n", "cut at {cut}");
            }
        }
        // At the place where a line that is too long is cut.
        for place in LONGEST_LINE - 40..LONGEST_LINE + 5 {
            let line = format!("{}{secret}{}", "x".repeat(place), "y".repeat(50_000));
            let pieces: Vec<&[u8]> = line.as_bytes().chunks(1000).collect();
            let shown = String::from_utf8(bytes(&told(&pieces, &[secret], false))).unwrap();
            assert_eq!(shown, line.replace(secret, "[redacted]"), "at {place}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_make_no_difference(
            text in proptest::collection::vec(prop_oneof![9 => Just(b'a'), 2 => Just(b'\n'), 1 => any::<u8>()], 0..400),
            longer in proptest::collection::vec(0usize..3 * LONGEST_LINE, 0..3),
            cuts in proptest::collection::vec(1usize..50_000, 1..9),
        ) {
            let mut text = text;
            for length in longer {
                text.extend(std::iter::repeat_n(b'l', length));
                text.push(b'\n');
            }
            text.extend_from_slice(b"end");
            let whole = told(&[&text], &[], false);
            let mut pieces = Vec::new();
            let mut rest = text.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at(rest.len().min(*cut));
                pieces.push(piece);
                rest = more;
            }
            let torn = told(&pieces, &[], false);
            prop_assert_eq!(bytes(&torn), text.clone(), "no byte is lost or added");
            prop_assert_eq!(single(&torn), single(&whole));
            for (line, end) in single(&torn) {
                prop_assert!(line.len() <= LONGEST_LINE + 1);
                prop_assert_eq!(end == LineEnd::Newline, line.ends_with(b"\n"));
            }
            prop_assert_eq!(bytes(&told(&pieces, &[], true)), text, "nor by a pause");
        }

        #[test]
        fn no_secret_is_told_whatever_is_around_it(
            parts in proptest::collection::vec(prop_oneof![
                Just("secret-1234".to_owned()), Just("sec".to_owned()), Just("\n".to_owned()), "[a-z\u{e4}]{0,9}"
            ], 0..40),
            size in 1usize..30,
        ) {
            let text = parts.concat();
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            for with_pauses in [false, true] {
                let shown = bytes(&told(&pieces, &["secret-1234"], with_pauses));
                prop_assert_eq!(String::from_utf8(shown).unwrap(), text.replace("secret-1234", "[redacted]"));
            }
        }
    }
}
