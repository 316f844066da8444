//! The shell behind the login: does it run what it is sent, and if not, what does it do instead?

use crate::model::Script;
use crate::orchestration::Failure;
use crate::transport::{Link, Reply, TransportError, instead};

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
    let Some(answer) = answer else { return Err(instead(reply, link)) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::TransportKind;
    use crate::transport::Ending;

    fn link() -> Link {
        Link { name: "is-1".to_owned(), ..Link::bare(TransportKind::Ssh, "192.0.2.1", 22, "ops") }
    }

    fn reply(status: u32, stdout: &str, stderr: &str) -> Reply {
        let (stdout, stderr) = (stdout.as_bytes().to_vec(), stderr.as_bytes().to_vec());
        Reply { stdout, stderr, truncated: false, ending: Ending::Status(status) }
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
