//! The password: once, and as the answer to the question for it alone. What else a server asks is asked of the person, if
//! one is there.

use std::sync::Arc;

use russh::MethodKind;
use russh::client::KeyboardInteractiveAuthResponse;

use super::questions::{Wanted, wanted};
use super::{Login, refusals};
use crate::model::Secret;
use crate::transport::TransportError;
use crate::transport::heard::heard_as_one;
use crate::transport::person::{self, Question};

/// How many rounds of questions a server may begin.
const ROUNDS: usize = 8;

/// What came of a conversation.
enum Said {
    /// We are in.
    Yes,
    /// The password was sent and refused.
    No,
    /// What the person has typed was refused, or that with the password.
    Mistyped,
    /// Nothing was asked, or it was right and is not all that is wanted.
    NeverAsked,
    /// Somebody else is being asked something.
    Busy,
}

impl Login<'_> {
    /// Sends the password, if there is one. One that was refused is not sent again in another way: accounts get locked.
    pub(super) async fn password(&mut self, password: Option<&Secret>) -> Result<bool, TransportError> {
        if self.wants.is_none() {
            // Asks for nothing but the list of what the server takes; not counted as a try.
            let result = self.handle.authenticate_none(self.link.user.as_str()).await;
            let counted = self.refusals;
            if self.checked(result)? {
                return Ok(true);
            }
            self.refusals = counted;
        }
        // By questions first: only they tell a second factor, or a password that has expired, from a wrong one.
        if self.takes(MethodKind::KeyboardInteractive) {
            match self.conversation(password).await? {
                Said::Yes => return Ok(true),
                Said::No => {
                    self.faults.insert(0, refusals::wrong_password(&self.link.user));
                    return Ok(false);
                }
                Said::Mistyped => {
                    self.faults.insert(0, refusals::mistyped(&self.link.user));
                    return Ok(false);
                }
                Said::Busy => {
                    self.is_busy = true;
                    return Ok(false);
                }
                Said::NeverAsked => {}
            }
        }
        let Some(password) = password else { return Ok(false) };
        if !self.takes(MethodKind::Password) {
            return Ok(false);
        }
        self.tried.push("password".to_owned());
        let before = self.refusals;
        let result = self.handle.authenticate_password(self.link.user.as_str(), password.expose()).await;
        if self.checked(result)? {
            return Ok(true);
        }
        if self.refusals > before {
            self.faults.insert(0, refusals::wrong_password(&self.link.user));
            return Ok(false);
        }
        // It was right, and is not all that is wanted.
        if self.takes(MethodKind::KeyboardInteractive) {
            let said = self.conversation(Some(password)).await?;
            self.is_busy = matches!(said, Said::Busy);
            return Ok(matches!(said, Said::Yes));
        }
        Ok(false)
    }

    async fn conversation(&mut self, password: Option<&Secret>) -> Result<Said, TransportError> {
        self.tried.push("keyboard-interactive".to_owned());
        let user = self.link.user.as_str();
        let mut reply = self.handle.authenticate_keyboard_interactive_start(user, None).await;
        let (mut sent, mut typed, mut said) = (false, false, String::new());
        for _ in 0..ROUNDS {
            let (name, instructions, prompts) = match reply {
                Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(Said::Yes),
                Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success }) => {
                    if remaining_methods.is_empty() && self.handle.is_closed() {
                        return Err(self.hung_up());
                    }
                    self.answered(remaining_methods, partial_success);
                    return Ok(match (sent && !partial_success, typed) {
                        (false, _) => Said::NeverAsked,
                        (true, true) => Said::Mistyped,
                        (true, false) => Said::No,
                    });
                }
                Ok(KeyboardInteractiveAuthResponse::InfoRequest { name, instructions, prompts }) => {
                    (name, instructions, prompts)
                }
                Err(_) => return Err(self.hung_up()),
            };
            for text in [name, instructions] {
                if !text.trim().is_empty() {
                    said = text;
                }
            }
            let mut answers = Vec::new();
            for prompt in prompts {
                match (wanted(&prompt.prompt, prompt.echo, !sent), password) {
                    (Wanted::Password, Some(password)) => answers.push(password.expose().to_owned()),
                    (Wanted::Change, _) => return Err(refusals::expired(user, &said)),
                    _ if !self.link.keyring.person().is_there() => {
                        return Err(refusals::unanswered(user, &prompt.prompt, &said));
                    }
                    _ => match self.ask(&prompt.prompt, prompt.echo, &said).await {
                        Some(Some(answer)) => {
                            typed = true;
                            answers.push(answer.expose().to_owned());
                        }
                        Some(None) => return Err(refusals::unanswered(user, &prompt.prompt, &said)),
                        None => return Ok(Said::Busy),
                    },
                }
                sent = true;
            }
            reply = self.handle.authenticate_keyboard_interactive_respond(answers).await;
        }
        Err(refusals::unanswered(user, &said, &said))
    }

    /// Asks the person; `None` where somebody else is being asked. No server waits for long: this login comes again when
    /// it is its turn.
    async fn ask(&mut self, question: &str, shown: bool, said: &str) -> Option<Option<Secret>> {
        let person = self.link.keyring.person();
        if self.turn.is_none() {
            self.turn = person.turn_now().map(Arc::new);
        }
        let turn = self.turn.as_ref()?;
        let question = heard_as_one(&format!("{said}\n{question}"));
        let wanted = person::Wanted::Answer { host: self.link.name.clone(), question, shown };
        let _asking = self.asked.begin();
        Some(person.answer(turn, Question { wanted, again: false }).await)
    }
}
