//! Refusals that sudo, doas and su have in common.

use crate::transport::{Ending, Refusal, RefusalKind, Rung, TransportError};

/// How much of what a program said is repeated in an error, in characters.
const REPEATED: usize = 400;

pub(super) fn error(code: &'static str, cause: impl Into<String>, hint: impl Into<String>) -> TransportError {
    TransportError::new(Rung::Become, code, cause).hint(hint)
}

/// What the program said, in one line: the end of it, where it is long.
pub(super) fn said(refusal: &Refusal) -> String {
    let lines: Vec<&str> = refusal.said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.join("; ");
    match line.char_indices().nth_back(REPEATED) {
        Some((at, _)) => format!("…{}", line.get(at..).unwrap_or_default()),
        None if line.is_empty() => "nothing".to_owned(),
        None => line.trim_end_matches('.').to_owned(),
    }
}

/// Does the refusal hold one of these texts?
pub(super) fn says(refusal: &Refusal, texts: &[&str]) -> bool {
    texts.iter().any(|text| refusal.said.contains(text))
}

/// What the method has no better word for.
pub(super) fn refused(program: &str, refusal: &Refusal) -> TransportError {
    let words = said(refusal);
    match &refusal.kind {
        RefusalKind::OutOfTime => error(
            "become-timeout",
            format!("{program} did not get ready in time; it said: {words}"),
            "log in and run it by hand: it may wait for a directory server, a fingerprint, or something else than a password",
        ),
        _ if says(refusal, &["terminal is needed, and the host has no program"]) => error(
            match program {
                "su" => "su-needs-terminal",
                "doas" => "doas-needs-terminal",
                _ => "sudo-needs-terminal",
            },
            format!("{program} wants a terminal, and the host has no `script` that could make one"),
            "install the package that holds `script` (util-linux, bsdutils, util-linux-script), or let the user do it without",
        ),
        RefusalKind::Ended(Ending::Status(126 | 127)) => error(
            "become-missing",
            format!("{program} cannot be run on the host: {words}"),
            "install it, choose another method, or log in as root and set method: none",
        ),
        _ if says(refusal, UNKNOWN_USER) => {
            error("become-user-unknown", format!("{program} does not know the user: {words}"), "check ssh.become.user")
        }
        _ if says(refusal, ACCOUNT) => error(
            "become-account-refused",
            format!("{program} finds the account expired or locked: {words}"),
            "let an administrator look at the account with `chage -l USER` and `passwd -S USER`",
        ),
        RefusalKind::Ended(ending) => error(
            "become-failed",
            format!("{program} ended with {ending} before it was ready: {words}"),
            "log in and run it by hand to see why",
        ),
        RefusalKind::AskedAgain | RefusalKind::AskedWithoutPassword => error(
            "become-failed",
            format!("{program} asks for a password: {words}"),
            "log in and run it by hand to see why",
        ),
    }
}

/// A user to become whom the host does not have.
const UNKNOWN_USER: &[&str] = &[
    "unknown user",
    // sudo-rs: user 'x' not found.
    "' not found",
    "does not exist or the user entry does not contain",
    "No passwd entry for user",
];

/// An account that may not be used, in the words of sudo, sudo-rs and PAM.
const ACCOUNT: &[&str] = &[
    "xpired",
    "is your account locked",
    "account validation failure",
    "Authentication token is no longer valid",
    "account is locked",
    "Account locked",
    "temporarily locked",
];
