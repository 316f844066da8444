//! The exchange with a running command: when it may have its input, and what of its output counts.
//!
//! Pure: bytes in, acts out. SSH and the local shell drive the same machine.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use super::capture::Capture;
use super::deadline::unended;
use super::heard::heard_lines;
use super::instead::{expired, refused_by_shell};
use super::{Ending, Gate, GateProgress, Printed, Prompt, Refusal, RefusalKind, Reply, Request, TransportError};

/// How much of what was printed last is searched for the gate's words, and repeated in a refusal, in bytes.
const REMEMBERED: usize = 8 * 1024;

/// What is to be sent to the command now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The gate's password and a newline.
    SendPassword,
    /// The input, and then its end.
    SendInput,
}

/// The state of the exchange with one command.
pub(super) struct Dialogue {
    gate: Option<Gate>,
    asked: bool,
    whose: Option<String>,
    stdout: Output,
    stderr: Output,
    /// What of standard error has not been found to hold a prompt.
    unread: Vec<u8>,
    /// Is the output handed on, instead of being kept?
    hands_on: bool,
    /// What is to be handed on now.
    due: VecDeque<(Printed, Bytes)>,
}

/// One stream of the command. What comes before the gate's word is a login shell's, or of the program at the gate.
struct Output {
    /// Was the gate's word seen on it, or is there none?
    begun: bool,
    before: Vec<u8>,
    kept: Capture,
    /// How many bytes of the command's own were printed, kept or not.
    seen: u64,
}

impl Output {
    /// Takes a piece; returns what of it is the command's own.
    fn own<'d>(&mut self, data: &'d [u8], ready: &str) -> Cow<'d, [u8]> {
        if self.begun {
            return Cow::Borrowed(data);
        }
        self.before.extend_from_slice(data);
        match position(&self.before, ready.as_bytes()) {
            Some(at) => {
                self.begun = true;
                Cow::Owned(std::mem::take(&mut self.before).split_off(at + ready.len()))
            }
            None => {
                forget(&mut self.before);
                Cow::Borrowed(&[])
            }
        }
    }

    fn heard(&self) -> &[u8] {
        if self.begun { self.kept.bytes() } else { &self.before }
    }
}

impl Dialogue {
    /// The exchange for a request, before anything was printed.
    pub(super) fn new(request: &Request) -> Self {
        let begun = request.gate.is_none();
        let output = || Output { begun, before: Vec::new(), kept: Capture::new(request.limit), seen: 0 };
        Self {
            gate: request.gate.clone(),
            asked: false,
            whose: None,
            stdout: output(),
            stderr: output(),
            unread: Vec::new(),
            hands_on: request.outlet.is_some(),
            due: VecDeque::new(),
        }
    }

    /// What to send before anything was printed.
    pub(super) fn start(&self) -> Option<Act> {
        self.opened().then_some(Act::SendInput)
    }

    /// Takes what the command printed on standard output.
    pub(super) fn stdout(&mut self, data: &[u8]) -> Option<Act> {
        self.take(Printed::Stdout, data)
    }

    /// Takes what the command printed on standard error.
    ///
    /// # Errors
    /// When a password is asked for that we do not have, or that was wrong. Then the command must be ended at once,
    /// so that no further attempt of the user's is burnt.
    pub(super) fn stderr(&mut self, data: &[u8]) -> Result<Option<Act>, TransportError> {
        let opened = self.take(Printed::Stderr, data);
        let Some(gate) = self.gate.as_ref().filter(|_| !self.stderr.begun) else {
            return Ok(opened);
        };
        self.unread.extend_from_slice(data);
        let Some(whose) = gate.prompt.find(&mut self.unread) else {
            return Ok(opened);
        };
        let again = std::mem::replace(&mut self.asked, true);
        self.whose = whose;
        gate.progress.send_replace(GateProgress::Asked);
        if again {
            return Err(self.refusal(RefusalKind::AskedAgain));
        }
        if gate.password.is_none() {
            return Err(self.refusal(RefusalKind::AskedWithoutPassword));
        }
        Ok(Some(Act::SendPassword))
    }

