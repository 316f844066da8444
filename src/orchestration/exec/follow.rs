//! A log that is followed: its script, and how far it was shown, so that a new connection goes on there.

use bytes::Bytes;

use super::text_of;
use crate::model::{Script, quote};

/// Shell that follows a log.
const FOLLOW: &str = include_str!("follow.sh");

/// What begins a line about the place in a file; no log holds it before the nonce.
const SEPARATOR: u8 = 0x1e;

/// The longest of such lines, behind its nonce: two numbers.
const LONGEST: usize = 64;

/// A log on a host that is followed.
pub(super) struct Follow {
    /// Its path, or a pattern.
    pub(super) name: String,
    /// Shell that sets `hactl_log` to the file, or to nothing.
    pub(super) newest: String,
    /// How many of its last lines are shown first.
    pub(super) lines: u32,
    /// What the host's lines about places begin with.
    pub(super) nonce: String,
}

/// A place in a file of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The file's number.
    inode: u64,
    /// How many bytes of it were shown.
    offset: u64,
}

impl Follow {
    pub(super) fn new(name: &str, newest: String, lines: u32) -> Self {
        let nonce = format!("hactl-{:032x}", rand::random::<u128>());
        Self { name: name.to_owned(), newest, lines, nonce }
    }

    /// The script: from the last lines on, or from where somebody has left.
    pub(super) fn text(&self, seen: Option<Place>) -> Bytes {
        let mut script = Script::new();
        script.line(&format!("hactl_nonce={} hactl_name={}", self.nonce, quote(&self.name)));
        script.line(FOLLOW);
        script.line(&format!("hactl_newest() {{\n{}\n}}", self.newest));
        script.line(&match seen {
            Some(Place { inode, offset }) => format!("hactl_follow - {inode} {offset}"),
            None => format!("hactl_follow {}", self.lines),
        });
        text_of(&script)
    }
}

/// What a host shows of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Bytes of it.
    Bytes(Vec<u8>),
    /// Another file begins, or goes on.
    Turned,
    /// Something may be missing here.
    Missed,
}

/// Takes the lines about places out of what a host shows, and counts.
pub(super) struct Places {
    mark: Vec<u8>,
    held: Vec<u8>,
    seen: Option<Place>,
}

impl Places {
    pub(super) fn new(nonce: &str) -> Self {
        Self { mark: [&[SEPARATOR], nonce.as_bytes(), b" "].concat(), held: Vec::new(), seen: None }
    }

    /// Up to where it was shown; `None` before anything was.
    pub(super) fn seen(&self) -> Option<Place> {
        self.seen
    }

    /// So many bytes were not shown, and are past.
    pub(super) fn passed(&mut self, bytes: u64) {
        if let Some(seen) = &mut self.seen {
            seen.offset += bytes;
        }
    }

    /// A connection is over: what was held back of a line never comes.
    pub(super) fn broke_off(&mut self) {
        self.held.clear();
    }

    /// Takes a piece, cut anywhere.
    pub(super) fn take(&mut self, data: &[u8]) -> Vec<Shown> {
        self.held.extend_from_slice(data);
        let mut shown = Vec::new();
        while let Some(at) = self.held.iter().position(|byte| *byte == SEPARATOR) {
            self.show(at, &mut shown);
            let common = self.held.len().min(self.mark.len());
            if self.held[..common] != self.mark[..common] {
                // One of the log's own.
                self.show(1, &mut shown);
                continue;
            }
            let line = self.held.get(self.mark.len()..).unwrap_or_default();
            let Some(end) = line.iter().take(LONGEST).position(|byte| *byte == b'\n') else {
                if line.len() >= LONGEST {
                    self.show(1, &mut shown);
                    continue;
                }
                return shown;
            };
            let words = String::from_utf8_lossy(&line[..end]).into_owned();
            self.held.drain(..self.mark.len() + end + 1);
            let mut numbers = words.split(' ').map(str::parse);
            match (words.as_str(), numbers.next(), numbers.next()) {
                ("missed", ..) => shown.push(Shown::Missed),
                (_, Some(Ok(inode)), Some(Ok(offset))) => {
                    self.seen = Some(Place { inode, offset });
                    shown.push(Shown::Turned);
                }
                _ => {}
            }
        }
        self.show(self.held.len(), &mut shown);
        shown
    }

    fn show(&mut self, bytes: usize, shown: &mut Vec<Shown>) {
        if bytes == 0 {
            return;
        }
        self.passed(bytes as u64);
        let rest = self.held.split_off(bytes);
        let some = std::mem::replace(&mut self.held, rest);
        match shown.last_mut() {
            Some(Shown::Bytes(before)) => before.extend(some),
            _ => shown.push(Shown::Bytes(some)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_about_places_are_taken_out_and_the_rest_is_counted_however_it_is_cut() {
        let text = b"\x1eN 7 100\nfirst\nhalf\x1e of\x1eN it\n\x1eN missed\n\x1eN 8 0\nnew\n\x1eN";
        for size in 1..text.len() {
            let mut places = Places::new("N");
            let mut bytes = Vec::new();
            let mut turns = Vec::new();
            for shown in text.chunks(size).flat_map(|piece| places.take(piece)) {
                match shown {
                    Shown::Bytes(some) => bytes.extend(some),
                    other => turns.push((bytes.len(), other)),
                }
            }
            assert_eq!(bytes, b"first\nhalf\x1e ofnew\n", "pieces of {size}");
            assert_eq!(turns, [(0, Shown::Turned), (14, Shown::Missed), (14, Shown::Turned)], "pieces of {size}");
            assert_eq!(places.seen(), Some(Place { inode: 8, offset: 4 }), "pieces of {size}");
            places.broke_off();
            assert_eq!(places.take(b"x"), [Shown::Bytes(b"x".to_vec())]);
        }
    }
}
