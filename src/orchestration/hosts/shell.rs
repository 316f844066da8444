//! The shell behind the login: does it run what it is sent, and if not, what does it do instead?

use crate::model::Script;
use crate::orchestration::Failure;
use crate::transport::{Ending, Link, Reply, Rung, TransportError, heard};

/// What a shell said of itself.
pub(super) struct Shell {
    /// The program behind `sh`.
    pub(super) name: String,
    pub(super) warning: Option<Failure>,
}

/// Shell that prints a line with `nonce`, the umask, and the program behind `sh`.
pub(super) fn probe(nonce: &str) -> Script {
    let mut script = Script::new();
    script.line("LC_ALL=C; export LC_ALL");
    script.line(&format!(
        "printf '\\n{nonce} %s %s\\n' \"$(umask)\" \"$(readlink -f \"$(command -v sh)\" 2> /dev/null)\""
    ));
    script
}

/// Reads the answer.
///
/// # Errors
/// When it is not the answer of a shell.
pub(super) fn read(reply: &Reply, nonce: &str, link: &Link) -> Result<Shell, TransportError> {
    let said = String::from_utf8_lossy(&reply.stdout);
    let answer = said.lines().find_map(|line| line.strip_prefix(nonce)).map(str::trim);
    let Some(answer) = answer else { return Err(refused(reply, link)) };
    let (umask, name) = answer.split_once(' ').unwrap_or((answer, ""));
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Shell { name, warning: u32::from_str_radix(umask, 8).ok().and_then(odd_umask) })
}

/// hactl sets its own; what the user starts by hand has this one.
fn odd_umask(umask: u32) -> Option<Failure> {
    let whose = match umask {
        closed if closed & 0o700 != 0 => "closed to himself",
        open if open & 0o002 == 0 => "writable by everybody",
        _ => return None,
    };
    let cause = format!("what this user makes is {whose} (umask {umask:04o})");
    Some(
        Failure::new("umask-odd", cause)
            .hint("set umask 022 or 027 in the user's start file, /etc/profile or /etc/login.defs"),
    )
}

/// The host has run something, but not our script: what was it?
pub(in crate::orchestration) fn refused(reply: &Reply, link: &Link) -> TransportError {
    let Link { user, address, port, .. } = link;
    let ending = &reply.ending;
    let error = |code, cause: String, hint: String| TransportError::new(Rung::Shell, code, cause).hint(hint);
    if reply.truncated {
        let cause = "the host printed more than 16 MiB before it ran the script".to_owned();
        let hint = format!(
            "see what the login shell of {user} reads on the host (.bashrc, .zshenv, config.fish): it should print nothing \
             where there is no terminal"
        );
        return error("no-answer", cause, hint);
    }
    let said = last_words(reply);
    let has = |text: &str| said.contains(text);
    let words = if said.is_empty() { "it printed nothing" } else { said.as_str() };
    let cause = format!("the host did not run the script ({ending}): {words}");
    if has("account is currently not available") || has("account is not available") || has("not allowed to login") {
        let hint = format!("give {user} a shell on the host (`usermod -s /bin/sh {user}`), or log in as another user");
        return error("login-shell-refuses", cause, hint);
    }
    if has("sftp connections only") {
        let hint = format!(
            "take `ForceCommand internal-sftp` off {user} in the host's sshd_config, or log in as another user"
        );
        return error("sftp-only", cause, hint);
    }
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

/// The last line of standard error, or else of standard output, without what is no text.
fn last_words(reply: &Reply) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        heard(&line.replace('\u{fffd}', "")).trim_end_matches('.').to_owned()
    };
    Some(last(&reply.stderr)).filter(|line| !line.is_empty()).unwrap_or_else(|| last(&reply.stdout))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::inventory::TransportKind;
    use crate::transport::{Climb, ConnectionOptions, Given, JumpHosts, Keyring};

    fn link() -> Link {
        Link {
            name: "is-1".to_owned(),
            kind: TransportKind::Ssh,
            address: "192.0.2.1".to_owned(),
            port: 22,
            user: "ops".to_owned(),
            identities: Vec::new(),
            usual_identities: Vec::new(),
            certificates: Vec::new(),
            identities_only: false,
            passphrase: None,
            password: None,
            agent: false,
            agent_socket: None,
            keyring: Keyring::default(),
            known_hosts: Vec::new(),
            host_key_alias: None,
            host_keys: Vec::new(),
            via: None,
            jump_hosts: JumpHosts::default(),
            connect_timeout: Duration::from_secs(1),
            given: Given::ALL,
            options: ConnectionOptions::default(),
            become_: None,
            streams: false,
            climb: Climb::default(),
        }
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
            let error = refused(&reply, &link());
            assert_eq!((error.code, error.rung), (code, Rung::Shell), "{error}");
            assert!(error.hint.is_some() && !error.cause.ends_with('.'), "{error:?}");
        }
    }

    #[test]
    fn noise_before_the_answer_is_not_the_answer() {
        let shell = read(&reply(0, "Welcome!\nN 0000 /bin/x\nhactl-1 0022 /usr/bin/dash\n", ""), "hactl-1", &link());
        let shell = shell.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((shell.name.as_str(), shell.warning), ("dash", None));
        let odd = |umask| odd_umask(umask).map(|warning| warning.cause);
        assert_eq!(odd(0o002).as_deref(), None, "a group of one's own");
        assert_eq!(odd(0).as_deref(), Some("what this user makes is writable by everybody (umask 0000)"));
        assert_eq!(odd(0o777).as_deref(), Some("what this user makes is closed to himself (umask 0777)"));
    }
}
