//! What an administrator may have written into sudoers, each against the real sudo.

use super::*;

/// Rules with these defaults for the user, who has a password.
fn with_defaults(defaults: &str) -> Option<Account> {
    let rules = match defaults.is_empty() {
        true => "USER ALL=(ALL) ALL".to_owned(),
        false => format!("Defaults:USER {defaults}\nUSER ALL=(ALL) ALL"),
    };
    let account = Account::new("sudo", &rules)?;
    account.set_password("poison-sudo");
    Some(account)
}

#[tokio::test]
async fn whatever_sudo_is_told_to_say_log_or_forget_the_bytes_are_the_command_s() {
    let Some(server) = Sshd::start(&["SetEnv SUDO_ASKPASS=/bin/false HOME=FOLDER"]) else { return };
    let all = [
        "lecture=always",
        "timestamp_timeout=0",
        "use_pty",
        "!use_pty",
        "!env_reset",
        "env_reset, env_delete+=LC_ALL, env_keep-=LC_ALL",
        "passwd_tries=1",
        "insults",
        "pwfeedback",
        "!pam_session",
        "badpass_message=Password:",
    ];
    for defaults in all {
        let Some(account) = with_defaults(defaults) else { return };
        eprintln!("--- {defaults}");
        holds(&link(&server, &account, Some("poison-sudo"))).await;
    }
}

#[tokio::test]
async fn a_sudo_that_logs_all_input_and_output_logs_no_password() {
    let Some(server) = Sshd::start(&[]) else { return };
    let logs = tempfile::tempdir().unwrap();
    let defaults = format!("log_output, log_input, iolog_dir={}, !compress_io", logs.path().display());
    let Some(account) = with_defaults(&defaults) else { return };
    let transport = open(&link(&server, &account, Some("poison-sudo"))).await;
    // More at once is what this sudo itself loses, between two ends of a socket such as sshd gives it.
    let bytes: Vec<u8> = (0..20_000u32).map(|at| (at % 256) as u8).collect();
    let reply = transport.run(&command_with("cat; printf end >&2; exit 7", bytes.clone())).await.unwrap();
    assert!(reply.stdout == bytes, "{} of {} bytes", reply.stdout.len(), bytes.len());
    assert_eq!((reply.stderr.as_slice(), reply.ending), (&b"end"[..], Ending::Status(7)));
    let grep =
        |text| std::process::Command::new("grep").args(["-r", "-a", text]).arg(logs.path()).output().unwrap().stdout;
    assert!(!grep("end").is_empty(), "the test looks in the right place");
    assert!(grep("poison-sudo").is_empty());
}

#[tokio::test]
async fn a_sudo_that_wants_a_terminal_gets_one_and_the_bytes_are_exact() {
    for rules in ["NOPASSWD: ALL", "ALL"] {
        for pty in ["use_pty", "!use_pty"] {
            let rules = format!("Defaults:USER requiretty, {pty}, lecture=always\nUSER ALL=(ALL) {rules}");
            let Some(account) = Account::new("sudo", &rules) else { return };
            account.set_password("poison-sudo");
            let Some(server) = Sshd::start(&[]) else { return };
            eprintln!("--- {rules}");
            holds(&link(&server, &account, Some("poison-sudo"))).await;
        }
    }
}

#[tokio::test]
async fn a_sudo_that_wants_a_terminal_where_none_can_be_made_is_named_as_that() {
    let rules = "Defaults:USER requiretty\nUSER ALL=(ALL) NOPASSWD: ALL";
    let Some(account) = Account::new("sudo", rules) else { return };
    let sudo = crate::sshd::find("sudo").unwrap();
    let Some(server) = with_programs(&[("sudo", &format!("#!/bin/sh\nexec {} \"$@\"\n", sudo.display()))]) else {
        return;
    };
    let error = who(&link(&server, &account, None)).await.unwrap_err();
    assert_eq!((error.rung, error.code), (Rung::Become, "sudo-needs-terminal"));
    assert!(error.hint.unwrap().contains("util-linux"));
}

