//! The sudo of sudo-rs, where it is installed. It reads the same sudoers, and says other things.

use super::*;

/// A server whose users find sudo-rs as their sudo.
fn server() -> Option<Sshd> {
    let Some(found) = crate::sshd::find("sudo-rs") else {
        skip("there is no sudo-rs");
        return None;
    };
    let script = crate::sshd::find("script").map(|found| format!("#!/bin/sh\nexec {} \"$@\"\n", found.display()));
    with_programs(&[
        ("sudo", &format!("#!/bin/sh\nexec {} \"$@\"\n", found.display())),
        ("script", script.as_deref().unwrap_or("#!/bin/sh\nexit 127\n")),
    ])
}

#[tokio::test]
async fn sudo_rs_with_and_without_a_password() {
    let Some(server) = server() else { return };
    for defaults in ["use_pty", "!use_pty", "timestamp_timeout=0", "passwd_tries=1"] {
        let rules = format!("Defaults:USER {defaults}\nUSER ALL=(ALL) ALL");
        let Some(account) = Account::new("sudo", &rules) else { return };
        account.set_password("poison-sudo");
        eprintln!("--- {defaults}");
        holds(&link(&server, &account, Some("poison-sudo"))).await;
    }
    let Some(free) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: ALL") else { return };
    holds(&link(&server, &free, None)).await;
    holds(&link(&server, &free, Some("poison-sudo"))).await;
    let mut unknown = link(&server, &free, None);
    unknown.become_.as_mut().unwrap().user = "nobody-of-that-name".to_owned();
    assert_eq!(who(&unknown).await.unwrap_err().code, "become-user-unknown");
}

#[tokio::test]
async fn sudo_rs_says_no_in_words_of_its_own() {
    let Some(server) = server() else { return };
    for defaults in ["!targetpw", "passwd_tries=1", "targetpw"] {
        let Some(account) = Account::new("sudo", &format!("Defaults:USER {defaults}\nUSER ALL=(ALL) ALL")) else {
            return;
        };
        account.set_password("right");
        let error = who(&link(&server, &account, Some("poison-wrong"))).await.unwrap_err();
        assert_eq!(error.code, "sudo-wrong-password", "{error}");
        let whose = if defaults == "targetpw" { "root" } else { account.name() };
        assert!(error.cause.ends_with(&format!("password of {whose}")), "{error}");
        let error = who(&link(&server, &account, None)).await.unwrap_err();
        assert_eq!(error.code, "sudo-password-missing", "{error}");
    }
    for rules in ["", "USER ALL=(ALL) NOPASSWD: /bin/true"] {
        let Some(account) = Account::new("sudo", rules) else { return };
        account.set_password("right");
        let error = who(&link(&server, &account, Some("right"))).await.unwrap_err();
        assert_eq!(error.code, "not-in-sudoers", "{error}");
    }
}
