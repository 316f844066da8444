//! How often OpenSSH's client is asked what the user's ssh_config holds for the hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Desk, INVENTORY};

/// Notes that it was asked, and asks the real one.
const SSH: &str = "#!/bin/sh\necho x >> \"$HACTL_TEST_CALLS\"\nPATH=$HACTL_TEST_PATH\nexec ssh \"$@\"\n";

/// What is said of the hosts' connections, and how often the client was asked.
fn explained(desk: &Desk, config: &str) -> (String, usize) {
    desk.write("ssh_config", config);
    desk.write("calls", "");
    let path = std::env::var("PATH").unwrap();
    let mut command = desk.command(&["validate", "--explain"]);
    command
        .env("HACTL_SSH_CONFIG", desk.folder().join("ssh_config"))
        .env("HACTL_TEST_CALLS", desk.folder().join("calls"))
        .env("HACTL_TEST_PATH", &path)
        .env("PATH", format!("{}:{path}", desk.folder().join("bin").display()));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    (said, fs::read_to_string(desk.folder().join("calls")).unwrap().lines().count())
}

#[test]
fn many_names_that_the_ssh_config_does_not_tell_apart_are_asked_about_once() {
    let path = std::env::var_os("PATH").unwrap();
    if !std::env::split_paths(&path).any(|folder| folder.join("ssh").is_file()) {
        assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "HACTL_REQUIRE_REAL is set, and there is no ssh");
        eprintln!("SKIPPED: there is no ssh");
        return;
    }
    let many = INVENTORY.replace("ssh: { user: ops }\n", "").replace(
        "  is-1: { address: 192.0.2.1 }\n  is-2: { address: 192.0.2.2 }\n",
        "  is-[1:30]: { member_address: '192.0.2.[1:30]' }\n",
    );
    let desk = Desk::new(&many);
    fs::create_dir(desk.folder().join("bin")).unwrap();
    desk.write("bin/ssh", SSH);
    fs::set_permissions(desk.folder().join("bin/ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    let common = "Host *\n  User deploy\n  Port 2200\n  ServerAliveInterval 7\n  IdentityFile ~/.ssh/cluster\n";
    let (once, calls) = explained(&desk, common);
    assert!(calls <= 3, "{calls}");
    assert!(once.contains("deploy") && once.contains("is-30"), "{once}");
    // A block that holds for none of them: each has to be asked about, and all that is said is the same.
    let (each, calls) = explained(&desk, &format!("Host elsewhere\n  User other\n{common}"));
    assert!(calls >= 30, "{calls}");
    assert_eq!(once, each);
    // One that holds for one of them is seen.
    let (one, _) = explained(&desk, &format!("Host is-7\n  User other\n{common}"));
    assert_eq!(one.matches("other").count(), 1, "{one}");
    // And so it is in a file that another one includes.
    desk.write("more", "Host is-7\n  User other\n");
    let (included, _) = explained(&desk, &format!("Include {}\n{common}", desk.folder().join("more").display()));
    assert_eq!(included, one);
}
