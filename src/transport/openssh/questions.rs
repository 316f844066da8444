//! What `ssh` wants to know, by its words. Pure.

/// Who wants what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// `ssh`, the passphrase of this file.
    Passphrase(&'a str),
    /// `ssh`, the PIN of what it calls so.
    Pin(String),
    /// The server, the password.
    Password,
    /// The server, something else, in these words.
    Other(&'a str),
}

/// How many bytes of a file's name a question shows.
pub(super) const NAME: usize = 100;

/// Tells the questions apart. `unnamed`: the server's own may stand there without a `(user@host) ` before them, as they do
/// before OpenSSH 8.5; then nothing else is believed.
pub(super) fn asked(question: &str, unnamed: bool) -> Asked<'_> {
    if unnamed || question.starts_with('(') {
        return Asked::Other(question);
    }
    if let Some(file) = question.strip_prefix("Enter passphrase for ") {
        let file = file.trim_end_matches(':');
        let file = file.strip_prefix("key ").unwrap_or(file);
        return Asked::Passphrase(file.strip_prefix('\'').and_then(|file| file.strip_suffix('\'')).unwrap_or(file));
    }
    if let Some(name) = question.strip_prefix("Enter PIN for ") {
        let name = name.trim_end_matches(':').trim();
        let label = name.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
        return Asked::Pin(label.map_or_else(|| name.to_owned(), |label| format!("token {}", label.trim_end())));
    }
    if question.ends_with("'s password:") { Asked::Password } else { Asked::Other(question) }
}

/// What the server has said of it: without the `(user@host) ` that `ssh` puts before it.
pub(super) fn bare(question: &str) -> &str {
    match question.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((_, bare)) => bare,
        None => question,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_told_by_its_words() {
        let pin = |name: &str| Asked::Pin(name.to_owned());
        for (question, wanted) in [
            ("Enter passphrase for key '/home/me/my key':", Asked::Passphrase("/home/me/my key")),
            ("Enter passphrase for /home/me/key:", Asked::Passphrase("/home/me/key")),
            ("Enter PIN for 'my token':", pin("token my token")),
            ("Enter PIN for ED25519-SK key /home/me/id:", pin("ED25519-SK key /home/me/id")),
            ("ops@is-1's password:", Asked::Password),
            ("(ops@is-1) Password:", Asked::Other("(ops@is-1) Password:")),
            ("Verification code:", Asked::Other("Verification code:")),
        ] {
            assert_eq!(asked(question, false), wanted, "{question}");
        }
        assert_eq!((bare("(ops@is-1) Code: (6)"), bare("Code:")), ("Code: (6)", "Code:"));
    }

    #[test]
    fn a_server_cannot_ask_for_what_is_sshs_business() {
        for trick in ["Enter PIN for 'my token':", "Enter passphrase for key '/home/me/key':", "x's password:"] {
            assert_eq!(asked(trick, true), Asked::Other(trick));
            let named = format!("(ops@is-1) {trick}");
            assert_eq!(asked(&named, false), Asked::Other(named.as_str()));
        }
    }
}
