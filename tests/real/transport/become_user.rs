//! sudo and doas.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use hactl::model::Secret;
use hactl::model::inventory::BecomeMethod;
use hactl::transport::{Become, Rung};

use super::*;
use crate::account::Account;
use crate::sshd::{Sshd, skip};

fn how(method: BecomeMethod, password: Option<&str>) -> Option<Become> {
    Some(Become {
        method,
        user: "root".to_owned(),
        password: password.map(|password| Arc::new(Secret::new(password.to_owned()))),
    })
}

fn link(server: &Sshd, account: &Account, password: Option<&str>) -> Link {
    Link { user: account.name().to_owned(), become_: how(BecomeMethod::Sudo, password), ..server.link() }
}

/// Connects and asks who we are there; connecting alone runs nothing.
async fn who(link: &Link) -> Result<String, TransportError> {
    let transport = open(link).await;
    let reply = transport.run(&command("id -un")).await?;
    transport.close().await.unwrap();
    Ok(out(&reply).trim().to_owned())
}

#[tokio::test]
async fn sudo_without_a_password_passes_the_input_on_and_never_the_password() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: ALL") else {
        return;
    };
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&link(&server, &account, Some("poison-sudo"))).await;
    let reply = transport.run(&command_with("id -u; cat; exit 7", "a 'b' $c\n")).await.unwrap();
    assert_eq!((out(&reply).as_str(), reply.ending), ("0\na 'b' $c\n", Ending::Status(7)));
    let big = vec![7u8; 3_000_000];
    let request = Request { limit: big.len() + 1, ..command_with("cat", big.clone()) };
    assert!(transport.run(&request).await.unwrap().stdout == big);
}

#[tokio::test]
async fn sudo_with_a_password_is_given_it_out_of_everybodys_sight() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) ALL") else {
        return;
    };
    account.set_password("poison-sudo");
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&link(&server, &account, Some("poison-sudo"))).await;
    let look = "id -un; ps -e -o args=; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; cat";
    let reply = transport.run(&command_with(look, "input")).await.unwrap();
    let seen = String::from_utf8_lossy(&reply.stdout);
    assert!(seen.starts_with("root\n") && seen.ends_with("input"), "{seen}");
    assert!(seen.contains("sudo -S -H"), "the process list was not seen: {seen}");
    assert!(!seen.contains("poison-sudo"), "{seen}");
    assert!(!String::from_utf8_lossy(&reply.stderr).contains("hactl-password"), "the prompt is no output");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) ALL") else {
        return;
    };
    account.set_password("right");
    let Some(server) = Sshd::start(&[]) else { return };
    let error = who(&link(&server, &account, Some("poison-wrong"))).await.unwrap_err();
    assert_eq!((error.rung, error.code, error.retry), (Rung::Become, "sudo-wrong-password", false));
    assert!(!format!("{error:?}").contains("poison"), "{error:?}");
    let error = who(&link(&server, &account, None)).await.unwrap_err();
    assert_eq!(error.code, "sudo-password-missing");
}

#[tokio::test]
async fn a_wrong_password_is_named_where_sudo_allows_a_single_try() {
    let Some(account) = Account::new("sudo", "Defaults:USER passwd_tries=1\nUSER ALL=(ALL) ALL") else {
        return;
    };
    account.set_password("right");
    let Some(server) = Sshd::start(&[]) else { return };
    let error = who(&link(&server, &account, Some("poison-wrong"))).await.unwrap_err();
    assert_eq!(error.code, "sudo-wrong-password");
}

#[tokio::test]
async fn a_user_whom_sudo_does_not_know_or_does_not_let_do_this() {
    let Some(account) = Account::new("sudo", "") else {
        return;
    };
    account.set_password("right");
    let Some(server) = Sshd::start(&[]) else { return };
    let error = who(&link(&server, &account, Some("right"))).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Become, "not-in-sudoers"));
    assert!(error.cause.contains(account.name()), "{error}");
    let Some(limited) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: /bin/true") else {
        return;
    };
    limited.set_password("right");
    let error = who(&link(&server, &limited, Some("right"))).await.unwrap_err();
    assert_eq!(error.code, "not-in-sudoers");
}

