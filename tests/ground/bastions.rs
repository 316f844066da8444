//! Hosts that are reached through two chained bastions alone, by what the user's own SSH configuration says.

use std::fs;

use crate::place::{Done, Ground};

/// What grew in somebody's `~/.ssh`: the inventory knows nothing of bastions, users or keys.
const CONFIG: &str = r#"
Include FOLDER/conf.d/*.conf

Match host "NET.1*,!NET.111,!NET.112,NET.2"
    ProxyJump inner
    User ops

Host *
    IdentityFile FOLDER/id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile FOLDER/known_hosts
"#;
const BASTIONS: &str = r#"
Host outer
    HostName NET.111
    IdentityFile FOLDER/id_outer
Host inner
    HostName NET.112
    IdentityFile FOLDER/id_inner
    ProxyJump outer
Match originalhost outer,inner
    User jump
"#;

fn written(text: &str) -> String {
    text.replace("FOLDER", Ground::file("").to_str().unwrap().trim_end_matches('/')).replace("NET", "10.79.1")
}

#[test]
fn two_nodes_behind_two_bastions_are_set_up_by_what_the_ssh_configuration_says_and_a_second_run_has_nothing_to_do() {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory(&["--kernel", "4.5.1"]);
    ground
        .edit("  user: ops\n  identity: id_ed25519\n  known_hosts: known_hosts\n  agent: false\n", "  agent: false\n");
    fs::create_dir_all(Ground::file("conf.d")).unwrap();
    fs::write(Ground::file("conf.d/bastions.conf"), written(BASTIONS)).unwrap();
    fs::write(Ground::file("bastions_config"), written(CONFIG)).unwrap();
    ground.script(&["fence"]);
    let hactl = |exit: i32, words: &[&str]| -> Done {
        ground.hactl(exit, &[words, &["--ssh-config", "bastions_config", "--connect-timeout", "3"]].concat())
    };

    // There is no other way in.
    let direct = ground.hactl(3, &["plan", "--ssh-config", "none", "--connect-timeout", "1"]);
    assert!(direct.stdout.contains("connect-timeout"), "{}", direct.stdout);

    let plan = hactl(2, &["plan"]);
    assert!(plan.stdout.contains("unpack wso2carbon-core-4.5.1.zip"), "{}", plan.stdout);
    let done = hactl(0, &["apply"]);
    assert!(done.stdout.contains("both nodes answer through sso.example.com"), "{}", done.stdout);
    let again = hactl(0, &["apply"]);
    assert!(again.stdout.contains("3 hosts in place; nothing to do."), "{}", again.stdout);

    // One connection to each bastion for a run, however many hosts are behind it.
    let logins = |host: &str| {
        let log = fs::read_to_string(Ground::file_of(host, "/var/log/sshd.log")).unwrap();
        log.lines().filter(|line| line.contains("Accepted publickey for ")).count()
    };
    let before = ["outer", "inner", "is-1"].map(logins);
    hactl(0, &["plan"]);
    let after = ["outer", "inner", "is-1"].map(logins);
    assert_eq!(after.map(|count| count as i64), before.map(|count| count as i64 + 1), "outer, inner, is-1");
}
