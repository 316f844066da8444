//! What a server runs for some accounts instead of the command that was sent.

use super::keys::error;
use crate::transport::{Ending, TransportError};

/// What sshd says, with an exit status of 1, where a password must be changed before anything else.
const MUST_CHANGE: &str = "Password change required but no TTY available";

/// Why our command has not run, where that is so.
pub(in crate::transport) fn of_our_command(ending: &Ending, stdout: &[u8], stderr: &[u8]) -> Option<TransportError> {
    if *ending != Ending::Status(1) {
        return None;
    }
    let stderr = String::from_utf8_lossy(stderr);
    if stdout.is_empty() && stderr.trim_end().trim_end_matches('.').ends_with(MUST_CHANGE) {
        return Some(error(
            "password-expired",
            "the account's password has expired, and the server runs nothing until it is changed".to_owned(),
            "log in by hand once and change it; for an account that logs in by key alone, `chage -M -1 USER` on the host",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(status: u32, stdout: &str, stderr: &str) -> Option<&'static str> {
        of_our_command(&Ending::Status(status), stdout.as_bytes(), stderr.as_bytes()).map(|error| error.code)
    }

    #[test]
    fn only_the_servers_own_words_count() {
        let change = "WARNING: Your password has expired.\r\nPassword change required but no TTY available.\r\n";
        assert_eq!(code(1, "", change), Some("password-expired"));
        assert_eq!(code(1, "begun\n", change), None);
        assert_eq!(code(0, "", change), None);
        assert_eq!(code(1, "", ""), None);
    }
}
