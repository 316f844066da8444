//! What the su of util-linux, of shadow and of busybox mean by their refusals.

use super::refusal::{error, said, says};
use crate::transport::{Refusal, RefusalKind, TransportError};

pub(super) fn refused(refusal: &Refusal) -> TransportError {
    match &refusal.kind {
        RefusalKind::AskedAgain => wrong_password(),
        RefusalKind::AskedWithoutPassword => error(
            "su-password-missing",
            "su asks for a password and the inventory names none",
            "set ssh.become.password to the password of the user to become, or use method: sudo",
        ),
        RefusalKind::OutOfTime => super::refusal::refused("su", refusal),
        _ if says(refusal, &["must be run from a terminal", "must be run from a tty"]) => error(
            "su-needs-terminal",
            format!("su wants a terminal: {}", said(refusal)),
            "install `script` on the host (util-linux, bsdutils), or use method: sudo",
        ),
        _ if says(refusal, &["Authentication failure", "incorrect password", "Sorry"]) => wrong_password(),
        _ if says(refusal, &["ermission denied", "not in su group", "Access denied", "must be suid"]) => error(
            "su-not-allowed",
            format!("su does not allow it: {}", said(refusal)),
            "let an administrator look at /etc/pam.d/su (pam_wheel wants the user in the group wheel or sudo), or use \
             method: sudo",
        ),
        _ if says(refusal, &["using restricted shell", "not currently available", "not available"]) => error(
            "su-restricted-shell",
            format!("the shell of the user to become runs no commands: {}", said(refusal)),
            "become root, or use method: sudo, which needs no shell of that user's",
        ),
        _ => super::refusal::refused("su", refusal),
    }
}

fn wrong_password() -> TransportError {
    error(
        "su-wrong-password",
        "su did not take the password",
        "check the secret behind ssh.become.password: su asks for the password of the user to become",
    )
}
