//! What programs say that no test can run here: their words are from their sources.

use std::collections::BTreeSet;

use super::{command, doas, su, sudo};
use crate::model::inventory::BecomeMethod;
use crate::transport::{Attempts, Become, Ending, Input, Refusal, RefusalKind, Request, TransportError};

fn ended(refused: fn(&Refusal) -> TransportError, status: u32, said: &str) -> TransportError {
    let kind = RefusalKind::Ended(Ending::Status(status));
    refused(&Refusal { kind, said: said.to_owned(), whose: None, has_password: true })
}

#[test]
fn refusals_are_told_apart_whoever_wrote_the_program() {
    let sudo = sudo::refused as fn(&Refusal) -> TransportError;
    let (su, doas) = (su::refused as fn(&Refusal) -> TransportError, doas::refused as fn(&Refusal) -> TransportError);
    let all = [
        (sudo, "sudo: sorry, you must have a tty to run sudo", "sudo-needs-terminal"),
        (sudo, "sudo: no tty present and no askpass program specified", "sudo-needs-terminal"),
        (sudo, "sudo: A terminal is required to authenticate", "sudo-needs-terminal"),
        (
            sudo,
            "ops is not in the sudoers file.\nThis incident has been reported to the administrator.",
            "not-in-sudoers",
        ),
        (sudo, "Sorry, user ops may not run sudo on is-1.", "not-in-sudoers"),
        (sudo, "sudo: I'm sorry ops. I'm afraid I can't do that", "not-in-sudoers"),
        (sudo, "Sorry, try again.\nsudo: 1 incorrect password attempt", "sudo-wrong-password"),
        (sudo, "sudo: maximum 1 incorrect authentication attempts", "sudo-wrong-password"),
        (sudo, "sudo: unknown user: wso2", "become-user-unknown"),
        (sudo, "sudo: user 'wso2' not found", "become-user-unknown"),
        (sudo, "sudo: Account or password is expired, reset your password and try again", "become-account-refused"),
        (sudo, "sudo: Account validation failure, is your account locked?", "become-account-refused"),
        (sudo, "sudo: /etc/sudo.conf is owned by uid 1000, should be 0", "become-failed"),
        (su, "su: must be run from a terminal", "su-needs-terminal"),
        (su, "su: Authentication failure", "su-wrong-password"),
        (su, "su: incorrect password", "su-wrong-password"),
        (su, "su: Permission denied", "su-not-allowed"),
        (
            su,
            "su: user wso2 does not exist or the user entry does not contain all the required fields",
            "become-user-unknown",
        ),
        (su, "No passwd entry for user 'wso2'", "become-user-unknown"),
        (su, "su: unknown user wso2", "become-user-unknown"),
        (su, "Your account has expired; please contact your system administrator", "become-account-refused"),
        (doas, "doas: a tty is required", "doas-needs-terminal"),
        (doas, "doas: Authentication required", "doas-needs-terminal"),
        (doas, "doas: Authorization failed", "doas-wrong-password"),
        (doas, "doas: Operation not permitted", "not-in-doas-conf"),
        (doas, "doas: doas is not enabled, /etc/doas.conf: No such file or directory", "not-in-doas-conf"),
    ];
    for (refused, said, code) in all {
        let error = ended(refused, 1, said);
        assert_eq!(error.code, code, "{said}");
        assert!(error.hint.is_some() && !error.cause.ends_with('.'), "{error:?}");
    }
    let missing = "a terminal is needed, and the host has no program named script that could make one";
    for (refused, code) in [(sudo, "sudo-needs-terminal"), (su, "su-needs-terminal"), (doas, "doas-needs-terminal")] {
        assert_eq!(ended(refused, 127, missing).code, code);
        assert_eq!(ended(refused, 127, "env: 'it': No such file or directory").code, "become-missing");
    }
}

#[test]
fn a_refusal_does_not_repeat_the_whole_command() {
    let long = "exec /bin/sh -c \\'cd . 2>/dev/null\\' as you like".repeat(20);
    let said = format!("Sorry, user ops is not allowed to execute '/bin/sh -c {long}' as root on is-1.");
    let error = ended(sudo::refused, 1, &said);
    assert_eq!(
        error.cause,
        "sudo does not allow it: Sorry, user ops is not allowed to execute /bin/sh as root on is-1"
    );
    let error = ended(sudo::refused, 1, &format!("Sorry, user ops may not run /bin/sh {long} on is-1."));
    assert_eq!(error.cause, "sudo does not allow it: Sorry, user ops may not run /bin/sh on is-1");
    let error = ended(sudo::refused, 1, &"ä".repeat(5000));
    assert!(error.cause.chars().count() < 600, "{error}");
}

#[test]
fn no_command_line_holds_the_password_and_none_is_ready_before_its_time() {
    use crate::model::Secret;
    let methods = [BecomeMethod::Sudo, BecomeMethod::Doas, BecomeMethod::Su];
    let mut lines = BTreeSet::new();
    for (method, with_terminal) in methods.into_iter().flat_map(|method| [(method, false), (method, true)]) {
        let password = Some(std::sync::Arc::new(Secret::new("poison".to_owned())));
        let how = Become { method, user: "it's me".to_owned(), password, attempts: Attempts::default() };
        let deadline = std::time::Duration::from_secs(1);
        let request = Request {
            command: "echo 'a b'".to_owned(),
            input: Input::Nothing,
            gate: None,
            deadline,
            limit: 10,
            outlet: None,
        };
        let (wrapped, _) = command::wrap(&how, &request, 7, with_terminal);
        let gate = wrapped.gate.unwrap();
        assert!(!wrapped.command.contains("poison") && !wrapped.command.contains(&gate.ready), "{}", wrapped.command);
        assert_eq!(gate.blank_line, with_terminal);
        assert!(lines.insert(wrapped.command));
    }
}
