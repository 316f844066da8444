//! Real sshds with strange rules, accounts and startup files.

use std::fs;

use super::cases::Expected::{self, Looked, Unknown};
use super::cases::Instead;
use super::{Host, look_at};
use crate::account::Account;
use crate::cluster::Cluster;
use crate::sshd::{Sshd, find, is_root, me, output, skip};

/// A strange account of a real server.
struct Strange {
    name: &'static str,
    /// Lines of sshd_config; `USER` is the account.
    config: &'static [&'static str],
    /// The login shell, where it is not that of whoever runs the tests: only root can make such an account.
    shell: Option<&'static str>,
    /// A file below the account's home, which is read by its shell, and what it holds.
    reads: Option<(&'static str, &'static str)>,
    expected: Expected,
    /// The same over the user's own `ssh`, where that is something else.
    openssh: Option<Instead>,
}

const fn rules(name: &'static str, config: &'static [&'static str], expected: Expected) -> Strange {
    Strange { name, config, shell: None, reads: None, expected, openssh: None }
}

const fn shell(name: &'static str, shell: &'static str, expected: Expected) -> Strange {
    Strange { name, config: &[], shell: Some(shell), reads: None, expected, openssh: None }
}

const fn startup(
    name: &'static str,
    shell: &'static str,
    reads: (&'static str, &'static str),
    expected: Expected,
) -> Strange {
    Strange { name, config: &[], shell: Some(shell), reads: Some(reads), expected, openssh: None }
}

const REFUSED: Expected = Unknown("authentication", "authentication-refused", "the host does not let");
/// How much it has printed by then depends on the machine.
const ENDLESS: Expected = Unknown("command", "deadline", "waited for the command to end");
const BLOCKED: Expected = Unknown("command", "deadline", "it has printed nothing");

/// What sshd_config can do to us.
const RULES: &[Strange] = &[
    rules("wrong-key", &["AuthorizedKeysFile none"], REFUSED),
    rules("allow-users", &["AllowUsers somebody-else"], REFUSED),
    rules("deny-users", &["DenyUsers USER"], REFUSED),
    rules("no-sessions", &["MaxSessions 0"], Unknown("channel", "channel-refused", "the server opens no channel")),
    rules("one-session", &["MaxSessions 1"], Looked),
    rules("two-startups", &["MaxStartups 2:100:2"], Looked),
    rules("no-terminal", &["PermitTTY no"], Looked),
    rules("no-forwarding", &["DisableForwarding yes"], Looked),
    rules("forced-date", &["ForceCommand echo today"], Unknown("shell", "forced-command", "today")),
    rules("forced-silence", &["ForceCommand exit 3"], Unknown("", "no-answer", "(status 3): it printed nothing")),
    rules("forced-wait", &["ForceCommand exec sleep 100"], BLOCKED),
    rules("sftp-only", &["ForceCommand internal-sftp"], Unknown("shell", "sftp-only", "sftp connections only")),
    rules("banner", &["Banner FOLDER/motd"], Looked),
    rules("old-ciphers", &["Ciphers aes128-cbc"], Unknown("key exchange", "no-common-algorithm", "aes128-cbc")),
];

/// What only root can set up.
const ACCOUNTS: &[Strange] = &[
    Strange {
        config: &["ForceCommand internal-sftp", "ChrootDirectory /run/sshd"],
        ..shell("chrooted-sftp", "/bin/sh", Unknown("shell", "sftp-only", "sftp connections only"))
    },
    Strange {
        // There is no shell in there.
        config: &["ChrootDirectory /run/sshd"],
        ..shell("chrooted", "/bin/sh", Unknown("", "no-answer", "No such file"))
    },
    shell("false", "/bin/false", Unknown("", "no-answer", "(status 1): it printed nothing")),
    shell("nologin", "/usr/sbin/nologin", Unknown("shell", "login-shell-refuses", "not available")),
    shell("shell-missing", "/no/such/shell", REFUSED),
    shell("dash", "/bin/dash", Looked),
    shell("bash", "/bin/bash", Looked),
    shell("fish", "/usr/bin/fish", Looked),
    shell("tcsh", "/usr/bin/tcsh", Looked),
    shell("csh", "/bin/csh", Looked),
    shell("zsh", "/usr/bin/zsh", Looked),
    startup("bash-prints", "/bin/bash", (".bashrc", "echo hello; echo there >&2; printf '\\033[31m'"), Looked),
    startup("bash-floods", "/bin/bash", (".bashrc", "yes flood"), ENDLESS),
    startup(
        "bash-prints-a-lot",
        "/bin/bash",
        (".bashrc", "head -c 20000000 /dev/zero"),
        Unknown("", "no-answer", "printed more than 16 MiB before"),
    ),
    startup("bash-blocks", "/bin/bash", (".bashrc", "sleep 100"), BLOCKED),
    startup("bash-eats", "/bin/bash", (".bashrc", "cat >/dev/null"), BLOCKED),
    startup("bash-exits", "/bin/bash", (".bashrc", "exit 7"), Unknown("", "no-answer", "(status 7)")),
    Strange {
        openssh: Some(Instead("ssh does not tell which signal", Unknown("", "no-answer", "(signal unknown)"))),
        ..startup("bash-dies", "/bin/bash", (".bashrc", "kill -9 $$"), Unknown("", "no-answer", "(signal KILL)"))
    },
    startup(
        "bash-execs",
        "/bin/bash",
        (".bashrc", "exec echo another shell"),
        Unknown("shell", "forced-command", "another shell"),
    ),
    startup("sh-profile", "/bin/sh", (".profile", "sleep 100"), Looked),
    startup("fish-prints", "/usr/bin/fish", (".config/fish/config.fish", "echo hello"), Looked),
    startup(
        "fish-blocks",
        "/usr/bin/fish",
        (".config/fish/config.fish", "sleep 100"),
        Unknown("command", "deadline", "waited for the command to end"),
    ),
    startup("fish-exits", "/usr/bin/fish", (".config/fish/config.fish", "exit 5"), Looked),
    startup("tcsh-prints", "/usr/bin/tcsh", (".tcshrc", "echo hello"), Looked),
    startup("csh-blocks", "/bin/csh", (".cshrc", "sleep 100"), BLOCKED),
    startup("zsh-prints", "/usr/bin/zsh", (".zshenv", "echo hello"), Looked),
    startup("zsh-exits", "/usr/bin/zsh", (".zshenv", "exit 5"), Unknown("", "no-answer", "did not run the script")),
];

/// Starts a server for each, and looks at all of them at once.
fn look(all: &[Strange]) {
    let mut kept = Vec::new();
    let mut hosts = Vec::new();
    for strange in all {
        if let Some(shell) = strange
            .shell
            .filter(|shell| !shell.starts_with("/no/") && find(shell.rsplit('/').next().unwrap()).is_none())
        {
            skip(&format!("there is no {shell}"));
            continue;
        }
        let account = match strange.shell {
            Some(shell) => match Account::new("useradd", "") {
                Some(account) => {
                    account.set_shell(shell);
                    Some(account)
                }
                None => return,
            },
            None => None,
        };
        let user = account.as_ref().map_or_else(me, |account| account.name().to_owned());
        let folder = Sshd::folder_with_keys();
        let home = folder.path().join("home");
        Cluster::lay_down(&home);
        fs::write(folder.path().join("motd"), "Welcome, and read the rules. ".repeat(3000)).unwrap();
        if let Some((file, text)) = strange.reads {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{text}\n")).unwrap();
        }
        let config: Vec<String> = strange.config.iter().map(|line| line.replace("USER", &user)).collect();
        let config: Vec<&str> = config.iter().map(String::as_str).collect();
        let Some(server) = Sshd::start_in(folder, &config) else { return };
        hosts.push(Host {
            name: strange.name,
            port: server.port(),
            user: Some(user),
            identity: server.identity(),
            known_hosts: server.known_hosts(),
            patience: 40,
            home,
            expected: strange.expected,
            openssh: strange.openssh,
        });
        kept.push((server, account));
    }
    look_at(&hosts, "plan");
}

#[test]
fn a_servers_rules_are_told_apart() {
    look(RULES);
}

#[test]
fn every_login_shell_works_or_says_why_not() {
    if !is_root() {
        return skip("only root can make users");
    }
    look(ACCOUNTS);
}

#[test]
fn a_fish_and_a_csh_are_set_up_like_any_other() {
    let shells = ["fish", "tcsh"];
    if let Some(missing) = shells.iter().find(|shell| find(shell).is_none()) {
        return skip(&format!("there is no {missing}"));
    }
    let Some(cluster) = Cluster::start(&[]) else { return };
    let mut text = fs::read_to_string(cluster.inventory()).unwrap();
    let mut accounts = Vec::new();
    for (server, shell) in cluster.servers.iter().zip(shells) {
        let Some(account) = Account::new("useradd", "") else { return };
        account.set_shell(find(shell).unwrap().to_str().unwrap());
        output("chown", &["-R", &format!("{}:", account.name()), server.folder().to_str().unwrap()]);
        let port = format!("ssh: {{ port: {},", server.port());
        assert!(text.contains(&port));
        text = text.replace(&port, &format!("ssh: {{ user: {}, port: {},", account.name(), server.port()));
        accounts.push(account);
    }
    fs::write(cluster.inventory(), text).unwrap();
    // The driver is uploaded by a command line of its own, which these shells read in their own way.
    let report = cluster.report(0, &["apply"]);
    for host in report["hosts"].as_array().unwrap() {
        assert_eq!(host["outcome"], "changed", "{host:#}");
    }
    cluster.is_converged();
}
