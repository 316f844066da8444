//! doas, with its one file of rules for the whole machine.

use super::*;

/// doas has one file of rules, and one test at a time may write it.
static RULES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const FILE: &str = "/etc/doas.conf";

struct Rules;

impl Rules {
    /// `None` where the machine has rules already: then the test was skipped aloud.
    fn write(text: &str) -> Option<Self> {
        if Path::new(FILE).exists() {
            skip("there is a doas.conf already, which is not ours to change");
            return None;
        }
        fs::write(FILE, text).unwrap();
        fs::set_permissions(FILE, fs::Permissions::from_mode(0o400)).unwrap();
        Some(Self)
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        drop(fs::remove_file(FILE));
    }
}

fn link_by_doas(server: &Sshd, account: &Account, password: Option<&str>) -> Link {
    Link { become_: how(BecomeMethod::Doas, password), ..link(server, account, None) }
}

#[tokio::test]
async fn doas_with_and_without_a_password_and_its_refusals() {
    let _alone = RULES.lock().await;
    let Some(free) = Account::new("doas", "") else { return };
    let Some(asked) = Account::new("doas", "") else { return };
    let Some(nobody) = Account::new("doas", "") else { return };
    asked.set_password("poison-doas");
    let text = format!("permit nopass {}\npermit {}\n", free.name(), asked.name());
    let Some(_rules) = Rules::write(&text) else { return };
    let Some(server) = Sshd::start(&[]) else { return };
    holds(&link_by_doas(&server, &free, None)).await;
    holds(&link_by_doas(&server, &free, Some("poison-doas"))).await;
    holds(&link_by_doas(&server, &asked, Some("poison-doas"))).await;
    let code =
        async |account: &Account, password| who(&link_by_doas(&server, account, password)).await.unwrap_err().code;
    assert_eq!(code(&asked, Some("poison-wrong")).await, "doas-wrong-password");
    assert_eq!(code(&asked, None).await, "doas-password-missing");
    assert_eq!(code(&nobody, Some("poison-doas")).await, "not-in-doas-conf");
    let mut unknown = link_by_doas(&server, &free, None);
    unknown.become_.as_mut().unwrap().user = "nobody-of-that-name".to_owned();
    assert_eq!(who(&unknown).await.unwrap_err().code, "become-user-unknown");
    // Without `script` there is no terminal that the password could be typed at.
    let doas = crate::sshd::find("doas").unwrap();
    let Some(bare) = with_programs(&[("doas", &format!("#!/bin/sh\nexec {} \"$@\"\n", doas.display()))]) else {
        return;
    };
    let error = who(&link_by_doas(&bare, &asked, Some("poison-doas"))).await.unwrap_err();
    assert_eq!(error.code, "doas-needs-terminal", "{error}");
    assert_eq!(who(&link_by_doas(&bare, &free, Some("poison-doas"))).await.unwrap(), "root");
}
