//! One-time codes, and whatever else a server asks of a person.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hactl::model::Secret;
use hactl::model::inventory::TransportKind;
use hactl::transport::{Keyring, Question, Wanted};

use super::password::{PASSWORD, Prompt, asked_by};
use super::*;
use crate::account::{Account, Pam};
use crate::sshd::{Sshd, find, output, skip};

/// A person who gives these answers, and what they were asked, one at a time.
fn person(answers: &[&str]) -> (Keyring, Arc<Mutex<Vec<Question>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (noted, is_asked) = (Arc::clone(&asked), AtomicBool::new(false));
    let left: Mutex<VecDeque<String>> = Mutex::new(answers.iter().map(|answer| (*answer).to_owned()).collect());
    let keyring = Keyring::asking(move |question| {
        assert!(!is_asked.swap(true, Ordering::SeqCst), "two questions at once");
        noted.lock().unwrap().push(question.clone());
        // Long enough for others to come in between, if they could.
        std::thread::sleep(Duration::from_millis(50));
        is_asked.store(false, Ordering::SeqCst);
        left.lock().unwrap().pop_front().map(Secret::new)
    });
    (keyring, asked)
}

/// Both transports, or the one that can be had.
fn kinds() -> Vec<TransportKind> {
    let openssh = find("ssh").map(|_| TransportKind::Openssh);
    if openssh.is_none() {
        skip("there is no ssh");
    }
    [Some(TransportKind::Ssh), openssh].into_iter().flatten().collect()
}

#[track_caller]
fn is_answer(question: &Question, host: &str, text: &str) {
    let Wanted::Answer { host: named, question, .. } = &question.wanted else { panic!("{question:?}") };
    assert_eq!(named, host);
    assert!(question.contains(text) && !question.contains('\x1b'), "{question:?}");
}

#[tokio::test]
async fn what_the_server_asks_beyond_the_password_is_asked_of_the_person() {
    const CODE: &[Prompt] = &[("Verification\x1b[2J code: ", false)];
    const BOTH: &[Prompt] = &[("Password: ", false), ("Verification\x1b[2J code: ", false)];
    for kind in kinds() {
        for (questions, password, heard) in [
            (CODE, None, vec!["123456"]),
            (CODE, Some(PASSWORD), vec!["123456"]),
            (BOTH, Some(PASSWORD), vec![PASSWORD, "123456"]),
        ] {
            let (keyring, asked) = person(&["123456"]);
            let password = password.map(|text| Arc::new(Secret::new(text.to_owned())));
            let way = |link| Link { kind, name: "is-7".to_owned(), password, keyring, ..link };
            let (result, said) = asked_by(questions, way).await;
            assert_eq!((result, said), (Ok(()), heard.into_iter().map(str::to_owned).collect()), "{kind:?}");
            let asked = asked.lock().unwrap();
            assert_eq!(asked.len(), 1, "{asked:?}");
            is_answer(&asked[0], "is-7", "code:");
        }
    }
}

