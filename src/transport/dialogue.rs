//! The exchange with a running command: when it may have its input, and what of its output counts.
//!
//! Pure: bytes in, acts out. SSH and the local shell drive the same machine.

use super::capture::Capture;
use super::{Ending, Gate, Refusal, RefusalKind, Reply, Request, TransportError};

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
    opened: bool,
    asked: bool,
    /// The end of standard output in which `ready` may have begun.
    before_ready: Vec<u8>,
    /// The end of standard error in which `prompt` may have begun.
    before_prompt: Vec<u8>,
    stdout: Capture,
    stderr: Capture,
}

impl Dialogue {
    /// The exchange for a request, before anything was printed.
    pub(super) fn new(request: &Request) -> Self {
        Self {
            opened: request.gate.is_none(),
            gate: request.gate.clone(),
            asked: false,
            before_ready: Vec::new(),
            before_prompt: Vec::new(),
            stdout: Capture::new(request.limit),
            stderr: Capture::new(request.limit),
        }
    }

    /// What to send before anything was printed.
    pub(super) fn start(&self) -> Option<Act> {
        self.opened.then_some(Act::SendInput)
    }

    /// Takes what the command printed on standard output.
    pub(super) fn stdout(&mut self, data: &[u8]) -> Option<Act> {
        let Some(gate) = self.gate.as_ref().filter(|_| !self.opened) else {
            self.stdout.push(data);
            return None;
        };
        // Whatever a login shell prints before `ready` is not the command's answer.
        self.before_ready.extend_from_slice(data);
        match position(&self.before_ready, gate.ready.as_bytes()) {
            Some(at) => {
                let rest = self.before_ready.split_off(at + gate.ready.len());
                self.stdout.push(&rest);
                self.before_ready.clear();
                self.stderr.push(&std::mem::take(&mut self.before_prompt));
                self.opened = true;
                Some(Act::SendInput)
            }
            None => {
                let excess = (self.before_ready.len() + 1).saturating_sub(gate.ready.len());
                self.before_ready.drain(..excess.min(self.before_ready.len()));
                None
            }
        }
    }

    /// Takes what the command printed on standard error.
    ///
    /// # Errors
    /// When a password is asked for that we do not have, or that was wrong. Then the command must be ended at once,
    /// so that no further attempt of the user's is burnt.
    pub(super) fn stderr(&mut self, data: &[u8]) -> Result<Option<Act>, TransportError> {
        let Some(gate) = self.gate.as_ref().filter(|_| !self.opened) else {
            self.stderr.push(data);
            return Ok(None);
        };
        self.before_prompt.extend_from_slice(data);
        let Some(at) = position(&self.before_prompt, gate.prompt.as_bytes()) else {
            let sure = (self.before_prompt.len() + 1).saturating_sub(gate.prompt.len());
            let rest = self.before_prompt.split_off(sure.min(self.before_prompt.len()));
            self.stderr.push(&std::mem::replace(&mut self.before_prompt, rest));
            return Ok(None);
        };
        let rest = self.before_prompt.split_off(at + gate.prompt.len());
        self.before_prompt.truncate(at);
        self.stderr.push(&std::mem::replace(&mut self.before_prompt, rest));
        if self.asked {
            return Err(self.refusal(RefusalKind::AskedAgain));
        }
        self.asked = true;
        if gate.password.is_none() {
            return Err(self.refusal(RefusalKind::AskedWithoutPassword));
        }
        Ok(Some(Act::SendPassword))
    }

    /// The answer, once the command has ended.
    ///
    /// # Errors
    /// When it ended before it was ready for its input.
    pub(super) fn finish(self, ending: Ending) -> Result<Reply, TransportError> {
        if !self.opened {
            return Err(self.refusal(RefusalKind::Ended(ending)));
        }
        Ok(Reply {
            truncated: self.stdout.overflowed() || self.stderr.overflowed(),
            stdout: self.stdout.into_bytes(),
            stderr: self.stderr.into_bytes(),
            ending,
        })
    }

    /// What came on standard output and on standard error; of the former only the end, while the gate is closed.
    pub(super) fn heard(&self) -> (&[u8], Vec<u8>) {
        let stdout: &[u8] = if self.opened { self.stdout.bytes() } else { &self.before_ready };
        (stdout, [self.stderr.bytes(), &self.before_prompt].concat())
    }

