//! Passwords, and what servers ask besides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hactl::model::Secret;
use hactl::transport::Rung;
use russh::keys::PrivateKey;
use russh::server::{Auth, Config, Handler, Response, run_stream};
use russh::{MethodKind, MethodSet};
use tokio::net::TcpListener;

use super::agent::{Agent, refusals};
use super::*;
use crate::account::Account;
use crate::sshd::{Sshd, is_left_to_openssh, keygen, output};

pub(super) const PASSWORD: &str = "poison-login";

fn secret(text: &str) -> Option<Arc<Secret>> {
    Some(Arc::new(Secret::new(text.to_owned())))
}

fn account() -> Option<Account> {
    let account = Account::new("chpasswd", "")?;
    account.set_password(PASSWORD);
    Some(account)
}

fn link(server: &Sshd, account: &Account) -> Link {
    Link { user: account.name().to_owned(), identities: Vec::new(), password: secret(PASSWORD), ..server.link() }
}

/// The ways to ask for a password: by the method of that name, by questions, by both, and by the method alone with the
/// system's rules about accounts.
const WAYS: [&[&str]; 4] = [
    &["PasswordAuthentication yes"],
    &["UsePAM yes", "KbdInteractiveAuthentication yes"],
    &["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication yes"],
    &["UsePAM yes", "PasswordAuthentication yes"],
];

