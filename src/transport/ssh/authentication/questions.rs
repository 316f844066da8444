//! What a server asks for in a keyboard-interactive login.

/// What an answer would have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum Wanted {
    /// The password.
    Password,
    /// A new password, because the old one has expired.
    Change,
    /// Something that we do not have.
    Other,
}

/// Words of questions for the second factor. Some of them are asked for as a "one-time password".
const SECOND: [&str; 13] = [
    "code",
    "otp",
    "one-time",
    "one time",
    "token",
    "passcode",
    "factor",
    "yubikey",
    "pin",
    "duo",
    "challenge",
    "response",
    "touch",
];

/// Words of questions that only a password that must be changed leads to.
const CHANGE: [&str; 6] = ["new ", "retype", "reenter", "re-enter", "current", "old "];

/// What a question wants. `is_first` says that no other was asked before it: the first hidden answer is the password,
/// in whatever language it is asked for.
pub(in crate::transport) fn wanted(question: &str, is_shown: bool, is_first: bool) -> Wanted {
    let text = question.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '-');
    let second = SECOND.iter().any(|second| match second.len() {
        // Short ones are part of other words: "opinion" is no PIN.
        ..=4 => words.clone().any(|word| word == *second),
        _ => text.contains(second),
    });
    match () {
        () if is_shown || second => Wanted::Other,
        () if text.contains("pass") && has(&CHANGE) => Wanted::Change,
        () if is_first => Wanted::Password,
        () => Wanted::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_hidden_answer_is_the_password() {
        for question in
            ["Password: ", "(ops@is-1) Password: ", "Passwort: ", "Mot de passe : ", "Password for opinions:"]
        {
            assert_eq!(wanted(question, false, true), Wanted::Password, "{question}");
            assert_eq!(wanted(question, false, false), Wanted::Other, "{question}");
            assert_eq!(wanted(question, true, true), Wanted::Other, "{question}");
        }
    }

    #[test]
    fn a_second_factor_never_gets_it() {
        let questions = [
            "Verification code: ",
            "One-time password (OATH) for `ops': ",
            "Enter OTP:",
            "Passcode or option (1-3): ",
            "Enter PIN: ",
            "YubiKey for `ops': ",
            "Duo two-factor login",
            "Response: ",
        ];
        for question in questions {
            assert_eq!(wanted(question, false, true), Wanted::Other, "{question}");
        }
    }

    #[test]
    fn a_change_is_told_from_a_login() {
        for question in ["New password: ", "Retype new password: ", "Current password: ", "(current) UNIX password: "] {
            assert_eq!(wanted(question, false, true), Wanted::Change, "{question}");
        }
    }
}
