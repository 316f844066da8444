//! Becoming another user on the host with sudo or doas, before the command has its input.

use std::time::Duration;

use crate::model::inventory::BecomeMethod;
use crate::model::quote;

use super::{
    Answer, Become, Ending, Gate, Refusal, RefusalKind, Reply, Request, Rung, Stream, Transport, TransportError,
};

/// How long sudo or doas may take to let us in; a command behind it has its own, longer deadline.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs every request as another user.
pub(super) struct BecomeUser {
    inner: Box<dyn Transport>,
    how: Become,
}

impl BecomeUser {
    pub(super) fn new(inner: Box<dyn Transport>, how: Become) -> Self {
        Self { inner, how }
    }
}

impl Transport for BecomeUser {
    fn run<'a>(&'a self, request: &'a Request) -> Answer<'a, Reply> {
        Box::pin(async move {
            // Fresh for each request: nothing that the host has seen before can pass for the prompt or for readiness.
            let request = wrap(&self.how, request, rand::random());
            self.inner.run(&request).await
        })
    }

    fn open<'a>(&'a self, target: &'a str, port: u16) -> Answer<'a, Stream> {
        // A connection is the server's, not the user's: there is nobody to become.
        self.inner.open(target, port)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}

fn wrap(how: &Become, request: &Request, nonce: u128) -> Request {
    let gate = Gate {
        prompt: format!("hactl-password-{nonce:032x}:"),
        password: how.password.clone(),
        ready: format!("hactl-ready-{nonce:032x}"),
        refused: match how.method {
            BecomeMethod::Doas => doas_refused,
            _ => sudo_refused,
        },
        patience: PATIENCE,
    };
    let user = quote(&how.user);
    let program = match how.method {
        BecomeMethod::Sudo => format!("sudo -S -H -p {} -u {user} --", gate.prompt),
        BecomeMethod::Doas => format!("doas -n -u {user}"),
        BecomeMethod::None => "env --".to_owned(),
    };
    // The messages that are told apart below are those of the C locale. The password comes before `ready` and the
    // input after it; a sudo that asks for nothing would otherwise hand the password to the command.
    let inside = format!("printf %s {}; exec /bin/sh -c \"$1\"", gate.ready);
    Request {
        command: format!("exec env LC_ALL=C {program} /bin/sh -c {} sh {}", quote(&inside), quote(&request.command)),
        input: request.input.clone(),
        gate: Some(gate),
        deadline: request.deadline,
        limit: request.limit,
        outlet: request.outlet.clone(),
    }
}

fn error(code: &'static str, cause: impl Into<String>, hint: &str) -> TransportError {
    TransportError::new(Rung::Become, code, cause).hint(hint)
}

fn sudo_refused(refusal: &Refusal) -> TransportError {
    let said = refusal.said.as_str();
    let says = |text: &str| said.contains(text);
    match &refusal.kind {
        RefusalKind::AskedAgain => error(
            "sudo-wrong-password",
            "sudo did not take the password",
            "check the secret behind ssh.become.password; sudo asks for the password of the user who logs in",
        ),
        RefusalKind::AskedWithoutPassword => error(
            "sudo-password-missing",
            "sudo asks for a password and the inventory names none",
            "set ssh.become.password, or allow the user NOPASSWD in sudoers",
        ),
        _ if says("not in the sudoers file") || says("is not allowed to") || says("may not run sudo") => error(
            "not-in-sudoers",
            format!("sudo does not allow it: {said}"),
            "let an administrator add a rule with visudo that lets the user run /bin/sh",
        ),
        _ if says("must have a tty") || says("a terminal is required") => error(
            "sudo-needs-terminal",
            format!("sudo wants a terminal: {said}"),
            "add `Defaults:USER !requiretty` to sudoers with visudo",
        ),
        // A wrong password where sudo allows a single try ends without a second prompt.
        _ if says("incorrect password") || says("no password was provided") => error(
            "sudo-wrong-password",
            "sudo did not take the password",
            "check the secret behind ssh.become.password; sudo asks for the password of the user who logs in",
        ),
        _ => refused("sudo", refusal),
    }
}

fn doas_refused(refusal: &Refusal) -> TransportError {
    let said = refusal.said.as_str();
    let says = |text: &str| said.contains(text);
    match &refusal.kind {
        RefusalKind::Ended(_)
            if says("Authentication required") || says("Authorization required") || says("a tty is required") =>
        {
            error(
                "doas-needs-terminal",
                format!("doas asks for a password, which it takes from a terminal alone: {said}"),
                "add `nopass` to the user's rule in doas.conf, or use method: sudo",
            )
        }
        RefusalKind::Ended(_) if says("Operation not permitted") => error(
            "not-in-doas-conf",
            format!("doas does not allow it: {said}"),
            "let an administrator add `permit nopass USER as root` to doas.conf",
        ),
        _ => refused("doas", refusal),
    }
}

fn refused(program: &str, refusal: &Refusal) -> TransportError {
    let said = refusal.said.as_str();
    match &refusal.kind {
        RefusalKind::OutOfTime => error(
            "become-timeout",
            format!("{program} did not get ready in time; it said: {said}"),
            "log in and run it by hand: it may wait for a directory server, or ask for something other than a password",
        ),
        RefusalKind::Ended(Ending::Status(126 | 127)) => error(
            "become-missing",
            format!("{program} cannot be run on the host: {said}"),
            "install it, choose another method, or log in as root and set method: none",
        ),
        _ if said.contains("unknown user") => {
            error("become-user-unknown", format!("{program} does not know the user: {said}"), "check ssh.become.user")
        }
        RefusalKind::Ended(ending) => error(
            "become-failed",
            format!("{program} ended with {ending} before it was ready: {said}"),
            "log in and run it by hand to see why",
        ),
        RefusalKind::AskedAgain | RefusalKind::AskedWithoutPassword => error(
            "become-failed",
            format!("{program} asks for a password: {said}"),
            "log in and run it by hand to see why",
        ),
    }
}