#[tokio::test]
async fn a_sudo_that_wants_a_terminal_is_named_as_that() {
    let rules = "Defaults:USER requiretty\nUSER ALL=(ALL) NOPASSWD: ALL";
    let Some(account) = Account::new("sudo", rules) else {
        return;
    };
    let Some(server) = Sshd::start(&[]) else { return };
    let error = who(&link(&server, &account, None)).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Become, "sudo-needs-terminal"));
}

#[tokio::test]
async fn another_user_than_root() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: ALL") else {
        return;
    };
    let Some(other) = Account::new("sudo", "") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let mut link = link(&server, &account, None);
    let become_ = link.become_.as_mut().unwrap();
    become_.user = other.name().to_owned();
    assert_eq!(who(&link).await.unwrap(), other.name());
    link.become_.as_mut().unwrap().user = "nobody-of-that-name".to_owned();
    assert_eq!(who(&link).await.unwrap_err().code, "become-user-unknown");
}

#[tokio::test]
async fn doas_without_a_password_and_its_refusals() {
    let Some(free) = Account::new("doas", "") else { return };
    let Some(asked) = Account::new("doas", "") else { return };
    let Some(nobody) = Account::new("doas", "") else { return };
    let config = Path::new("/etc/doas.conf");
    if config.exists() {
        return skip("there is a doas.conf already, which is not ours to change");
    }
    let rules = format!("permit nopass {}\npermit {}\n", free.name(), asked.name());
    fs::write(config, rules).unwrap();
    fs::set_permissions(config, fs::Permissions::from_mode(0o400)).unwrap();
    let _removed = Removed(config);
    let Some(server) = Sshd::start(&[]) else { return };
    let link = |account: &Account| Link {
        become_: how(BecomeMethod::Doas, Some("poison-doas")),
        ..link(&server, account, None)
    };
    assert_eq!(who(&link(&free)).await.unwrap(), "root");
    let reply = open(&link(&free)).await.run(&command_with("cat", "input")).await.unwrap();
    assert_eq!(out(&reply), "input");
    assert_eq!(who(&link(&asked)).await.unwrap_err().code, "doas-needs-terminal");
    assert_eq!(who(&link(&nobody)).await.unwrap_err().code, "not-in-doas-conf");
}

struct Removed(&'static Path);

impl Drop for Removed {
    fn drop(&mut self) {
        drop(fs::remove_file(self.0));
    }
}

/// A server whose users find these programs alone in their path.
fn with_programs(programs: &[(&str, &str)]) -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["env", "sh", "sleep", "id"] {
        symlink(Path::new("/usr/bin").join(name), bin.join(name)).unwrap();
    }
    for (name, text) in programs {
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    Sshd::start_in(folder, &["SetEnv PATH=FOLDER/bin HOME=FOLDER"])
}

#[tokio::test]
async fn a_host_without_sudo() {
    let Some(server) = with_programs(&[]) else { return };
    let mut link = server.link();
    link.become_ = how(BecomeMethod::Sudo, None);
    let error = who(&link).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Become, "become-missing"));
    link.become_ = how(BecomeMethod::None, None);
    assert_eq!(who(&link).await.unwrap(), crate::sshd::me());
}

#[tokio::test]
async fn a_sudo_that_never_gets_ready() {
    let Some(server) = with_programs(&[("sudo", "#!/bin/sh\necho asking the directory >&2\nsleep 30\n")]) else {
        return;
    };
    let mut link = server.link();
    link.become_ = how(BecomeMethod::Sudo, None);
    let transport = open(&link).await;
    let request = Request { deadline: Duration::from_secs(1), ..command("true") };
    let error = transport.run(&request).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Become, "become-timeout"));
    assert!(error.cause.contains("asking the directory"), "{error}");
}
