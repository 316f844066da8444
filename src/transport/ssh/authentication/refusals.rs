//! Why a login has failed, in words.

use std::time::{Duration, SystemTime};

use super::Login;
use crate::transport::heard::heard;
use crate::transport::ssh::agent::Unsigned;
use crate::transport::ssh::certificates::fault;
use crate::transport::ssh::keys::error;
use crate::transport::{Rung, TransportError};

impl Login<'_> {
    fn tried(&self) -> String {
        match self.tried.is_empty() {
            true => "nothing".to_owned(),
            false => self.tried.join(", "),
        }
    }

    /// The server has ended the connection.
    pub(super) fn hung_up(&self) -> TransportError {
        if let Some(flood) = self.parting.guard.flood(Rung::Authentication) {
            return flood;
        }
        let user = &self.link.user;
        let words = self.parting.words().unwrap_or_else(|| "without a reason".to_owned());
        if words.contains("Too many authentication failures") {
            return error(
                "too-many-authentication-failures",
                format!("the server let {user} try no further; tried {}", self.tried()),
                "name the one right key as ssh.identity, with ssh.identities_only if the agent holds many; or raise \
                 MaxAuthTries on the host",
            );
        }
        // Its rules about accounts come after the proof of who we are, and sshd hangs up over them.
        if let Some(said) = self.told() {
            return error(
                "account-refused",
                format!("the server turns {user} away: {said}"),
                "the account may be expired, locked or kept out for maintenance: `chage -l USER` on the host tells",
            );
        }
        error(
            "authentication-dropped",
            format!("the server hung up during the login of {user}: {words}; tried {}", self.tried()),
            "the server's log says why; it may be shutting down, or turn the user away",
        )
    }

    /// What the server said about this login, after it had greeted us.
    fn told(&self) -> Option<String> {
        // Before the first answer, the first is the greeting.
        (self.parting.banners() > self.greetings.unwrap_or(1)).then(|| self.parting.banner()).flatten()
    }

    /// Nothing was decided within `patience`.
    pub(super) fn late(&self, patience: Duration) -> TransportError {
        let (user, seconds) = (&self.link.user, patience.as_secs_f32());
        error(
            "authentication-timeout",
            format!("the login of {user} was neither accepted nor refused within {seconds} s; tried {}", self.tried()),
            "the host may be waiting for a directory server or for DNS (UseDNS no in sshd_config), or your agent for you",
        )
    }

    /// Nothing was accepted. A file of our own that could not be used, or a certificate that cannot have been accepted,
    /// is the likelier reason.
    pub(super) fn refused(&mut self) -> TransportError {
        let takes = match &self.wants {
            Some(wants) if !wants.is_empty() => {
                let names: Vec<&str> = wants.iter().map(<&str>::from).collect();
                format!("; the server takes {}", names.join(", "))
            }
            _ => String::new(),
        };
        let told = self.told().map(|said| format!("; it says: {said}")).unwrap_or_default();
        let tried = format!("tried {}{takes}{told}", self.tried());
        let now = SystemTime::now();
        let of_certificates = self.refused_certificates.iter().find_map(|one| fault(one, &self.link.user, now));
        let known = (!self.faults.is_empty()).then(|| self.faults.remove(0)).or(of_certificates);
        if let Some(mut known) = known {
            known.cause = format!("{}; {tried}", known.cause);
            return known;
        }
        let hint = match (self.refused_certificates.is_empty(), self.link.agent && self.link.identities_only) {
            (false, _) => {
                "is the CA in the TrustedUserCAKeys of the host's sshd_config (`ssh-keygen -lf` prints its fingerprint), \
                 and is ssh.user right?"
            }
            (true, true) => {
                "is the public key in the user's ~/.ssh/authorized_keys on the host, and is ssh.user right? \
                 ssh.identities_only: false offers the agent's other keys too"
            }
            (true, false) => {
                "is the public key in the user's ~/.ssh/authorized_keys on the host, and is ssh.user right?"
            }
        };
        error("authentication-refused", format!("the host does not let {} in; {tried}", self.link.user), hint)
    }
}

/// The password was refused.
pub(in crate::transport) fn wrong_password(user: &str) -> TransportError {
    error(
        "password-refused",
        format!("the server does not take the password of {user}, which was sent once"),
        "check the secret behind ssh.password; it may also be that the account is locked or expired, or not among \
         those who may log in: the host's log says which",
    )
}

/// What was typed was refused.
pub(in crate::transport) fn mistyped(user: &str) -> TransportError {
    error(
        "answer-refused",
        format!("the server does not take what was typed for {user}"),
        "run again, with a new code: most codes are good for one login only, and for a short time",
    )
}

/// The agent has not signed, though the server takes the key.
pub(super) fn unsigned(name: &str, why: Unsigned) -> TransportError {
    match why {
        Unsigned::Refused => error(
            "agent-refused",
            format!("the server takes the key `{name}`, but the agent does not sign with it"),
            "is the agent locked (`ssh-add -X`), was its question denied, or the token not touched or taken out?",
        ),
        Unsigned::Silent => error(
            "agent-silent",
            format!("the server takes the key `{name}`, but the agent has not signed with it within 30 s"),
            "it may wait for you: a window to click in, or a token to touch; else start it anew",
        ),
    }
}

/// The password must be changed first.
pub(in crate::transport) fn expired(user: &str, said: &str) -> TransportError {
    let said = heard(said);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    error(
        "password-expired",
        format!("the password of {user} has expired and must be changed{said}"),
        "log in by hand once and change it, then put the new one where ssh.password points to",
    )
}

/// The server asks for something that no secret source holds.
pub(in crate::transport) fn unanswered(user: &str, question: &str, said: &str) -> TransportError {
    let (question, said) = (heard(question), heard(said));
    let said = if said.is_empty() || said == question { String::new() } else { format!(" ({said})") };
    error(
        "question-unanswered",
        format!("the server asks {user} a question that hactl has no answer to: `{question}`{said}"),
        "a second factor wants a person: run hactl on a terminal without --no-input and answer it, or log in with a key \
         or certificate that is exempt from it",
    )
}
