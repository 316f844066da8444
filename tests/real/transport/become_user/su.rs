//! su: that of util-linux, and what others do differently.

use super::*;

/// Two accounts: who logs in, and who is to be become, with this password.
fn two(password: &str) -> Option<(Account, Account)> {
    let (from, to) = (Account::new("su", "")?, Account::new("su", "")?);
    to.set_password(password);
    // A folder that the other one may not enter.
    from.change("chmod", &["700", &format!("/home/{}", from.name())]);
    Some((from, to))
}

fn link_by_su(server: &Sshd, from: &Account, to: &str, password: Option<&str>) -> Link {
    let mut link = Link { become_: how(BecomeMethod::Su, password), ..link(server, from, None) };
    link.become_.as_mut().unwrap().user = to.to_owned();
    link
}

/// A server that finds this text as its su.
fn with_su(text: &str) -> Option<Sshd> {
    let script = crate::sshd::find("script").map(|found| format!("#!/bin/sh\nexec {} \"$@\"\n", found.display()));
    with_programs(&[("su", text), ("script", script.as_deref().unwrap_or("#!/bin/sh\nexit 127\n"))])
}

/// As [`super::holds`], and what su does to folders, terminals and paths.
async fn is_whole(link: &Link) {
    holds(link).await;
    let transport = open(link).await;
    assert_eq!(say(&*transport, "pwd; test ! -t 0 && test ! -t 1 && test ! -t 2; echo $?").await, "/\n0\n");
    assert!(say(&*transport, "echo $PATH").await.starts_with("/usr/local/sbin:"));
}

#[tokio::test]
async fn su_takes_the_password_of_the_user_to_become() {
    let Some((from, to)) = two("poison-su") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    is_whole(&link_by_su(&server, &from, to.name(), Some("poison-su"))).await;
    let wrong = link_by_su(&server, &from, to.name(), Some("poison-wrong"));
    let error = who(&wrong).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Become, "su-wrong-password"));
    let error = who(&link_by_su(&server, &from, to.name(), None)).await.unwrap_err();
    assert_eq!(error.code, "su-password-missing");
    let error = who(&link_by_su(&server, &from, "nobody-of-that-name", Some("poison-su"))).await.unwrap_err();
    assert_eq!(error.code, "become-user-unknown");
}

#[tokio::test]
async fn root_becomes_anybody_by_su_without_a_password() {
    let Some((_, to)) = two("poison-su") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let link = Link { user: crate::sshd::me(), ..link_by_su(&server, &to, to.name(), None) };
    is_whole(&link).await;
}

#[tokio::test]
async fn a_user_to_become_whose_shell_runs_no_commands() {
    let Some((from, to)) = two("poison-su") else { return };
    for shell in ["/usr/sbin/nologin", "/bin/false"] {
        to.change("usermod", &["-s", shell, to.name()]);
        let Some(server) = Sshd::start(&[]) else { return };
        let error = who(&link_by_su(&server, &from, to.name(), Some("poison-su"))).await.unwrap_err();
        assert_eq!(error.code, "su-restricted-shell", "{error}");
        // sudo and root need no shell of the user's.
        let Some(by_sudo) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: ALL") else { return };
        let mut link = link(&server, &by_sudo, None);
        link.become_.as_mut().unwrap().user = to.name().to_owned();
        assert_eq!(who(&link).await.unwrap(), to.name());
    }
}

#[tokio::test]
async fn a_su_that_wants_a_terminal_gets_one() {
    let su = crate::sshd::find("su").map(|su| su.display().to_string()).unwrap_or_default();
    let wants =
        format!("#!/bin/sh\n[ -t 0 ] || {{ echo 'su: must be run from a terminal' >&2; exit 1; }}\nexec {su} \"$@\"\n");
    let (Some((from, to)), Some(server)) = (two("poison-su"), with_su(&wants)) else { return };
    is_whole(&link_by_su(&server, &from, to.name(), Some("poison-su"))).await;
    let error = who(&link_by_su(&server, &from, to.name(), Some("poison-wrong"))).await.unwrap_err();
    assert_eq!(error.code, "su-wrong-password", "{error}");
}

#[tokio::test]
async fn a_su_that_asks_on_standard_output_as_that_of_busybox_does() {
    let su = crate::sshd::find("su").map(|su| su.display().to_string()).unwrap_or_default();
    let Some((from, to)) = two("poison-su") else { return };
    let Some(server) = with_su(&format!("#!/bin/sh\nexec {su} \"$@\" 2>&1\n")) else { return };
    is_whole(&link_by_su(&server, &from, to.name(), Some("poison-su"))).await;
    let error = who(&link_by_su(&server, &from, to.name(), Some("poison-wrong"))).await.unwrap_err();
    assert_eq!(error.code, "su-wrong-password", "{error}");
}
