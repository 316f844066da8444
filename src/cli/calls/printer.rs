//! Prints what is told of calls, on a thread of its own: it may have to wait for whoever reads.

use std::io::IsTerminal as _;

use tokio::sync::mpsc::Receiver;

use super::fetched::Fetched;
use super::forms::{CallEvent, report};
use super::harmless::push_harmless;
use crate::cli::console::{Console, DIM, LABELS, RED, styled};
use crate::orchestration::exec::{Call, Calls, LineEnd, News, Printed, Text, Told, merge};

/// How much of all output is kept for `--output json`, in bytes, and the most and least of one stream of one call.
const KEPT_IN_ALL: usize = 16 << 20;
const KEPT_MOST: usize = 1 << 20;
const KEPT_LEAST: usize = 4 << 10;

/// In which form lines are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text { prefix: bool },
    Json,
    Jsonl,
}

/// What is known when all is printed.
pub(super) struct Kept {
    pub(super) calls: Vec<KeptCall>,
    /// Did whoever reads go away?
    pub(super) closed: bool,
}

/// What is kept of one call.
#[derive(Clone, Default)]
pub(super) struct KeptCall {
    pub(super) stdout: Option<Vec<u8>>,
    pub(super) stderr: Option<Vec<u8>>,
    pub(super) left_out: u64,
    pub(super) milliseconds: Option<u64>,
}

pub(super) struct Printer {
    calls: std::sync::Arc<Calls>,
    form: Form,
    console: Console,
    kept: Vec<KeptCall>,
    limit: usize,
    width: usize,
    /// Is it a terminal, and may it have colours: standard output, standard error.
    terminal: [bool; 2],
    colour: [bool; 2],
    /// Is a host that is lost told at once, because the others may go on for long?
    at_once: bool,
    /// What is printed at the end, where it is to be merged.
    fetched: Option<Fetched>,
}

impl Printer {
    pub(super) fn new(calls: &std::sync::Arc<Calls>, form: Form, fetched: Option<Fetched>, console: &Console) -> Self {
        let mut kept = vec![KeptCall::default(); calls.len()];
        if form == Form::Json {
            for call in &mut kept {
                (call.stdout, call.stderr) = (Some(Vec::new()), Some(Vec::new()));
            }
        }
        Self {
            form,
            console: console.clone(),
            kept,
            limit: (KEPT_IN_ALL / 2 / calls.len().max(1)).clamp(KEPT_LEAST, KEPT_MOST),
            width: calls.iter().map(|call| label(calls, call).chars().count()).max().unwrap_or_default(),
            terminal: [std::io::stdout().is_terminal(), std::io::stderr().is_terminal()],
            colour: [console.has_colour_on_stdout(), console.has_colour()],
            calls: calls.clone(),
            at_once: false,
            fetched,
        }
    }

    /// Tells of a host that is lost at once.
    pub(super) fn at_once(mut self, at_once: bool) -> Self {
        self.at_once = at_once;
        self
    }

    /// Prints until all is told, or whoever reads has gone away.
    pub(super) fn run(mut self, mut told: Receiver<Told>) -> Kept {
        let mut closed = false;
        while !closed && let Some(Told { call, news }) = told.blocking_recv() {
            closed = !match (&mut self.fetched, news) {
                (Some(fetched), news) => match fetched.take(call, news) {
                    Some(news) => self.print(call, news),
                    None => true,
                },
                (None, news) => self.print(call, news),
            };
        }
        if let Some(fetched) = self.fetched.take()
            && !closed
        {
            closed = !self.print_merged(&fetched);
        }
        Kept { calls: self.kept, closed }
    }

    /// Prints what was fetched, by its time. Does anybody still read?
    fn print_merged(&mut self, fetched: &Fetched) -> bool {
        let mut goes_on = true;
        merge(&fetched.logs(), |call, entry| {
            let end = if entry.ends_with(b"\n") { LineEnd::Newline } else { LineEnd::Close };
            let text = Text { bytes: entry.to_vec(), end };
            goes_on = goes_on && self.print(call, News::Lines(Printed::Stdout, text));
        });
        for (call, end, milliseconds) in &fetched.over {
            let over = News::Over { end: end.clone(), milliseconds: *milliseconds };
            goes_on = goes_on && self.print(*call, over);
        }
        goes_on
    }

