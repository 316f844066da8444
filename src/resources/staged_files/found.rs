//! What `hactl_look_service` and `hactl_look_staged` printed.

use crate::resources::{AssessError, Seen, explain_failure};

/// The program and the files as they were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) has_program: bool,
    pub(super) version: Option<String>,
    boot: String,
    /// The process id, and when it was started, in ticks since the host was.
    pub(super) process: Option<(u64, u64)>,
    loaded: Option<Loaded>,
    pub(super) leftovers: Vec<String>,
    pub(super) files: Vec<Found>,
}

/// What hactl has noted of the process that read the files.
#[derive(Debug, PartialEq, Eq)]
struct Loaded {
    fingerprint: String,
    boot: String,
    pid: u64,
    started: u64,
}

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) state: State,
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    /// `replaceable`: it holds hactl's mark, or is just as its package has brought it.
    File {
        mode: String,
        replaceable: bool,
        digest: String,
        text: Option<String>,
    },
    Other(String),
}

impl Found {
    pub(super) fn may_be_replaced(&self) -> bool {
        matches!(&self.state, State::File { replaceable: true, .. })
    }

    pub(super) fn digest(&self) -> Option<&str> {
        match &self.state {
            State::File { digest, .. } => Some(digest),
            _ => None,
        }
    }

    pub(super) fn mode(&self) -> Option<&str> {
        match &self.state {
            State::File { mode, .. } => Some(mode),
            _ => None,
        }
    }
}

impl Look {
    /// Reads an answer about `count` files.
    pub(super) fn read(seen: Seen<'_>, count: usize) -> Result<Self, AssessError> {
        if seen.status != 0 {
            return Err(explain_failure("cannot-look", seen.stderr, seen.status));
        }
        let said = String::from_utf8_lossy(seen.stdout);
        // What a file holds never begins a line of its own.
        let mut parts = said.split("\nstaged\n");
        let mut look = Self::default();
        for line in parts.next().unwrap_or_default().lines() {
            look.service(line);
        }
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            let part = if parts.peek().is_some() { format!("{part}\n") } else { part.to_owned() };
            look.file(&part).ok_or_else(odd)?;
        }
        if look.files.len() == count && !look.boot.is_empty() { Ok(look) } else { Err(odd()) }
    }

    fn service(&mut self, line: &str) {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        match (kind, words.as_slice()) {
            ("program", _) => self.has_program = true,
            ("version", [version]) => self.version = Some(version.trim_end_matches('.').to_owned()),
            ("boot", [boot]) => self.boot = (*boot).to_owned(),
            ("process", [pid, started]) => {
                self.process = pid.parse().ok().zip(started.parse().ok());
            }
            ("loaded", [fingerprint, boot, pid, started]) => {
                // A note that is not one says nothing.
                self.loaded = pid.parse().ok().zip(started.parse().ok()).map(|(pid, started)| Loaded {
                    fingerprint: (*fingerprint).to_owned(),
                    boot: (*boot).to_owned(),
                    pid,
                    started,
                });
            }
            ("note", ["leftover", ..]) => {
                self.leftovers.extend(rest.strip_prefix("leftover ").map(str::to_owned));
            }
            _ => {}
        }
    }

    fn file(&mut self, part: &str) -> Option<()> {
        let mut rest = part;
        loop {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            if let Some(path) = line.strip_prefix("note leftover ") {
                self.leftovers.push(path.to_owned());
                continue;
            }
            let mut words = line.splitn(2, ' ');
            let state = match (words.next()?, words.next()) {
                ("absent", None) => State::Absent,
                ("file", Some(words)) => {
                    let words: Vec<&str> = words.split(' ').collect();
                    let [mode, whose, digest] = words.as_slice() else { return None };
                    State::File {
                        mode: (*mode).to_owned(),
                        replaceable: *whose != "foreign",
                        digest: (*digest).to_owned(),
                        text: text(rest),
                    }
                }
                ("directory", _) => State::Other("a folder".to_owned()),
                ("other", Some(what)) => State::Other(what.to_owned()),
                _ => return None,
            };
            self.files.push(Found { state });
            return Some(());
        }
    }

    /// Has the process that runs read files with this fingerprint? One that was started later than the one that did has
    /// found the same files.
    pub(super) fn has_loaded(&self, fingerprint: &str) -> bool {
        let (Some((pid, started)), Some(loaded)) = (self.process, &self.loaded) else { return false };
        let same = (pid, started) == (loaded.pid, loaded.started);
        loaded.fingerprint == fingerprint && (loaded.boot != self.boot || same || started > loaded.started)
    }
}

/// The content of a file that was shown: each of its lines has a mark in front of it.
fn text(lines: &str) -> Option<String> {
    let shown: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("| ")).collect();
    (!shown.is_empty()).then(|| shown.iter().flat_map(|line| [line, "\n"]).collect())
}

fn odd() -> AssessError {
    AssessError::new("cannot-look", "the host answered in an unknown form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stdout: &str, count: usize) -> Result<Look, AssessError> {
        Look::read(Seen { stdout: stdout.as_bytes(), stderr: b"", status: 0 }, count)
    }

    const SERVICE: &str = "program /usr/sbin/nginx\nversion 1.22.1\nboot b\nprocess 7 100\nloaded abc b 7 100\n\
                           note leftover /etc/.hactl.nginx.a1B2c3\ndirectory 755 root\n";

    #[test]
    fn reads_the_program_and_the_files() {
        let look = read(&format!("{SERVICE}staged\nabsent\nstaged\nfile 644 own d1\n| a\n| staged\n\n"), 2).unwrap();
        assert_eq!((look.version.as_deref(), look.process), (Some("1.22.1"), Some((7, 100))));
        assert_eq!(look.leftovers, ["/etc/.hactl.nginx.a1B2c3"]);
        let State::File { text, replaceable: true, .. } = &look.files[1].state else { panic!("{look:?}") };
        assert_eq!(text.as_deref(), Some("a\nstaged\n"));
    }

    #[test]
    fn an_answer_that_is_cut_off_is_not_absent() {
        for cut in ["", "boot b\n", "boot b\nstaged\nabs", "boot b\nstaged\nfile 644\n"] {
            assert!(read(cut, 1).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_reload_that_was_lost_and_a_later_start_are_told_apart() {
        let look = |process: &str, loaded: &str| {
            read(&format!("boot b\n{process}\nloaded {loaded}\nstaged\nabsent\n"), 1).unwrap().has_loaded("abc")
        };
        assert!(look("process 7 100", "abc b 7 100"), "the same process");
        assert!(!look("process 7 100", "old b 7 100"), "it has read other files");
        assert!(look("process 9 200", "abc b 7 100"), "somebody has started it since");
        assert!(!look("process 5 50", "abc b 7 100"), "it is older than what has read them");
        assert!(look("process 5 50", "abc earlier 7 100"), "the host was started since");
        assert!(!look("", "abc b 7 100"), "it does not run");
        assert!(!look("process 7 100", "abc b"), "a note that was cut off");
    }
}
