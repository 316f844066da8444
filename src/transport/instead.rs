//! What a host runs for some accounts instead of what it was sent: the one table of it, for whoever sees that nothing of
//! ours has run.

use super::{Ending, Link, Reply, Rung, TransportError, heard};

/// What sshd says, with an exit status of 1, where a password must be changed before anything else.
const MUST_CHANGE: &str = "Password change required but no TTY available";

/// What the shells say that only refuse.
const REFUSES: &[&str] = &["account is currently not available", "account is not available", "not allowed to login"];

/// What internal-sftp says in place of a command.
const ONLY_SFTP: &str = "sftp connections only";

/// Whom a hint is about, where that is not known.
const SOMEBODY: &str = "USER";

fn error(code: &'static str, cause: String, hint: String) -> TransportError {
    TransportError::new(Rung::Shell, code, cause).hint(hint)
}

/// What was run in place of our script, which has printed nothing of what it prints first.
pub fn instead(reply: &Reply, link: &Link) -> TransportError {
    let Link { user, address, port, .. } = link;
    let Reply { stdout, stderr, ending, truncated } = reply;
    if *truncated {
        let cause = "the host printed more than 16 MiB before it ran the script".to_owned();
        let hint = format!(
            "see what the login shell of {user} reads on the host (.bashrc, .zshenv, config.fish): it should print nothing \
             where there is no terminal"
        );
        return error("no-answer", cause, hint);
    }
    if let Some(error) = expired(ending, stdout, stderr).or_else(|| refused(ending, stdout, stderr, user)) {
        return error;
    }
    let cause = cause(ending, stdout, stderr);
    match ending {
        Ending::Status(126 | 127) => {
            let hint = "is there a /bin/sh, and does a start file of the login shell change PATH?".to_owned();
            error("shell-missing", cause, hint)
        }
        Ending::Status(0) => {
            let hint = format!(
                "look at ForceCommand in the host's sshd_config, at `command=` before the key in authorized_keys, and at \
                 the login shell and its start files; `ssh -p {port} {user}@{address} echo yes` must print yes"
            );
            error("forced-command", cause, hint)
        }
        _ => {
            let hint = format!(
                "try `ssh -p {port} {user}@{address} 'exec sh -s' </dev/null`: it must print nothing and end with status 0"
            );
            error("no-answer", cause, hint)
        }
    }
}

/// A password that must be changed first: nothing else says this in this way, whatever was asked for.
pub(super) fn expired(ending: &Ending, stdout: &[u8], stderr: &[u8]) -> Option<TransportError> {
    let said = String::from_utf8_lossy(stderr);
    let said = *ending == Ending::Status(1)
        && stdout.is_empty()
        && said.trim_end().trim_end_matches('.').ends_with(MUST_CHANGE);
    said.then(|| {
        TransportError::new(
            Rung::Authentication,
            "password-expired",
            "the account's password has expired, and the server runs nothing until it is changed",
        )
        .hint("log in by hand once and change it; for an account that logs in by key alone, `chage -M -1 USER` on the host")
    })
}

/// A login shell, or a forced command, that says itself that it runs nothing: where it is known that nothing of ours ran.
pub(super) fn refused_by_shell(ending: &Ending, stdout: &[u8], stderr: &[u8]) -> Option<TransportError> {
    refused(ending, stdout, stderr, SOMEBODY)
}

fn refused(ending: &Ending, stdout: &[u8], stderr: &[u8], user: &str) -> Option<TransportError> {
    let cause = cause(ending, stdout, stderr);
    if REFUSES.iter().any(|text| cause.contains(text)) {
        let hint = format!("give {user} a shell on the host (`usermod -s /bin/sh {user}`), or log in as another user");
        return Some(error("login-shell-refuses", cause, hint));
    }
    if cause.contains(ONLY_SFTP) {
        let hint = format!(
            "take `ForceCommand internal-sftp` off {user} in the host's sshd_config, or log in as another user"
        );
        return Some(error("sftp-only", cause, hint));
    }
    None
}

fn cause(ending: &Ending, stdout: &[u8], stderr: &[u8]) -> String {
    let said = last_words(stdout, stderr);
    let words = if said.is_empty() { "it printed nothing" } else { said.as_str() };
    format!("the host did not run the script ({ending}): {words}")
}

/// The last line of standard error, or else of standard output, without what is no text.
fn last_words(stdout: &[u8], stderr: &[u8]) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        heard(&line.replace('\u{fffd}', "")).trim_end_matches('.').to_owned()
    };
    Some(last(stderr)).filter(|line| !line.is_empty()).unwrap_or_else(|| last(stdout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::TransportKind;

    fn link() -> Link {
        Link { name: "is-1".to_owned(), ..Link::bare(TransportKind::Ssh, "192.0.2.1", 22, "ops") }
    }

    fn reply(status: u32, stdout: &str, stderr: &str) -> Reply {
        let (stdout, stderr) = (stdout.as_bytes().to_vec(), stderr.as_bytes().to_vec());
        Reply { stdout, stderr, truncated: false, ending: Ending::Status(status) }
    }

    #[test]
    fn what_stands_where_a_shell_does_not_answer_is_named() {
        let cases = [
            (reply(1, "This account is currently not available.\n", ""), "login-shell-refuses"),
            (reply(1, "This service allows sftp connections only.\r\n", ""), "sftp-only"),
            (reply(127, "", "bash: line 1: exec: sh: not found\n"), "shell-missing"),
            (reply(127, "", "sh: Command not found.\n"), "shell-missing"),
            (reply(0, "", ""), "forced-command"),
            (reply(0, "Only backups here\n", ""), "forced-command"),
            (reply(1, "", ""), "no-answer"),
            (reply(3, "", "out of memory\n"), "no-answer"),
        ];
        for (reply, code) in cases {
            let error = instead(&reply, &link());
            assert_eq!((error.code, error.rung), (code, Rung::Shell), "{error}");
            assert!(error.hint.is_some() && !error.cause.ends_with('.'), "{error:?}");
        }
    }

    #[test]
    fn only_the_servers_own_words_count_for_a_password() {
        let code = |status: u32, stdout: &str, stderr: &str| {
            expired(&Ending::Status(status), stdout.as_bytes(), stderr.as_bytes()).map(|error| error.code)
        };
        let change = "WARNING: Your password has expired.\r\nPassword change required but no TTY available.\r\n";
        assert_eq!(code(1, "", change), Some("password-expired"));
        assert_eq!(code(1, "begun\n", change), None);
        assert_eq!(code(0, "", change), None);
        assert_eq!(code(1, "", ""), None);
        assert_eq!(instead(&reply(1, "", change), &link()).code, "password-expired");
    }
}
