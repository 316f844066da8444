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

/// What the inventory says where it does know them.
const JUMP: &str = r#"ssh:
  agent: false
  user: ops
  identity: id_ed25519
  known_hosts: known_hosts
  jump: [outer, inner]
"#;
const JUMP_HOSTS: &str = r#"jump_hosts:
  outer: { address: NET.111, user: jump, identity: id_outer, known_hosts: known_hosts }
  inner: { address: NET.112, user: jump, identity: id_inner, known_hosts: known_hosts }
hosts:
"#;

#[test]
fn two_nodes_behind_two_bastions_are_set_up_by_what_the_ssh_configuration_says_and_a_second_run_has_nothing_to_do() {
    // One connection to each bastion for a run, however many hosts are behind it.
    behind_two_bastions("ssh", [1, 1, 1]);
}

#[test]
fn two_nodes_behind_two_bastions_are_set_up_by_the_users_own_ssh_and_a_second_run_has_nothing_to_do() {
    // What stands in its configuration alone, ssh does for each of the three hosts by itself.
    behind_two_bastions("openssh", [3, 3, 1]);
}

/// `logins` are those at outer, inner and is-1 that a run needs by the configuration alone.
fn behind_two_bastions(transport: &str, logins: [usize; 3]) {
    let Some(ground) = Ground::clean() else { return };
    ground.inventory_over(transport, &["--kernel", "4.5.1"]);
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
    assert_eq!(logins_of(|| drop(hactl(0, &["plan"]))), logins, "at outer, inner, is-1");

    // The same way, as the inventory would have it: then each bastion is connected to once over any transport.
    ground.edit("ssh:\n  agent: false\n", JUMP);
    ground.edit("hosts:\n", &written(JUMP_HOSTS));
    let plan = || drop(ground.hactl(0, &["plan", "--connect-timeout", "3"]));
    assert_eq!(logins_of(plan), [1, 1, 1], "at outer, inner, is-1, by ssh.jump");
}

/// How often outer, inner and is-1 let somebody in meanwhile.
fn logins_of(run: impl FnOnce()) -> [usize; 3] {
    let logins = |host: &str| {
        let log = fs::read_to_string(Ground::file_of(host, "/var/log/sshd.log")).unwrap();
        log.lines().filter(|line| line.contains("Accepted publickey for ")).count()
    };
    let hosts = ["outer", "inner", "is-1"];
    let before = hosts.map(logins);
    run();
    let mut after = hosts.map(logins);
    after.iter_mut().zip(before).for_each(|(after, before)| *after -= before);
    after
}
