//! sudo, doas and su.

mod attempts;
mod doas;
mod su;
mod sudo_rs;
mod sudoers;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hactl::model::inventory::{BecomeMethod, TransportKind};
use hactl::model::{Script, Secret};
use hactl::transport::{Attempts, Become, Rung};

use super::*;
use crate::account::{Account, Counter, Pam};
use crate::sshd::{Sshd, skip};

fn how(method: BecomeMethod, password: Option<&str>) -> Option<Become> {
    Some(Become {
        method,
        user: "root".to_owned(),
        password: password.map(|password| Arc::new(Secret::new(password.to_owned()))),
        attempts: Attempts::default(),
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

/// Holds that commands are run as the user to become, that every byte comes through, each stream by itself, and the status; and that
/// nothing goes on when the connection is gone.
async fn holds(link: &Link) {
    let transport = open(link).await;
    let bytes: Vec<u8> = (0..600_000u32).map(|at| (at % 256) as u8).collect();
    let request =
        Request { limit: bytes.len() + 1, ..command_with("id -u >&2; cat; printf end >&2; exit 7", bytes.clone()) };
    let reply = transport.run(&request).await.unwrap();
    assert!(reply.stdout == bytes, "{} of {} bytes", reply.stdout.len(), bytes.len());
    let id = crate::sshd::output("id", &["-u", &link.become_.as_ref().unwrap().user]);
    assert_eq!(String::from_utf8_lossy(&reply.stderr), format!("{id}end"));
    assert_eq!(reply.ending, Ending::Status(7));
    // What needs no input does not wait for any, and what reads none is no fault.
    assert_eq!(out(&transport.run(&command("echo 1; echo 2 >&2")).await.unwrap()), "1\n");
    let reply = transport.run(&command_with("exec true", bytes)).await.unwrap();
    assert_eq!((reply.stdout.len(), reply.ending), (0, Ending::Status(0)));
    // A script and its background child, which hold a file open that we know.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (mark, reached) = (folder.path().join("mark"), folder.path().join("reached"));
    fs::write(&mark, "").unwrap();
    let mut script = Script::new();
    script.line(&format!("exec 9<{}; sleep 98765 & touch {}; sleep 98765", mark.display(), reached.display()));
    let request = Request::script(&script, Duration::from_secs(60), 1000);
    {
        let running = transport.run(&request);
        tokio::pin!(running);
        let started = eventually(|| reached.exists());
        tokio::select! {
            reply = &mut running => panic!("it should still run: {reply:?}"),
            () = started => {}
        }
        assert!(holders(&mark) > 0, "the test looks in the right place");
    }
    drop(transport);
    eventually(|| holders(&mark) == 0).await;
}

/// How many processes of this machine have the file open as their file 9?
fn holders(file: &Path) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("fd/9"));
    all.filter_map(|open| fs::read_link(open).ok()).filter(|open| open == file).count()
}

async fn eventually(comes_true: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !comes_true() {
        assert!(Instant::now() < end, "it did not come true within 30 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
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
    assert_eq!(error.code, "not-in-sudoers", "{error}");
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

/// A server whose users find these programs alone in their path.
fn with_programs(programs: &[(&str, &str)]) -> Option<Sshd> {
    let folder = Sshd::folder_with_keys();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["env", "sh", "sleep", "id", "cat", "touch", "mktemp", "mkfifo", "rm"] {
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

#[tokio::test]
async fn behind_a_jump_host_and_on_this_machine_it_is_the_same() {
    let rules = "Defaults:USER requiretty\nUSER ALL=(ALL) ALL";
    let (Some(plain), Some(strict)) = (Account::new("sudo", "USER ALL=(ALL) ALL"), Account::new("sudo", rules)) else {
        return;
    };
    let (Some(server), Some(bastion)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    for account in [&plain, &strict] {
        account.set_password("poison-sudo");
        let via = Some(Arc::new(Link { name: "bastion".to_owned(), ..bastion.link() }));
        holds(&Link { via, ..link(&server, account, Some("poison-sudo")) }).await;
    }
    let here = Link { kind: TransportKind::Local, ..link(&server, &plain, None) };
    for method in [BecomeMethod::Sudo, BecomeMethod::Su] {
        let mut here = Link { become_: how(method, None), ..here.clone() };
        here.become_.as_mut().unwrap().user = plain.name().to_owned();
        assert_eq!(who(&here).await.unwrap(), plain.name());
    }
}
