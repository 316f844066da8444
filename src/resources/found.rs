//! What the functions of `look.sh` printed about one path.

use std::fmt;

use super::{AssessError, Seen, explain_failure};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing.
    Absent,
    /// A file, or a link to one.
    File(FoundFile<'a>),
    /// A folder.
    Directory {
        /// Its mode in octal, such as `755`.
        mode: String,
        /// Its owner's name.
        owner: String,
    },
    /// A link that was looked at itself, with what it says.
    Link {
        /// The link's own text.
        target: String,
    },
    /// Something else: a device, a socket, a pipe, a link to nothing.
    Other(String),
}

/// A file and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile<'a> {
    /// Its mode in octal, such as `644`.
    pub mode: String,
    /// Its owner's name.
    pub owner: String,
    /// Its group's name.
    pub group: String,
    /// Its content, byte for byte.
    pub content: &'a [u8],
}

impl FoundFile<'_> {
    /// Both as chown takes them.
    pub(super) fn owner_and_group(&self) -> String {
        format!("{}:{}", self.owner, self.group)
    }
}

/// What is at a path, and what else the probe noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<'a> {
    /// What is there.
    pub found: Found<'a>,
    /// Temporary files of hactl's own beside it, left by a run that died with its host: whole paths.
    pub leftovers: Vec<String>,
    /// Other notes of the probe: a word for the kind, and a text.
    pub notes: Vec<(String, String)>,
}

impl<'a> Look<'a> {
    /// Reads what a function of `look.sh` printed: lines that begin with `note`, then a head line, then content.
    ///
    /// # Errors
    /// When the probe failed, with what it said on standard error, or when the answer has another form.
    pub fn read(seen: Seen<'a>) -> Result<Self, AssessError> {
        if seen.status != 0 {
            return Err(explain_failure("cannot-look", seen.stderr, seen.status));
        }
        let mut look = Self { found: Found::Absent, leftovers: Vec::new(), notes: Vec::new() };
        let mut rest = seen.stdout;
        loop {
            let (line, after) = split_line(rest).ok_or_else(|| odd(&seen))?;
            rest = after;
            let line = String::from_utf8_lossy(line);
            let Some(note) = line.strip_prefix("note ") else {
                look.found = Found::head(&line, rest).ok_or_else(|| odd(&seen))?;
                return Ok(look);
            };
            match note.split_once(' ').ok_or_else(|| odd(&seen))? {
                ("leftover", path) => look.leftovers.push(path.to_owned()),
                (kind, text) => look.notes.push((kind.to_owned(), text.to_owned())),
            }
        }
    }

    /// The texts of all notes of one kind.
    pub fn notes<'l>(&'l self, kind: &'l str) -> impl Iterator<Item = &'l str> {
        let of_kind = move |(its, _): &&(String, String)| its == kind;
        self.notes.iter().filter(of_kind).map(|(_, text)| text.as_str())
    }
}

impl<'a> Found<'a> {
    /// Reads what `hactl_look` printed, without the notes.
    ///
    /// # Errors
    /// When the probe failed, with what it said on standard error.
    pub fn read(seen: Seen<'a>) -> Result<Self, AssessError> {
        Look::read(seen).map(|look| look.found)
    }

    fn head(line: &str, content: &'a [u8]) -> Option<Self> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        // A group of a directory service may have blanks in its name, so it comes last.
        let mut words = rest.splitn(3, ' ').map(str::to_owned);
        Some(match kind {
            "absent" => Self::Absent,
            "file" => {
                Self::File(FoundFile { mode: words.next()?, owner: words.next()?, group: words.next()?, content })
            }
            "directory" => Self::Directory { mode: words.next()?, owner: words.next()? },
            "link" => {
                let target = content.strip_suffix(b"\n").unwrap_or(content);
                Self::Link { target: String::from_utf8_lossy(target).into_owned() }
            }
            "other" => Self::Other(rest.to_owned()),
            _ => return None,
        })
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::File(_) => f.write_str("a file"),
            Self::Directory { .. } => f.write_str("a folder"),
            Self::Link { target } => write!(f, "a link to {target}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = text.split_at(end);
    Some((line, rest.get(1..)?))
}

fn odd(seen: &Seen<'_>) -> AssessError {
    let said = String::from_utf8_lossy(seen.stderr);
    let cause = match said.trim() {
        "" => "the host answered in an unknown form".to_owned(),
        said => format!("the host answered in an unknown form: {said}"),
    };
    AssessError::new("cannot-look", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stdout: &[u8]) -> Seen<'_> {
        let (stderr, status) = (&b""[..], 0);
        Seen { stdout, stderr, status }
    }

    #[test]
    fn reads_notes_head_and_content() {
        let text = b"note leftover /etc/.hactl.hosts.a1B2c3\nfile 644 root domain users\nabsent\nnote x y";
        let look = Look::read(seen(text)).unwrap();
        assert_eq!(look.leftovers, ["/etc/.hactl.hosts.a1B2c3"]);
        let Found::File(file) = look.found else { panic!("not a file") };
        assert_eq!((file.group.as_str(), file.content), ("domain users", &b"absent\nnote x y"[..]));
    }

    #[test]
    fn a_probe_that_failed_or_said_nothing_is_not_absent() {
        for (stdout, status) in [(&b"absent\n"[..], 1), (b"", 0), (b"absent", 0), (b"abs\n", 0), (b"file 644\n", 0)] {
            let stderr = b"stat: cannot statx '/x': Permission denied";
            let error = Look::read(Seen { stdout, stderr, status }).unwrap_err();
            assert!(error.cause.contains("Permission denied"), "{error}");
        }
    }
}
