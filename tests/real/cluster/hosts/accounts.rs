//! Rungs that an account breaks: its login shell, its rights. Only root can make one.

use std::path::Path;

use super::{Desk, ssh};
use crate::account::Account;
use crate::sshd::{Sshd, find, output, skip};

/// A host that this user logs in to.
fn host(name: &str, server: &Sshd, account: &Account, more: &str) -> String {
    format!("  {name}: {{ address: 127.0.0.1, ssh: {} }}\n", ssh(server, &format!(", user: {}{more}", account.name())))
}

#[test]
fn a_wrong_password_and_a_user_whom_sudo_does_not_know() {
    let (Some(wrong), Some(unknown)) = (Account::new("sudo", "USER ALL=(ALL) ALL"), Account::new("sudo", "")) else {
        return;
    };
    let Some(silent) = Account::new("sudo", "USER ALL=(ALL) ALL") else { return };
    wrong.set_password("right");
    unknown.set_password(super::super::PASSWORD);
    silent.set_password("right");
    let servers: Option<Vec<Sshd>> = (0..3).map(|_| Sshd::start(&[])).collect();
    let Some(servers) = servers else { return };
    let password = ", become: { method: sudo, password: { env: HACTL_TEST_PASSWORD } }";
    let hosts = [
        host("wrong", &servers[0], &wrong, password),
        host("unknown", &servers[1], &unknown, password),
        host("silent", &servers[2], &silent, ", become: { method: sudo }"),
    ];
    let all: Vec<&Sshd> = servers.iter().collect();
    let desk = Desk::new(&all, &format!("hosts:\n{}", hosts.concat()))
        .mask(wrong.name(), "WRONG")
        .mask(unknown.name(), "UNKNOWN")
        .mask(silent.name(), "SILENT");
    let report = desk.json(3, &["hosts", "ping"]);
    let codes: Vec<&str> =
        report["hosts"].as_array().unwrap().iter().map(|host| host["broken"]["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["sudo-wrong-password", "not-in-sudoers", "sudo-password-missing"]);
    for host in report["hosts"].as_array().unwrap() {
        assert_eq!(host["broken"]["rung"], "become", "{host:#}");
        assert_eq!(host["rungs"].as_array().unwrap().last().unwrap()["rung"], "channel");
    }
    desk.reads("become.txt", 3, &["hosts", "ping", "--limit", "wrong,silent"]);
}

#[test]
fn sudo_that_lets_us_in_is_a_rung_of_its_own() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: ALL") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let text = format!("hosts:\n{}", host("is-1", &server, &account, ", become: { method: sudo }"));
    let desk = Desk::new(&[&server], &text).mask(account.name(), "OPS");
    desk.reads("sudo.txt", 0, &["hosts", "ping", "-v"]);
}

#[test]
fn login_shells_that_are_none_and_those_that_are_only_strange() {
    let shells = ["/usr/sbin/nologin", "/bin/false", "/bin/tcsh", "/usr/bin/fish"];
    let mut hosts = String::new();
    let (mut accounts, mut servers) = (Vec::new(), Vec::new());
    for shell in shells {
        let Some(account) = Account::new("usermod", "") else { return };
        let program = Path::new(shell).file_name().unwrap().to_str().unwrap();
        if find(program).is_none() {
            skip(&format!("there is no {program}"));
            continue;
        }
        let Some(server) = Sshd::start(&[]) else { return };
        output("usermod", &["-s", shell, account.name()]);
        hosts.push_str(&host(program, &server, &account, ""));
        accounts.push(account);
        servers.push(server);
    }
    let all: Vec<&Sshd> = servers.iter().collect();
    let desk = Desk::new(&all, &format!("hosts:\n{hosts}"));
    let report = desk.json(3, &["hosts", "ping"]);
    for host in report["hosts"].as_array().unwrap() {
        let code = host["broken"]["code"].as_str().unwrap_or("reached");
        match host["host"].as_str().unwrap() {
            "nologin" => assert_eq!(code, "login-shell-refuses", "{host:#}"),
            "false" => assert_eq!(code, "no-answer", "{host:#}"),
            _ => assert_eq!(code, "reached", "{host:#}"),
        }
    }
    let desk = accounts.iter().fold(desk, |desk, account| desk.mask(account.name(), "OPS"));
    desk.reads("login-shells.txt", 3, &["hosts", "ping", "--limit", "nologin,false"]);
}

#[test]
fn an_account_that_is_locked_into_a_folder_for_file_transfer() {
    let Some(account) = Account::new("usermod", "") else { return };
    let config = ["ChrootDirectory /run/sshd", "ForceCommand internal-sftp"];
    let Some(server) = Sshd::start(&config) else { return };
    let desk = Desk::new(&[&server], &format!("hosts:\n{}", host("is-1", &server, &account, "")));
    let desk = desk.mask(account.name(), "OPS");
    desk.reads("chrooted-sftp.txt", 3, &["hosts", "ping"]);
}
