//! Where a call's own output begins. What comes before is the login shell's, or of what a server runs in its place.

use std::borrow::Cow;

use crate::model::Script;

/// What a call's script prints first, on both streams. It stands in the script in two parts: whatever prints the script
/// itself has not run it.
const MARK: (&str, &str) = ("hactl_begins_here", "8d1f06c2a5e94b7b");

/// How much of what comes before is kept.
const KEPT: usize = 16 * 1024;

/// The script, with its mark before it.
pub(super) fn marked(script: &Script) -> Script {
    let (first, second) = MARK;
    let mut marked = Script::new();
    marked.line(&format!("printf '%s-%s\\n' {first} {second}; printf '%s-%s\\n' {first} {second} >&2"));
    marked.append(script);
    marked
}

/// One stream of a call.
#[derive(Default)]
pub(super) struct Begin {
    begun: bool,
    before: Vec<u8>,
}

impl Begin {
    /// Takes a piece; returns what of it is the call's own.
    pub(super) fn own<'d>(&mut self, data: &'d [u8]) -> Cow<'d, [u8]> {
        if self.begun {
            return Cow::Borrowed(data);
        }
        self.before.extend_from_slice(data);
        let mark = format!("{}-{}\n", MARK.0, MARK.1);
        match self.before.windows(mark.len()).position(|window| window == mark.as_bytes()) {
            Some(at) => {
                self.begun = true;
                Cow::Owned(std::mem::take(&mut self.before).split_off(at + mark.len()))
            }
            None => {
                self.before.drain(..self.before.len().saturating_sub(KEPT));
                Cow::Borrowed(&[])
            }
        }
    }

    /// The mark was lost with what nobody has read.
    pub(super) fn was_missed(&mut self) {
        self.begun = true;
    }

    /// Has the script said that it runs?
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// What came before, the end of it.
    pub(super) fn into_before(self) -> Vec<u8> {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_the_mark_is_not_the_call_s_in_whatever_pieces_it_comes() {
        let text = b"motd hactl_begins_\nhactl_begins_here-8d1f06c2a5e94b7b\nhactl_begins_here-8d1f06c2a5e94b7b\nout";
        for size in 1..40 {
            let mut stream = Begin::default();
            let own: Vec<u8> = text.chunks(size).flat_map(|piece| stream.own(piece).into_owned()).collect();
            assert_eq!(own, b"hactl_begins_here-8d1f06c2a5e94b7b\nout", "pieces of {size}");
        }
    }

    #[test]
    fn a_script_that_is_only_printed_has_not_begun() {
        let mut stream = Begin::default();
        let script = marked(&Script::new());
        assert!(stream.own(script.text().as_bytes()).is_empty() && !stream.has_begun());
        assert!(stream.own(&[b'x'; 3 * KEPT]).is_empty());
        assert_eq!(stream.into_before().len(), KEPT);
    }
}