    /// Why the gate did not open in time; `None` when it has.
    pub(super) fn out_of_time(&self) -> Option<TransportError> {
        (!self.opened).then(|| self.refusal(RefusalKind::OutOfTime))
    }

    fn refusal(&self, kind: RefusalKind) -> TransportError {
        let said = [self.stderr.bytes(), &self.before_prompt].concat();
        let mut said = String::from_utf8_lossy(&said).trim().to_owned();
        let Some(gate) = &self.gate else {
            return TransportError::new(super::Rung::Become, "become-failed", said);
        };
        // No program echoes it, but a strange authentication module might.
        if let Some(password) = gate.password.as_ref().filter(|password| !password.expose().is_empty()) {
            said = said.replace(password.expose(), "(secret)");
        }
        (gate.refused)(&Refusal { kind, said })
    }
}

/// Where `needle` begins in `text`. A gate's words are short and its text is bounded, so plain search will do.
fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len().max(1)).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::{Input, Rung};
    use super::*;
    use crate::model::Secret;

    fn request(gate: bool, password: Option<&str>) -> Request {
        Request {
            command: "cat".into(),
            input: Input::Nothing,
            gate: gate.then(|| Gate {
                prompt: "PW-1:".into(),
                password: password.map(|password| Arc::new(Secret::new(password.into()))),
                ready: "RDY-1".into(),
                patience: Duration::from_secs(1),
                refused: |refusal| {
                    TransportError::new(Rung::Become, "test", format!("{:?} {}", refusal.kind, refusal.said))
                },
            }),
            deadline: Duration::from_secs(1),
            limit: 64,
        }
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
            let mut dialogue = Dialogue::new(&request(true, Some("poison")));
            assert_eq!(dialogue.start(), None);
            let acts: Vec<Act> = b"x PW-1:".chunks(size).filter_map(|piece| dialogue.stderr(piece).unwrap()).collect();
            assert_eq!(acts, [Act::SendPassword], "pieces of {size}");
            let acts: Vec<Act> =
                b"motd RDRDY-1RDY-1!".chunks(size).filter_map(|piece| dialogue.stdout(piece)).collect();
            assert_eq!(acts, [Act::SendInput], "pieces of {size}");
            let reply = dialogue.finish(Ending::Status(0)).unwrap();
            assert_eq!((reply.stdout.as_slice(), reply.stderr.as_slice()), (&b"RDY-1!"[..], &b"x "[..]));
        }
    }

    #[test]
    fn a_second_prompt_means_that_the_password_was_wrong() {
        let mut dialogue = Dialogue::new(&request(true, Some("poison")));
        assert_eq!(dialogue.stderr(b"PW-1:"), Ok(Some(Act::SendPassword)));
        assert_eq!(dialogue.stderr(b"Sorry poison\nPW"), Ok(None));
        assert_eq!(dialogue.stderr(b"-1:").unwrap_err().cause, "AskedAgain Sorry (secret)");
    }

    #[test]
    fn a_prompt_without_a_password_is_a_refusal() {
        let mut dialogue = Dialogue::new(&request(true, None));
        assert_eq!(dialogue.stderr(b"PW-1:").unwrap_err().cause, "AskedWithoutPassword ");
    }

    #[test]
    fn an_end_before_ready_is_a_refusal_with_what_was_said() {
        let mut dialogue = Dialogue::new(&request(true, None));
        assert_eq!(dialogue.stderr(b"not me"), Ok(None));
        assert_eq!(dialogue.out_of_time().unwrap().cause, "OutOfTime not me");
        assert_eq!(dialogue.finish(Ending::Status(1)).unwrap_err().cause, "Ended(Status(1)) not me");
    }

    #[test]
    fn output_past_the_limit_is_thrown_away_and_said_so() {
        let mut dialogue = Dialogue::new(&Request { limit: 10, ..request(false, None) });
        dialogue.stdout(b"0123456");
        dialogue.stdout(b"789");
        assert!(!dialogue.stdout.overflowed());
        dialogue.stdout(b"x");
        dialogue.stdout(b"y");
        let reply = dialogue.finish(Ending::Status(0)).unwrap();
        assert_eq!((reply.stdout.as_slice(), reply.truncated), (&b"0123456789"[..], true));
    }
}
