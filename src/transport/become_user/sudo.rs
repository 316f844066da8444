//! What sudo and sudo-rs mean by their refusals.

use super::refusal::{error, said, says};
use crate::transport::{Ending, Refusal, RefusalKind, TransportError};

pub(super) fn refused(refusal: &Refusal) -> TransportError {
    match &refusal.kind {
        RefusalKind::AskedAgain => wrong_password(refusal),
        RefusalKind::AskedWithoutPassword => password_missing(),
        RefusalKind::OutOfTime => super::refusal::refused("sudo", refusal),
        _ if says(refusal, &["must have a tty", "terminal is required", "no tty present"]) => error(
            "sudo-needs-terminal",
            format!("sudo wants a terminal: {}", said(refusal)),
            "add `Defaults:USER !requiretty` to sudoers with visudo",
        ),
        _ if says(refusal, &["a password is required", "interactive authentication is required"])
            && !refusal.has_password =>
        {
            password_missing()
        }
        _ if says(refusal, NOT_ALLOWED) => error(
            "not-in-sudoers",
            format!(
                "sudo does not allow it: {}",
                said(&Refusal { said: without_command(&refusal.said), ..refusal.clone() })
            ),
            "let an administrator add a rule with visudo that lets the user run /bin/sh",
        ),
        // sudo lets the shell start, but the shell nothing else.
        RefusalKind::Ended(Ending::Status(126))
            if says(refusal, &["/bin/sh"]) && says(refusal, &["ermission denied"]) =>
        {
            error(
                "sudo-noexec",
                "sudo lets the shell start no other program: its noexec is on for this user",
                "let an administrator take `noexec` away with visudo, or put `EXEC:` before the commands of the user's rule",
            )
        }
        // A wrong password where sudo allows a single try ends without a second prompt.
        _ if says(refusal, WRONG) => wrong_password(refusal),
        _ => super::refusal::refused("sudo", refusal),
    }
}

/// A user without a rule, or with one for other commands.
const NOT_ALLOWED: &[&str] = &[
    "not in the sudoers file",
    "is not allowed to",
    "may not run",
    // sudo-rs, to whom it knows nothing about.
    "I'm afraid I can't do that",
];

const WRONG: &[&str] = &["incorrect password", "incorrect authentication attempt", "no password was provided"];

fn wrong_password(refusal: &Refusal) -> TransportError {
    let (cause, hint) = match &refusal.whose {
        Some(whose) => (
            format!("sudo did not take the password of {whose}"),
            format!(
                "check the secret behind ssh.become.password: sudo asks for the password of {whose}; \
                 `rootpw`, `targetpw` and `runaspw` in sudoers say whose it is"
            ),
        ),
        None => (
            "sudo did not take the password".to_owned(),
            "check the secret behind ssh.become.password; sudo asks for the password of the user who logs in"
                .to_owned(),
        ),
    };
    error("sudo-wrong-password", cause, hint)
}

fn password_missing() -> TransportError {
    error(
        "sudo-password-missing",
        "sudo asks for a password and the inventory names none",
        "set ssh.become.password, or allow the user NOPASSWD in sudoers",
    )
}

/// sudo repeats the whole command, which is hactl's own and long.
fn without_command(said: &str) -> String {
    for (begin, end) in [("to execute '", "' as "), ("may not run /", " on ")] {
        if let (Some((before, _)), Some((_, after))) = (said.split_once(begin), said.rsplit_once(end)) {
            let (begin, end) = (begin.trim_end_matches(['\'', '/']), end.trim_start_matches('\''));
            return format!("{before}{begin}/bin/sh{end}{after}");
        }
    }
    said.to_owned()
}