#[tokio::test]
async fn without_an_answer_nothing_is_sent() {
    const CODE: &[Prompt] = &[("Verification code: ", false)];
    for kind in kinds() {
        // One has no answer, and the other is not there.
        for keyring in [person(&[]).0, Keyring::default()] {
            let (result, said) = asked_by(CODE, |link| Link { kind, keyring, ..link }).await;
            let error = result.unwrap_err();
            assert_eq!((error.rung, error.code), (Rung::Authentication, "question-unanswered"), "{kind:?}: {error}");
            assert!(error.cause.contains("`Verification code:`"), "{error}");
            assert!(error.hint.unwrap().contains("--no-input"));
            assert_eq!(said, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_server_is_not_told_what_ssh_itself_would_be() {
    const TRICKS: [&[Prompt]; 2] =
        [&[("Enter PIN for 'my token': ", false)], &[("Enter passphrase for key '/dev/null': ", false)]];
    for kind in kinds() {
        for trick in TRICKS {
            let (keyring, asked) = person(&["nothing secret"]);
            let secret = || Some(Arc::new(Secret::new("poison".to_owned())));
            let way =
                |link| Link { kind, keyring, passphrase: secret(), password: None, name: "is-7".to_owned(), ..link };
            let (result, said) = asked_by(trick, way).await;
            assert_eq!((result, said), (Ok(()), vec!["nothing secret".to_owned()]), "{kind:?}");
            is_answer(&asked.lock().unwrap()[0], "is-7", trick[0].0.trim());
        }
    }
}

/// The key of the codes, and which ones are good: the first ones, each once.
const KEY: &str = "00112233445566778899aabbccddeeff00112233";

fn code(number: usize) -> String {
    output("oathtool", &["--hotp", "-c", &number.to_string(), KEY]).trim().to_owned()
}

/// A server that wants a key and a code by PAM, for this account.
fn with_codes(account: &Account, pam: &mut Option<Pam>) -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    let users = folder.path().join("users.oath");
    fs::write(&users, format!("HOTP {} - {KEY}\n", account.name())).unwrap();
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600)).unwrap();
    let rules = Pam::new(
        "codes",
        &format!(
            "auth required pam_oath.so usersfile={} window=5 digits=6\naccount required pam_permit.so\n\
             session required pam_permit.so\n",
            users.display()
        ),
    );
    let program = folder.path().join(&rules.name);
    symlink(find("sshd")?, &program).unwrap();
    *pam = Some(rules);
    let config =
        ["UsePAM yes", "KbdInteractiveAuthentication yes", "AuthenticationMethods publickey,keyboard-interactive"];
    Sshd::start_as(folder, &config, &[], &program)
}

#[tokio::test]
async fn a_real_one_time_code_is_asked_for_by_each_host_in_turn() {
    if find("oathtool").is_none() || !Path::new("/lib/x86_64-linux-gnu/security/pam_oath.so").exists() {
        return skip("there is no oathtool, or no pam_oath");
    }
    let Some(account) = Account::new("useradd", "") else { return };
    for kind in kinds() {
        let mut pam = None;
        let Some(server) = with_codes(&account, &mut pam) else { return };
        let codes: Vec<String> = (0..4).map(code).collect();
        let (keyring, asked) = person(&codes.iter().map(String::as_str).collect::<Vec<_>>());
        let link = |name: &str, keyring: &Keyring| Link {
            kind,
            name: name.to_owned(),
            user: account.name().to_owned(),
            keyring: keyring.clone(),
            ..server.link()
        };
        let links: Vec<Link> = ["is-1", "is-2", "is-3"].iter().map(|name| link(name, &keyring)).collect();
        for (result, link) in futures_util::future::join_all(links.iter().map(connect)).await.into_iter().zip(&links) {
            let transport = result.unwrap_or_else(|error| panic!("{kind:?} {}: {error}", link.name));
            assert_eq!(say(&*transport, "id -un").await.trim(), account.name());
        }
        let mut hosts = Vec::new();
        for question in asked.lock().unwrap().iter() {
            let Wanted::Answer { host, question, .. } = &question.wanted else { panic!("{question:?}") };
            assert!(question.contains("One-time password (OATH)"), "{question}");
            hosts.push(host.clone());
        }
        hosts.sort();
        assert_eq!(hosts, ["is-1", "is-2", "is-3"], "{kind:?}");
        // A code that was used is no code any more.
        let (keyring, _) = person(&[&codes[0]]);
        let error = refused(&link("is-1", &keyring)).await;
        assert_eq!(error.code, "answer-refused", "{kind:?}: {error}\n{}", server.log());
        let error = refused(&link("is-1", &Keyring::default())).await;
        let codes = ["question-unanswered", "authentication-refused"];
        assert!(codes.contains(&error.code) && error.cause.contains("keyboard-interactive"), "{kind:?}: {error}");
    }
}