#[tokio::test]
async fn whose_password_is_wanted_is_told() {
    for (defaults, whose) in [("targetpw", "root"), ("rootpw", "root"), ("!targetpw", "USER")] {
        let Some(account) = with_defaults(defaults) else { return };
        let Some(server) = Sshd::start(&[]) else { return };
        let error = who(&link(&server, &account, Some("poison-wrong"))).await.unwrap_err();
        assert_eq!(error.code, "sudo-wrong-password");
        let whose = whose.replace("USER", account.name());
        assert!(error.cause.ends_with(&format!("the password of {whose}")), "{error}");
        let with_terminal = with_defaults(&format!("requiretty, {defaults}")).unwrap();
        let error = who(&link(&server, &with_terminal, Some("poison-wrong"))).await.unwrap_err();
        assert_eq!(error.code, "sudo-wrong-password");
        let whose = whose.replace(account.name(), with_terminal.name());
        assert!(error.cause.ends_with(&format!("the password of {whose}")), "{error}");
    }
    // The password of another user to become is taken, where that is the one that is wanted.
    let (Some(account), Some(other)) = (with_defaults("targetpw"), Account::new("sudo", "")) else { return };
    other.set_password("poison-other");
    let Some(server) = Sshd::start(&[]) else { return };
    let mut link = link(&server, &account, Some("poison-other"));
    link.become_.as_mut().unwrap().user = other.name().to_owned();
    assert_eq!(who(&link).await.unwrap(), other.name());
}

#[tokio::test]
async fn programs_of_the_administrator_are_found_where_secure_path_leaves_them_out() {
    let Some(account) = with_defaults("secure_path=/usr/bin:/bin") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let transport = open(&link(&server, &account, Some("poison-sudo"))).await;
    assert_eq!(say(&*transport, "command -v useradd").await, "/usr/sbin/useradd\n");
}

#[tokio::test]
async fn a_user_with_other_rights_is_told_what_is_missing() {
    let Some(account) = Account::new("sudo", "USER ALL=(ALL) NOPASSWD: /bin/true, /usr/bin/systemctl") else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let error = who(&link(&server, &account, None)).await.unwrap_err();
    assert_eq!(error.code, "sudo-password-missing", "sudo asks before it says no");
    account.set_password("poison-sudo");
    let error = who(&link(&server, &account, Some("poison-sudo"))).await.unwrap_err();
    assert_eq!(error.code, "not-in-sudoers", "{error}");
    assert!(error.cause.contains("/bin/sh") && !error.cause.contains("printf"), "{error}");
    let noexec = Account::new("sudo", "Defaults:USER noexec\nUSER ALL=(ALL) NOPASSWD: ALL").unwrap();
    let error = who(&link(&server, &noexec, None)).await.unwrap_err();
    assert_eq!(error.code, "sudo-noexec", "{error}");
}

#[tokio::test]
async fn an_account_that_has_expired_and_a_broken_authentication_are_no_wrong_password() {
    let broken = Pam::new("broken", "auth required pam_of_that_name_there_is_none.so\n");
    let rules = format!("Defaults:USER pam_service={}\nUSER ALL=(ALL) ALL", broken.name);
    let Some(account) = Account::new("sudo", &rules) else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    let service = Pam::new(
        "expired",
        "auth required pam_permit.so\naccount required pam_unix.so\nsession required pam_permit.so\n",
    );
    let expired =
        Account::new("sudo", &format!("Defaults:USER pam_service={}\nUSER ALL=(ALL) ALL", service.name)).unwrap();
    expired.change("passwd", &["-x", "1", "-q", expired.name()]);
    expired.set_password("poison-sudo");
    // sshd without PAM looks at the same table, so the account expires once it has let us in.
    let transport = open(&link(&server, &expired, Some("poison-sudo"))).await;
    transport.run(&command("true")).await.unwrap();
    expired.change("chage", &["-E", "1", expired.name()]);
    let error = transport.run(&command("true")).await.unwrap_err();
    assert_eq!(error.code, "become-account-refused", "{error}");
    let error = who(&link(&server, &account, Some("poison-sudo"))).await.unwrap_err();
    assert!(error.code == "become-failed" && error.cause.contains("PAM"), "{error:?}");
}

#[tokio::test]
async fn a_message_of_the_authentication_before_the_prompt_is_no_output() {
    let Some(server) = Sshd::start(&[]) else { return };
    let message = server.file("message");
    fs::write(&message, "Place your finger on the reader\n").unwrap();
    let service = Pam::new(
        "finger",
        &format!(
            "auth optional pam_echo.so file={}\nauth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
            message.display()
        ),
    );
    let Some(account) = with_defaults(&format!("pam_service={}", service.name)) else { return };
    holds(&link(&server, &account, Some("poison-sudo"))).await;
}
