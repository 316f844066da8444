//! A wrong password is tried once, whoever asks for it and how often.

use super::*;

#[tokio::test]
async fn twelve_commands_at_once_with_a_wrong_password_are_one_attempt() {
    let Some(server) = Sshd::start(&[]) else { return };
    let count = Counter::new("crowd", server.folder());
    // Where sudo asks again, giving up counts as well.
    let rules = format!(
        "Defaults:USER pam_service={}, timestamp_timeout=0, passwd_tries=1\nUSER ALL=(ALL) ALL",
        count.pam.name
    );
    let Some(account) = Account::new("sudo", &rules) else { return };
    account.set_password("right");
    let link = link(&server, &account, Some("poison-wrong"));
    let transport = open(&link).await;
    let true_ = command("true");
    let replies = futures_util::future::join_all((0..12).map(|_| transport.run(&true_))).await;
    for reply in replies {
        assert_eq!(reply.unwrap_err().code, "sudo-wrong-password");
    }
    assert_eq!(count.attempts(), 1);
    // A connection that is made anew knows of it, too.
    assert_eq!(who(&link).await.unwrap_err().code, "sudo-wrong-password");
    assert_eq!(count.attempts(), 1);
}

#[tokio::test]
async fn sudo_s_own_log_tells_of_one_wrong_password() {
    let Some(server) = Sshd::start(&[]) else { return };
    let log = server.file("sudo.log");
    let rules = format!("Defaults:USER logfile={}\nUSER ALL=(ALL) ALL", log.display());
    let Some(account) = Account::new("sudo", &rules) else { return };
    account.set_password("right");
    let link = link(&server, &account, Some("poison-wrong"));
    let transport = open(&link).await;
    let true_ = command("true");
    for reply in futures_util::future::join_all((0..12).map(|_| transport.run(&true_))).await {
        assert_eq!(reply.unwrap_err().code, "sudo-wrong-password");
    }
    assert_eq!(who(&link).await.unwrap_err().code, "sudo-wrong-password");
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    // sudo notices in its own time that nobody answers any more.
    eventually(|| logged().contains("incorrect password attempt")).await;
    assert_eq!(logged().matches("1 incorrect password attempt").count(), 1, "{}", logged());
    assert_eq!(logged().matches("incorrect password attempt").count(), 1, "{}", logged());
}

#[tokio::test]
async fn twelve_commands_at_once_with_the_right_password_all_get_in_and_run_at_the_same_time() {
    let Some(server) = Sshd::start(&[]) else { return };
    let Some(account) = Account::new("sudo", "Defaults:USER timestamp_timeout=0\nUSER ALL=(ALL) ALL") else { return };
    account.set_password("right");
    let transport = open(&link(&server, &account, Some("right"))).await;
    let folder = tempfile::tempdir().unwrap();
    // The first of all waits for the last: they are not sent one after another.
    let last = folder.path().join("last");
    let waits = command(&format!("until [ -e {} ]; do sleep 0.05; done", last.display()));
    let says = command(&format!("touch {}", last.display()));
    let (first, second) = tokio::join!(transport.run(&waits), transport.run(&says));
    assert_eq!((first.unwrap().ending, second.unwrap().ending), (Ending::Status(0), Ending::Status(0)));
    let true_ = command("true");
    let replies = futures_util::future::join_all((0..12).map(|_| transport.run(&true_))).await;
    assert!(replies.into_iter().all(|reply| reply.unwrap().ending == Ending::Status(0)));
}
