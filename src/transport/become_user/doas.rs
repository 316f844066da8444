//! What doas means by its refusals.

use super::refusal::{error, said, says};
use crate::transport::{Refusal, RefusalKind, TransportError};

pub(super) fn refused(refusal: &Refusal) -> TransportError {
    match &refusal.kind {
        RefusalKind::AskedAgain => wrong_password(),
        RefusalKind::AskedWithoutPassword => password_missing(),
        RefusalKind::OutOfTime => super::refusal::refused("doas", refusal),
        _ if says(refusal, &["Authentication required", "Authorization required", "tty is required"]) => {
            if !refusal.has_password {
                return password_missing();
            }
            error(
                "doas-needs-terminal",
                format!("doas takes a password from a terminal alone: {}", said(refusal)),
                "install `script` on the host (util-linux, bsdutils), or add `nopass` to the user's rule in doas.conf",
            )
        }
        _ if says(refusal, &["Authentication failed", "Authorization failed", "uthentication failure"]) => {
            wrong_password()
        }
        _ if says(refusal, &["Operation not permitted", "doas is not enabled"]) => error(
            "not-in-doas-conf",
            format!("doas does not allow it: {}", said(refusal)),
            "let an administrator add `permit USER as root` to doas.conf",
        ),
        _ => super::refusal::refused("doas", refusal),
    }
}

fn wrong_password() -> TransportError {
    error(
        "doas-wrong-password",
        "doas did not take the password",
        "check the secret behind ssh.become.password: doas asks for the password of the user who logs in",
    )
}

fn password_missing() -> TransportError {
    error(
        "doas-password-missing",
        "doas asks for a password and the inventory names none",
        "set ssh.become.password, or add `nopass` to the user's rule in doas.conf",
    )
}
