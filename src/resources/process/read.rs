//! What the look at a process printed.

use crate::resources::AssessError;

/// What the look told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Is there a home at all?
    pub(super) home: bool,
    /// The processes, the one that everything else is about first.
    pub(super) processes: Vec<Seen>,
    /// When the process was started, in seconds since 1970, by the host's clock.
    pub(super) since: Option<u64>,
    /// What it was started with.
    pub(super) fingerprint: Option<String>,
    /// What it would be started with now.
    pub(super) wanted: String,
    /// The newest change of a file that it reads: when, and which.
    pub(super) changed: Option<(u64, String)>,
    /// The process that the pid file names.
    pub(super) pid_file: Option<PidFile>,
    /// The ports that it should listen at: who does.
    pub(super) ports: Vec<(u16, Holder)>,
    /// The ports that it listens at.
    pub(super) listens: Vec<u16>,
    /// How it answers: a status, nothing, or not asked at all.
    pub(super) answer: Option<Answer>,
    /// Does its unit start with the machine?
    pub(super) enabled: bool,
    /// Lines of its log, each with its kind.
    pub(super) log: Vec<(String, String)>,
    /// The last lines of its log.
    pub(super) tail: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) pid: u32,
    pub(super) started: u64,
    pub(super) seconds: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    /// `own`, `foreign`, `zombie` or `gone`.
    pub(super) whose: String,
    pub(super) pid: u32,
    pub(super) name: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Own,
    Nobody,
    Other(String),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// `None` when nothing answered.
    pub(super) status: Option<u16>,
    pub(super) contains: bool,
    pub(super) says: String,
    /// Nothing on the host can ask.
    pub(super) untried: bool,
}

impl Told {
    pub(super) fn read(text: &str) -> Result<Self, AssessError> {
        let mut told = Self::default();
        for line in text.lines() {
            told.line(line).ok_or_else(|| {
                AssessError::new("cannot-look", format!("the host answered in an unknown form: {line}"))
            })?;
        }
        if told.home && told.wanted.len() != 64 {
            return Err(AssessError::new("cannot-look", "the host does not tell what the product reads"));
        }
        Ok(told)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "home" => self.home = rest == "there",
            "process" => {
                let mut words = rest.split(' ');
                let (pid, started) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                self.processes.push(Seen { pid, started, seconds: words.next()?.parse().ok()? });
            }
            "since" => self.since = Some(rest.parse().ok()?),
            "fingerprint" => self.fingerprint = Some(rest.to_owned()),
            "wanted" => rest.clone_into(&mut self.wanted),
            "changed" => {
                let (time, file) = rest.split_once(' ')?;
                self.changed = Some((time.parse().ok()?, file.to_owned()));
            }
            "pid-file" => {
                let mut words = rest.splitn(3, ' ');
                let (whose, pid) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
                self.pid_file = Some(PidFile { whose, pid, name: words.next().unwrap_or("?").to_owned() });
            }
            "listens" => self.listens.push(rest.parse().ok()?),
            "port" => self.port(rest)?,
            "answer" => self.answer.get_or_insert_default().status = rest.parse().ok(),
            "contains" => self.answer.get_or_insert_default().contains = true,
            "says" => self.answer.get_or_insert_default().says = rest.trim().to_owned(),
            "untried" => self.answer.get_or_insert_default().untried = true,
            "enabled" => self.enabled = rest == "enabled",
            "log" => {
                let (kind, line) = rest.split_once(' ')?;
                self.log.push((kind.to_owned(), line.to_owned()));
            }
            "tail" => self.tail.push(rest.to_owned()),
            _ => return None,
        }
        Some(())
    }

    fn port(&mut self, rest: &str) -> Option<()> {
        let mut words = rest.splitn(4, ' ');
        let port = words.next()?.parse().ok()?;
        let holder = match words.next()? {
            "own" => Holder::Own,
            "free" => Holder::Nobody,
            "held" => Holder::Other(match (words.next()?, words.next()?) {
                ("-", _) => "another program".to_owned(),
                (pid, name) => format!("process {pid} ({name})"),
            }),
            _ => return None,
        };
        self.ports.push((port, holder));
        Some(())
    }

    /// The lines of a kind.
    pub(super) fn lines<'t>(&'t self, kind: &'static str) -> impl Iterator<Item = &'t str> {
        self.log.iter().filter(move |(its, _)| its == kind).map(|(_, line)| line.as_str())
    }
}