    /// Takes a piece of one stream; tells when the gate has opened by it.
    fn take(&mut self, printed: Printed, data: &[u8]) -> Option<Act> {
        let ready = self.gate.as_ref().map(|gate| gate.ready.clone()).unwrap_or_default();
        let before = self.opened();
        let hands_on = self.hands_on;
        let stream = match printed {
            Printed::Stdout => &mut self.stdout,
            Printed::Stderr => &mut self.stderr,
        };
        let own = stream.own(data, &ready);
        stream.seen += own.len() as u64;
        if !hands_on {
            stream.kept.push(&own);
        } else if !own.is_empty() {
            self.due.push_back((printed, Bytes::copy_from_slice(&own)));
        }
        let gate = self.gate.as_ref().filter(|_| self.opened() && !before)?;
        gate.progress.send_replace(GateProgress::Open);
        Some(Act::SendInput)
    }

    /// The next piece that is to be handed on to the request's outlet.
    pub(super) fn due(&mut self) -> Option<(Printed, Bytes)> {
        self.due.pop_front()
    }

    fn opened(&self) -> bool {
        self.stdout.begun && self.stderr.begun
    }

    /// The answer, once the command has ended.
    ///
    /// # Errors
    /// When it ended before it was ready for its input, or the server has run something else instead.
    pub(super) fn finish(self, ending: Ending) -> Result<Reply, TransportError> {
        let (stdout, stderr) = (self.stdout.heard(), self.stderr.heard());
        if let Some(error) = expired(&ending, stdout, stderr) {
            return Err(error);
        }
        if !self.opened() {
            let instead = refused_by_shell(&ending, stdout, stderr);
            let refusal = self.refusal(RefusalKind::Ended(ending));
            // Where the program at the gate has no word for it, it may never have been begun.
            return Err(instead.filter(|_| refusal.code == "become-failed").unwrap_or(refusal));
        }
        let (stdout, stderr) = (self.stdout.kept, self.stderr.kept);
        Ok(Reply {
            truncated: stdout.overflowed() || stderr.overflowed(),
            stdout: stdout.into_bytes(),
            stderr: stderr.into_bytes(),
            ending,
        })
    }

    /// Why there was no end in time.
    pub(super) fn out_of_time(&self, request: &Request) -> TransportError {
        match self.opened() {
            true => unended(request, self.stdout.seen + self.stderr.seen),
            false => self.refusal(RefusalKind::OutOfTime),
        }
    }

    fn refusal(&self, kind: RefusalKind) -> TransportError {
        let mut said = heard_lines(&String::from_utf8_lossy(&self.stderr.before));
        let Some(gate) = &self.gate else {
            return TransportError::new(super::Rung::Become, "become-failed", said);
        };
        let words = match &gate.prompt {
            Prompt::Own(text) | Prompt::Usual { after: text } => text,
        };
        said = said.replace(words, "");
        // No program echoes it, but a strange authentication module might.
        if let Some(password) = gate.password.as_ref().filter(|password| !password.expose().is_empty()) {
            said = said.replace(password.expose(), "(secret)");
        }
        let (said, whose, has_password) = (said.trim().to_owned(), self.whose.clone(), gate.password.is_some());
        (gate.refused)(&Refusal { kind, said, whose, has_password })
    }
}

impl Prompt {
    /// Is it in the text? Then the text goes up to its end, and what is returned is whose password is asked for.
    fn find(&self, text: &mut Vec<u8>) -> Option<Option<String>> {
        match self {
            Self::Own(prompt) => {
                let Some(at) = position(text, prompt.as_bytes()) else {
                    forget(text);
                    return None;
                };
                let line = text.get(..at).unwrap_or_default().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
                let name = String::from_utf8_lossy(line).split_whitespace().next_back().map(str::to_owned);
                text.drain(..at + prompt.len());
                Some(name)
            }
            Self::Usual { after } => {
                let begun = position(text, after.as_bytes()).map(|at| at + after.len());
                let line = begun.and_then(|begun| text.get(begun..)?.rsplit(|byte| *byte == b'\n').next());
                let line = String::from_utf8_lossy(line.unwrap_or_default()).to_lowercase();
                let asks = line.contains("password") && line.trim_end().ends_with(':');
                match begun {
                    None => forget(text),
                    // The text that it must come after stays.
                    Some(begun) if asks => text.truncate(begun),
                    Some(begun) => drop(text.drain(begun..text.len().saturating_sub(REMEMBERED).max(begun))),
                }
                asks.then_some(None)
            }
        }
    }
}

