//! The password: once, and as the answer to the question for it alone.

use russh::MethodKind;
use russh::client::KeyboardInteractiveAuthResponse;

use super::questions::{Wanted, wanted};
use super::{Login, refusals};
use crate::model::Secret;
use crate::transport::TransportError;

/// How many rounds of questions a server may begin.
const ROUNDS: usize = 8;

/// What came of a conversation.
enum Said {
    /// We are in.
    Yes,
    /// The password was sent and refused.
    No,
    /// It was never asked for.
    NeverAsked,
}

impl Login<'_> {
    /// Sends the password. One that was refused is not sent again in another way: accounts get locked.
    pub(super) async fn password(&mut self, password: &Secret) -> Result<bool, TransportError> {
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
                Said::NeverAsked => {}
            }
        }
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
            return Ok(matches!(self.conversation(password).await?, Said::Yes));
        }
        Ok(false)
    }

    async fn conversation(&mut self, password: &Secret) -> Result<Said, TransportError> {
        self.tried.push("keyboard-interactive".to_owned());
        let user = self.link.user.as_str();
        let mut reply = self.handle.authenticate_keyboard_interactive_start(user, None).await;
        let (mut sent, mut said) = (false, String::new());
        for _ in 0..ROUNDS {
            let (name, instructions, prompts) = match reply {
                Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(Said::Yes),
                Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success }) => {
                    if remaining_methods.is_empty() && self.handle.is_closed() {
                        return Err(self.hung_up());
                    }
                    self.answered(remaining_methods, partial_success);
                    return Ok(if sent && !partial_success { Said::No } else { Said::NeverAsked });
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
                match wanted(&prompt.prompt, prompt.echo, !sent) {
                    Wanted::Password => answers.push(password.expose().to_owned()),
                    Wanted::Change => return Err(refusals::expired(user, &said)),
                    Wanted::Other => return Err(refusals::unanswered(user, &prompt.prompt, &said)),
                }
                sent = true;
            }
            reply = self.handle.authenticate_keyboard_interactive_respond(answers).await;
        }
        Err(refusals::unanswered(user, &said, &said))
    }
}