/// How many passwords a server has refused, once it has written down the end of the connection of that login.
async fn failures(server: &Sshd) -> usize {
    let end = Instant::now() + Duration::from_secs(20);
    let log = loop {
        let log = server.log();
        if log.contains("authenticating user") {
            break log;
        }
        assert!(Instant::now() < end, "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    log.matches("Failed password").count() + log.matches("Failed keyboard-interactive").count()
}

#[tokio::test]
async fn it_is_taken_and_a_wrong_one_is_sent_once() {
    if is_left_to_openssh("how questions are answered, and what is said of a login that is refused") {
        return;
    }
    let Some(account) = account() else { return };
    for lines in WAYS {
        let Some(server) = Sshd::start(lines) else { return };
        let mut link = link(&server, &account);
        assert_eq!(say(&*open(&link).await, "id -un").await.trim(), account.name());
        link.password = secret("poison-wrong");
        let error = refused(&link).await;
        assert_eq!((error.rung, error.code, error.retry), (Rung::Authentication, "password-refused", false));
        assert!(!format!("{error:?}").contains("poison"), "{error:?}");
        assert_eq!(failures(&server).await, 1, "{}", server.log());
        link.password = None;
        assert_eq!(refused(&link).await.code, "authentication-refused");
    }
}

#[tokio::test]
async fn a_server_may_want_both_a_key_and_a_password() {
    let Some(account) = account() else { return };
    for (lines, way) in WAYS.iter().zip(["password", "keyboard-interactive", "password", "password"]) {
        let methods = format!("AuthenticationMethods publickey,{way}");
        let Some(server) = Sshd::start(&[lines, &[methods.as_str()][..]].concat()) else { return };
        let mut link = Link { identities: vec![server.identity()], ..link(&server, &account) };
        open(&link).await;
        link.password = None;
        let error = refused(&link).await;
        assert!(error.cause.ends_with(&format!("the server takes {way}")), "{error}");
        // Without the key, nobody is asked for a password.
        link = Link { identities: Vec::new(), ..self::link(&server, &account) };
        assert_eq!(refused(&link).await.code, "authentication-refused");
        assert!(!server.log().contains("Failed password"), "{}", server.log());
    }
}

#[tokio::test]
async fn there_is_room_for_it_behind_an_agent_full_of_keys() {
    if is_left_to_openssh("how questions are answered, and what is said of a login that is refused") {
        return;
    }
    let Some(account) = account() else { return };
    let Some(server) = Sshd::start(&["PasswordAuthentication yes", "MaxAuthTries 6"]) else { return };
    let Some(agent) = Agent::start() else { return };
    for number in 0..10 {
        let file = server.file(&format!("stranger-{number}"));
        keygen(&file, "ed25519", "");
        agent.add(&file);
    }
    let link = Link { agent: true, agent_socket: Some(agent.socket()), ..link(&server, &account) };
    open(&link).await;
    assert_eq!(refusals(&server), 4);
    refused(&Link { password: secret("poison-wrong"), ..link }).await;
    assert!(!server.log().contains("maximum authentication attempts"), "{}", server.log());
}

#[tokio::test]
async fn one_that_must_be_changed_is_told_from_a_wrong_one() {
    if is_left_to_openssh("how questions are answered, and what is said of a login that is refused") {
        return;
    }
    let Some(account) = account() else { return };
    output("chage", &["-d", "0", account.name()]);
    for lines in WAYS {
        let Some(server) = Sshd::start(lines) else { return };
        let link = link(&server, &account);
        // By the method `password`, sshd lets us in and then runs nothing.
        let error = match connect(&link).await {
            Ok(wire) => wire.run(&command("echo in")).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!((error.rung, error.code), (Rung::Authentication, "password-expired"), "{error}\n{}", server.log());
        assert!(!format!("{error:?}").contains("poison"), "{error:?}");
    }
}

#[tokio::test]
async fn an_account_that_is_expired_or_locked_is_told() {
    if is_left_to_openssh("how questions are answered, and what is said of a login that is refused") {
        return;
    }
    let Some(account) = account() else { return };
    let Some(server) = Sshd::start(WAYS[2]) else { return };
    let Some(strict) = Sshd::start(WAYS[0]) else { return };
    let Some(pam) = Sshd::start(WAYS[3]) else { return };
    let link = |server: &Sshd| link(server, &account);
    output("chage", &["-E", "0", account.name()]);
    // Asked by questions, sshd says nothing more than no.
    let error = refused(&link(&server)).await;
    assert_eq!(error.code, "password-refused", "{error}\n{}", server.log());
    assert!(error.hint.unwrap().contains("expired"));
    for link in [link(&pam), Link { identities: vec![pam.identity()], password: None, ..link(&pam) }] {
        let error = refused(&link).await;
        assert_eq!(error.code, "account-refused", "{error}\n{}", pam.log());
        assert!(error.cause.contains("Your account has expired"), "{error}");
    }
    output("chage", &["-E", "-1", account.name()]);
    open(&link(&server)).await;
    output("usermod", &["-L", account.name()]);
    for server in [&server, &strict] {
        let error = refused(&link(server)).await;
        assert_eq!(error.code, "password-refused", "{error}");
        assert!(error.hint.unwrap().contains("locked"));
    }
}

/// A question, and whether its answer is shown.
pub(super) type Prompt = (&'static str, bool);

/// A server that asks questions, one after another.
struct Asking {
    questions: &'static [Prompt],
    answers: Vec<String>,
    heard: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Handler for Asking {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let new = response.into_iter().flatten().map(|answer| String::from_utf8_lossy(&answer).into_owned());
        self.answers.extend(new);
        self.heard.lock().unwrap().clone_from(&self.answers);
        Ok(match self.questions.get(self.answers.len()) {
            Some((question, echo)) => Auth::Partial {
                name: "".into(),
                instructions: "Two\x1b[31m factors".into(),
                prompts: vec![((*question).into(), *echo)].into(),
            },
            None => Auth::Accept,
        })
    }
}

/// Logs in to a server with these questions; returns how that ended, and the answers that it heard.
async fn asked(questions: &'static [Prompt]) -> (Result<(), TransportError>, Vec<String>) {
    asked_by(questions, |link| link).await
}

/// The same by another way.
pub(super) async fn asked_by(
    questions: &'static [Prompt],
    way: impl FnOnce(Link) -> Link,
) -> (Result<(), TransportError>, Vec<String>) {
    let folder = tempfile::TempDir::new().unwrap();
    keygen(&folder.path().join("host"), "ed25519", "");
    let key = PrivateKey::read_openssh_file(folder.path().join("host")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let public = std::fs::read_to_string(folder.path().join("host.pub")).unwrap();
    std::fs::write(folder.path().join("known_hosts"), format!("[127.0.0.1]:{port} {public}")).unwrap();
    let config = Arc::new(Config {
        methods: MethodSet::from(&[MethodKind::KeyboardInteractive][..]),
        auth_rejection_time: Duration::from_millis(10),
        keys: vec![key],
        ..Config::default()
    });
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let handler = Asking { questions, answers: Vec::new(), heard: Arc::clone(&heard) };
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(session) = run_stream(config, stream, handler).await {
            drop(session.await);
        }
    });
    let link = Link {
        kind: hactl::model::inventory::TransportKind::Ssh,
        address: "127.0.0.1".to_owned(),
        port,
        user: "ops".to_owned(),
        password: secret(PASSWORD),
        known_hosts: vec![folder.path().join("known_hosts")],
        connect_timeout: Duration::from_secs(20),
        ..super::local::link()
    };
    let result = connect(&way(link)).await.map(drop);
    serving.abort();
    let heard = heard.lock().unwrap().clone();
    (result, heard)
}

#[tokio::test]
async fn the_password_answers_the_question_for_it_and_no_other() {
    if is_left_to_openssh("how questions are answered, and what is said of a login that is refused") {
        return;
    }
    let (result, heard) = asked(&[("Passwort: ", false)]).await;
    assert_eq!((result, heard), (Ok(()), vec![PASSWORD.to_owned()]));
    let rows: [(&[Prompt], usize, &str); 5] = [
        (&[("Password: ", false), ("Verification code: ", false)], 1, "`Verification code:`"),
        (&[("One-time password (OATH) for `ops': ", false)], 0, "`One-time password (OATH) for `ops':`"),
        (&[("Password: ", false), ("Password: ", false)], 1, "`Password:`"),
        (&[("Name: ", true)], 0, "`Name:`"),
        (&[("Password: ", false), ("Choose 1 (push) or 2 (call): ", true)], 1, "`Choose 1 (push) or 2 (call):`"),
    ];
    for (questions, answers, named) in rows {
        let (result, heard) = asked(questions).await;
        let error = result.unwrap_err();
        assert_eq!((error.code, heard.len()), ("question-unanswered", answers), "{error}");
        assert!(error.cause.contains(named) && error.cause.contains("Two?[31m factors"), "{error}");
        assert!(error.hint.unwrap().contains("exempt from it"));
    }
    let (result, heard) = asked(&[("Password: ", false), ("New password: ", false)]).await;
    assert_eq!((result.unwrap_err().code, heard.len()), ("password-expired", 1));
}