/// Leaves the end of a text, which may go on.
fn forget(text: &mut Vec<u8>) {
    text.drain(..text.len().saturating_sub(REMEMBERED));
}

/// Where `needle` begins in `text`. A gate's words are short and its text is bounded, so plain search will do.
fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len().max(1)).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::watch;

    use super::super::{Input, Outlet, Rung};
    use super::*;
    use crate::model::Secret;

    fn request(gate: bool, password: Option<&str>) -> Request {
        Request {
            command: "cat".into(),
            input: Input::Nothing,
            gate: gate.then(|| Gate {
                prompt: Prompt::Own("PW-1:".into()),
                password: password.map(|password| Arc::new(Secret::new(password.into()))),
                ready: "RDY-1".into(),
                blank_line: false,
                patience: Duration::from_secs(1),
                refused: |refusal| {
                    let whose = refusal.whose.as_deref().unwrap_or("-");
                    TransportError::new(Rung::Become, "test", format!("{:?} {whose}: {}", refusal.kind, refusal.said))
                },
                progress: watch::Sender::new(GateProgress::Closed),
            }),
            deadline: Duration::from_secs(1),
            limit: 64,
            outlet: None,
        }
    }

    fn usual() -> Dialogue {
        let mut request = request(true, Some("poison"));
        request.gate.as_mut().unwrap().prompt = Prompt::Usual { after: "NOW-1".into() };
        Dialogue::new(&request)
    }

    #[test]
    fn without_a_gate_the_input_goes_at_once_and_the_output_counts_from_the_first_byte() {
        let mut dialogue = Dialogue::new(&request(false, None));
        assert_eq!(dialogue.start(), Some(Act::SendInput));
        assert_eq!(dialogue.stdout(b"out"), None);
        assert_eq!(dialogue.stderr(b"PW-1:"), Ok(None));
        let reply = dialogue.finish(Ending::Status(3)).unwrap();
        assert_eq!((reply.stdout.as_slice(), reply.stderr.as_slice()), (&b"out"[..], &b"PW-1:"[..]));
        assert_eq!(reply.ending, Ending::Status(3));
        assert!(!reply.truncated);
    }

    #[test]
    fn a_gate_holds_the_input_back_until_ready_in_whatever_pieces_the_words_come() {
        for size in 1..30 {
            let request = request(true, Some("poison"));
            let progress = request.gate.as_ref().unwrap().progress.subscribe();
            let mut dialogue = Dialogue::new(&request);
            assert_eq!(dialogue.start(), None);
            let acts: Vec<Act> = b"x PW-1:".chunks(size).filter_map(|piece| dialogue.stderr(piece).unwrap()).collect();
            assert_eq!((acts.as_slice(), *progress.borrow()), (&[Act::SendPassword][..], GateProgress::Asked));
            let motd = b"motd RDRDY-1RDY-1!";
            assert!(motd.chunks(size).all(|piece| dialogue.stdout(piece).is_none()), "pieces of {size}");
            let acts: Vec<Act> =
                b"\na lecture\nRDY-1PW-1:?".chunks(size).filter_map(|piece| dialogue.stderr(piece).unwrap()).collect();
            assert_eq!((acts.as_slice(), *progress.borrow()), (&[Act::SendInput][..], GateProgress::Open));
            let reply = dialogue.finish(Ending::Status(0)).unwrap();
            assert_eq!((reply.stdout.as_slice(), reply.stderr.as_slice()), (&b"RDY-1!"[..], &b"PW-1:?"[..]));
        }
    }

    #[test]
    fn what_is_handed_on_begins_behind_the_gate_and_is_not_kept() {
        let (outlet, _taken) = Outlet::new(None);
        let mut dialogue = Dialogue::new(&Request { outlet: Some(outlet), ..request(true, Some("poison")) });
        dialogue.stderr(b"lecture PW-1:").unwrap();
        dialogue.stderr(b"\nRDY-1").unwrap();
        assert_eq!(dialogue.due(), None, "a gate's words are nobody's output");
        assert_eq!(dialogue.stdout(b"motd RDY-1first"), Some(Act::SendInput));
        dialogue.stderr(b"second").unwrap();
        assert_eq!(dialogue.due(), Some((Printed::Stdout, Bytes::from_static(b"first"))));
        assert_eq!(dialogue.due(), Some((Printed::Stderr, Bytes::from_static(b"second"))));
        assert_eq!(dialogue.due(), None);
        let reply = dialogue.finish(Ending::Status(0)).unwrap();
        assert_eq!((reply.stdout.as_slice(), reply.stderr.as_slice()), (&b""[..], &b""[..]));
    }

    #[test]
    fn a_second_prompt_means_that_the_password_was_wrong() {
        let mut dialogue = Dialogue::new(&request(true, Some("poison")));
        assert_eq!(dialogue.stderr(b"hello\n[sudo: root PW-1:"), Ok(Some(Act::SendPassword)));
        assert_eq!(dialogue.stderr(b"\nSorry poison\nops PW"), Ok(None));
        let error = dialogue.stderr(b"-1:").unwrap_err();
        assert!(error.cause.starts_with("AskedAgain ops: ") && error.cause.contains("Sorry (secret)"), "{error}");
        assert!(!error.cause.contains("PW-1:"), "{error}");
    }

    #[test]
    fn a_prompt_without_a_password_is_a_refusal() {
        let mut dialogue = Dialogue::new(&request(true, None));
        assert_eq!(dialogue.stderr(b"PW-1:").unwrap_err().cause, "AskedWithoutPassword -: ");
    }

    #[test]
    fn the_words_of_a_program_without_a_prompt_of_ours_count_at_the_end_of_what_it_printed_after_its_start() {
        for size in 1..30 {
            let mut dialogue = usual();
            let text = b"Password: NOW-1\r\ndoas (ops@host) password: ";
            let acts: Vec<Act> = text.chunks(size).filter_map(|piece| dialogue.stderr(piece).unwrap()).collect();
            assert_eq!(acts, [Act::SendPassword], "pieces of {size}");
            assert_eq!(dialogue.stderr(b"\r\nAuthentication failed\r\n"), Ok(None));
            let error = dialogue.stderr(b"Password: ").unwrap_err();
            assert!(error.cause.starts_with("AskedAgain -: "), "{error}");
        }
        let mut other = usual();
        assert_eq!(other.stderr(b"Password: "), Ok(None), "that is not the program's");
        assert_eq!(other.stderr(b"NOW-1Your password: will expire\nCode: "), Ok(None));
    }

    #[test]
    fn an_end_before_ready_is_a_refusal_with_what_was_said_last() {
        let mut dialogue = Dialogue::new(&request(true, None));
        assert_eq!(dialogue.stderr(&[b'x'; 20_000]), Ok(None));
        assert_eq!(dialogue.stderr(b"not me"), Ok(None));
        let error = dialogue.out_of_time(&request(true, None));
        assert!(error.cause.starts_with("OutOfTime -: x") && error.cause.ends_with("not me"), "{error}");
        assert!(error.cause.len() < 9000, "{}", error.cause.len());
        let error = dialogue.finish(Ending::Status(1)).unwrap_err();
        assert!(error.cause.starts_with("Ended(Status(1)) -: x"), "{error}");
    }

    #[test]
    fn output_past_the_limit_is_thrown_away_and_said_so() {
        let mut dialogue = Dialogue::new(&Request { limit: 10, ..request(false, None) });
        dialogue.stdout(b"0123456");
        dialogue.stdout(b"789");
        assert!(!dialogue.stdout.kept.overflowed());
        dialogue.stdout(b"x");
        dialogue.stdout(b"y");
        let reply = dialogue.finish(Ending::Status(0)).unwrap();
        assert_eq!((reply.stdout.as_slice(), reply.truncated), (&b"0123456789"[..], true));
    }
}