    /// Does anybody still read?
    fn print(&mut self, index: usize, news: News) -> bool {
        let calls = self.calls.clone();
        let (Some(call), Some(kept)) = (calls.iter().nth(index), self.kept.get_mut(index)) else { return true };
        match news {
            News::Lines(printed, text) => match self.form {
                Form::Json => {
                    keep(kept, self.limit, printed, &text.bytes);
                    true
                }
                Form::Jsonl => json_lines(call, printed, &text).iter().all(|line| self.json_line(line)),
                Form::Text { prefix } => {
                    let lines = if prefix { self.named(call, index, printed, &text) } else { self.bare(printed, text) };
                    self.console.lines(printed, &lines)
                }
            },
            News::Lost { cause } => match self.form {
                Form::Json => true,
                Form::Jsonl => {
                    let (cluster, host, file) = (call.cluster.clone(), call.host.clone(), call.about.clone());
                    self.json_line(&CallEvent::Lost { cluster, host, file, cause })
                }
                Form::Text { .. } => self.aside(call, &format!("… {cause}; trying again")),
            },
            News::Again { missed } => match self.form {
                Form::Json => true,
                Form::Jsonl => {
                    let (cluster, host, file) = (call.cluster.clone(), call.host.clone(), call.about.clone());
                    self.json_line(&CallEvent::Again { cluster, host, file, missed })
                }
                Form::Text { .. } => {
                    let missed = if missed { "; lines may be missing here: the log was rotated meanwhile" } else { "" };
                    self.aside(call, &format!("… connected again{missed}"))
                }
            },
            News::LeftOut(bytes) => {
                kept.left_out += bytes;
                match self.form {
                    Form::Json => true,
                    Form::Jsonl => {
                        let (cluster, host) = (call.cluster.clone(), call.host.clone());
                        self.json_line(&CallEvent::LeftOut { cluster, host, bytes })
                    }
                    Form::Text { .. } => {
                        self.aside(call, &format!("… {bytes} bytes are left out here: nobody read them in time"))
                    }
                }
            }
            News::Over { end, milliseconds } => {
                kept.milliseconds = Some(milliseconds);
                let (left_out, milliseconds) = (kept.left_out, kept.milliseconds);
                if let (Form::Text { .. }, true, Some(failure)) = (self.form, self.at_once, end.failure()) {
                    self.console.error(&format!("{}  … {}", label(&calls, call), styled(RED, &failure.cause)));
                }
                let short = KeptCall { left_out, milliseconds, ..KeptCall::default() };
                self.form != Form::Jsonl || self.json_line(&CallEvent::Over { call: report(call, &end, short) })
            }
        }
    }

    /// A word about a call, between its lines.
    fn aside(&self, call: &Call, text: &str) -> bool {
        self.console.error(&format!("{}  {}", label(&self.calls, call), styled(RED, text)));
        true
    }

    fn json_line(&self, event: &CallEvent) -> bool {
        match serde_json::to_vec(event) {
            Ok(mut line) => {
                line.push(b'\n');
                self.console.lines(Printed::Stdout, &line)
            }
            Err(_) => true,
        }
    }

    /// The lines, each with the host's name before it.
    fn named(&self, call: &Call, index: usize, printed: Printed, text: &Text) -> Vec<u8> {
        let place = usize::from(printed == Printed::Stderr);
        let (terminal, colour) = (self.terminal.get(place) == Some(&true), self.colour.get(place) == Some(&true));
        let name = format!("{:width$}", label(&self.calls, call), width = self.width);
        let style = LABELS.get(index % LABELS.len()).copied().unwrap_or(DIM);
        let name = if colour { styled(style, name) } else { name };
        let mut lines = Vec::with_capacity(text.bytes.len() + 64);
        let mut rest = text.bytes.split_inclusive(|byte| *byte == b'\n').peekable();
        while let Some(line) = rest.next() {
            lines.extend_from_slice(name.as_bytes());
            lines.extend_from_slice(b"  ");
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            match terminal {
                true => push_harmless(line.strip_suffix(b"\r").unwrap_or(line), &mut lines),
                false => lines.extend_from_slice(line),
            }
            if rest.peek().is_none() && matches!(text.end, LineEnd::Cut | LineEnd::Pause) {
                lines.extend_from_slice(" …".as_bytes());
            }
            lines.push(b'\n');
        }
        lines
    }

    /// The lines as they are; those of one host byte for byte, those of several never on one line.
    fn bare(&self, printed: Printed, text: Text) -> Vec<u8> {
        let place = usize::from(printed == Printed::Stderr);
        let Text { bytes, end } = text;
        let mut lines = match self.terminal.get(place) {
            Some(true) => {
                let mut shown = Vec::with_capacity(bytes.len());
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    let (line, newline) = line.strip_suffix(b"\n").map_or((line, false), |line| (line, true));
                    push_harmless(line.strip_suffix(b"\r").unwrap_or(line), &mut shown);
                    if newline {
                        shown.push(b'\n');
                    }
                }
                shown
            }
            _ => bytes,
        };
        if end != LineEnd::Newline && self.calls.len() > 1 {
            lines.push(b'\n');
        }
        lines
    }
}

/// What stands before a call's lines.
pub(super) fn label(calls: &Calls, call: &Call) -> String {
    let first = calls.iter().next();
    let several_clusters = calls.iter().any(|other| Some(&other.cluster) != first.map(|first| &first.cluster));
    let several_files = calls.iter().any(|other| Some(&other.about) != first.map(|first| &first.about));
    let cluster = if several_clusters { format!("{}/", call.cluster) } else { String::new() };
    let file = call.about.as_ref().filter(|_| several_files).map(|file| format!(" {file}")).unwrap_or_default();
    format!("{cluster}{}{file}", call.host)
}

fn keep(kept: &mut KeptCall, limit: usize, printed: Printed, bytes: &[u8]) {
    let stream = if printed == Printed::Stdout { &mut kept.stdout } else { &mut kept.stderr };
    if let Some(stream) = stream {
        let room = limit.saturating_sub(stream.len()).min(bytes.len());
        stream.extend_from_slice(&bytes[..room]);
        kept.left_out += (bytes.len() - room) as u64;
    }
}

fn json_lines(call: &Call, printed: Printed, text: &Text) -> Vec<CallEvent> {
    let count = text.bytes.split_inclusive(|byte| *byte == b'\n').count();
    let event = |(index, line): (usize, &[u8])| CallEvent::Line {
        cluster: call.cluster.clone(),
        host: call.host.clone(),
        file: call.about.clone(),
        stream: if printed == Printed::Stdout { "stdout" } else { "stderr" },
        line: String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)).into_owned(),
        part: index + 1 == count && matches!(text.end, LineEnd::Cut | LineEnd::Pause),
    };
    text.bytes.split_inclusive(|byte| *byte == b'\n').enumerate().map(event).collect()
}
