//! Secrets are had from where the inventory says, all of them before anything connects.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use hactl::cli::inventory::{Sources, load, load_cluster, render};
use hactl::model::inventory::{Inventory, Place, Problem, Secrets, Severity, read};
use tempfile::TempDir;

const HEAD: &str = "version: 1\ncluster: iam\nhosts: { is-1: { address: 192.168.2.1 } }\n";

/// `open sesame` is its password, `p0ison` what it holds; made by `ansible-vault encrypt_string`.
const VAULT: &str = "\
$ANSIBLE_VAULT;1.1;AES256
66646532333865353963396631396636356430636563666161323263356435313038623839316239
3133326637343837346261643462636236336432306431330a386631346266353736656539636337
31613636623535643833353363303830323734616637333333363463366537343463346430353531
3962646233623038320a373566383230396263303833663366393032626162386466656662643566
3037
";

struct Desk {
    folder: TempDir,
    variables: BTreeMap<String, OsString>,
    deadline: Duration,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: BTreeMap::new(), deadline: Duration::from_secs(20) }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    fn file(self, name: &str, content: &[u8], mode: u32) -> Self {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn inventory(&self, text: &str) -> Inventory {
        let place = Place { file: "inventory.yaml".to_owned(), folder: self.folder.path().to_owned(), home: None };
        read(text, &place).unwrap()
    }

    fn resolve(&self, text: &str) -> (Inventory, Secrets, Vec<Problem>) {
        let inventory = self.inventory(text);
        let variables = self.variables.clone();
        let sources = Sources {
            variable: Box::new(move |name| variables.get(name).cloned()),
            folder: self.folder.path().to_owned(),
            deadline: self.deadline,
        };
        let (secrets, problems) = sources.resolve(&inventory);
        (inventory, secrets, problems)
    }

    /// The value of `ssh.password` with this source, or what is said instead.
    fn password(&self, source: &str) -> Result<String, String> {
        let (inventory, secrets, problems) = self.resolve(&format!("{HEAD}ssh: {{ password: {source} }}\n"));
        let wanted = inventory.clusters[0].hosts[0].ssh.password.clone().unwrap();
        match secrets.get(&wanted) {
            Some(secret) => Ok(secret.expose().to_owned()),
            None => {
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert_eq!(&*problems[0].path, "ssh.password");
                assert_eq!(problems[0].span.unwrap().line, 4);
                Err(format!("{}: {}", problems[0].code, problems[0].message))
            }
        }
    }
}

fn refused(result: Result<String, String>, words: &[&str]) {
    let message = result.unwrap_err();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn a_variable_must_be_set_and_not_empty() {
    let mut desk = Desk::new().variable("FULL", " p0ison ").variable("EMPTY", "");
    desk.variables.insert("BYTES".to_owned(), OsString::from_vec(vec![0xff]));
    assert_eq!(desk.password("{ env: FULL }").unwrap(), " p0ison ");
    refused(desk.password("{ env: EMPTY }"), &["secret-env", "EMPTY is empty"]);
    refused(desk.password("{ env: ABSENT }"), &["secret-env", "ABSENT is not set"]);
    refused(desk.password("{ env: BYTES }"), &["secret-env", "UTF-8"]);
}

#[test]
fn one_final_newline_of_a_file_is_not_part_of_the_secret() {
    let desk = Desk::new()
        .file("plain", b"p0ison", 0o600)
        .file("unix", b"p0ison\n", 0o600)
        .file("windows", b"p0ison\r\n", 0o600)
        .file("two", b"p0ison\n\n", 0o600)
        .file("empty", b"\n", 0o600)
        .file("bytes", b"\xff\xfe", 0o600);
    for name in ["plain", "unix", "windows"] {
        assert_eq!(desk.password(&format!("{{ file: {name} }}")).unwrap(), "p0ison", "{name}");
    }
    assert_eq!(desk.password("{ file: two }").unwrap(), "p0ison\n");
    refused(desk.password("{ file: empty }"), &["secret-file", "is empty"]);
    refused(desk.password("{ file: bytes }"), &["secret-file", "UTF-8"]);
    refused(desk.password("{ file: absent }"), &["secret-file", "can't be read"]);
}

#[test]
fn a_file_that_others_may_read_is_a_warning() {
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        let desk = Desk::new().file("secret", b"p0ison\n", mode);
        let (_, _, problems) = desk.resolve(&format!("{HEAD}ssh: {{ password: {{ file: secret }} }}\n"));
        assert_eq!(problems.len(), usize::from(warned), "{mode:o}");
        for problem in problems {
            assert_eq!((problem.code, problem.severity), ("secret-file-open", Severity::Warning));
            assert!(problem.message.contains(&format!("{mode:o}")), "{}", problem.message);
        }
    }
}

#[test]
fn a_command_is_words_without_a_shell_or_a_line_with_one() {
    let desk = Desk::new().file("say", b"#!/bin/sh\necho p0ison\n", 0o700);
    assert_eq!(desk.password("{ command: [echo, \"$HOME; 'x'\"] }").unwrap(), "$HOME; 'x'");
    assert_eq!(desk.password("{ command: \"printf %s p0; echo ison | cat\" }").unwrap(), "p0ison");
    assert_eq!(desk.password("{ command: [./say] }").unwrap(), "p0ison", "it runs in the inventory's folder");
    assert_eq!(
        desk.password(
            "{ command: [sh, -c, \"head -c 200000 /dev/zero | tr '\\\\0' x; head -c 200000 /dev/zero >&2\"] }"
        )
        .unwrap()
        .len(),
        200_000
    );
}

#[test]
fn a_command_that_fails_shows_its_complaint_and_never_its_output() {
    let desk = Desk::new();
    let failed = desk.password("{ command: \"echo p0ison; echo 'no such entry' >&2; exit 3\" }");
    assert!(!failed.as_ref().unwrap_err().contains("p0ison"), "{failed:?}");
    refused(failed, &["secret-command", "no such entry", "3"]);
    refused(
        desk.password("{ command: [/nonexistent/pass, p0ison] }"),
        &["secret-command", "/nonexistent/pass", "can't be started"],
    );
    refused(desk.password("{ command: [\"true\"] }"), &["secret-command", "is empty"]);
    refused(desk.password("{ command: \"kill -9 $$\" }"), &["secret-command", "signal"]);
    refused(desk.password("{ command: \"read line || echo no input >&2; exit 1\" }"), &["no input"]);
}

#[test]
fn a_command_that_hangs_is_given_up() {
    let mut desk = Desk::new();
    desk.deadline = Duration::from_millis(300);
    for hanging in ["[sleep, \"20\"]", "\"echo waiting >&2; sleep 20 & echo p0ison\"", "\"exec >&- 2>&-; sleep 20\""] {
        let start = Instant::now();
        let result = desk.password(&format!("{{ command: {hanging} }}"));
        refused(result, &["secret-command", "did not end"]);
        assert!(start.elapsed() < Duration::from_secs(10), "{hanging}");
    }
}

#[test]
fn vault_strings_are_opened_with_the_vaults_password() {
    let desk = Desk::new().variable("RIGHT", "open sesame").variable("WRONG", "open");
    let text = |variable: &str| {
        let vault = VAULT.trim().replace('\n', "\n    ");
        format!("{HEAD}ssh:\n  password: !vault |\n    {vault}\nvault: {{ password: {{ env: {variable} }} }}\n")
    };
    let (inventory, secrets, problems) = desk.resolve(&text("RIGHT"));
    assert_eq!(problems, []);
    let source = inventory.clusters[0].hosts[0].ssh.password.clone().unwrap();
    assert_eq!(secrets.get(&source).unwrap().expose(), "p0ison");
    assert_eq!(secrets.values().count(), 2, "the redactor knows the vault's password too");

    let (_, _, problems) = desk.resolve(&text("WRONG"));
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["secret-vault"]);
    assert!(problems[0].message.contains("password does not open it"), "{}", problems[0].message);

    let (_, _, problems) = desk.resolve(&text("ABSENT"));
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["secret-env"], "said once");
}

#[test]
fn everything_that_is_missing_is_said_in_one_go_and_each_source_is_asked_once() {
    let desk = Desk::new();
    let (_, _, problems) = desk.resolve(&format!(
        "{HEAD}ssh: {{ password: {{ env: A }}, passphrase: {{ env: B }}, become: {{ method: sudo, password: {{ env: A }} }} }}\n\
         databases: {{ shared_db: {{ type: mysql, host: db, name: S, username: u, password: {{ command: [\"false\"] }} }} }}\n"
    ));
    let keys: Vec<&str> = problems.iter().map(|problem| &*problem.path).collect();
    assert_eq!(keys, ["ssh.password", "ssh.passphrase", "databases.shared_db.password"]);

    let count = "{ command: \"echo x >>count; echo p0ison\" }";
    let (_, secrets, problems) = desk.resolve(&format!("{HEAD}ssh: {{ password: {count}, passphrase: {count} }}\n"));
    assert_eq!(problems, []);
    assert_eq!(secrets.values().count(), 1);
    assert_eq!(std::fs::read_to_string(desk.folder.path().join("count")).unwrap(), "x\n");
}

#[test]
fn secrets_of_groups_hosts_and_every_section_are_found() {
    let database = "{ type: mysql, host: db, name: S, username: u, password: { env: @ } }";
    let text = format!(
        "version: 1\ncluster: iam\nhosts: {{ is-1: {{ groups: [g], ssh: {{ password: {{ env: H }} }} }} }}\n\
         groups: {{ g: {{ ssh: {{ become: {{ method: sudo, password: {{ env: G }} }} }} }} }}\n\
         databases: {{ identity_db: {0}, extra: {{ x: {1} }} }}\n\
         clustering: {{ scheme: kubernetes, kubernetes: {{ namespace: n, services: s, token: {{ env: K }} }} }}\n",
        database.replace('@', "D"),
        database.replace('@', "X"),
    );
    let (_, _, problems) = Desk::new().resolve(&text);
    let mut keys: Vec<&str> = problems.iter().map(|problem| &*problem.path).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "clustering.kubernetes.token",
            "databases.extra.x.password",
            "databases.identity_db.password",
            "groups.g.ssh.become.password",
            "hosts.is-1.ssh.password",
        ]
    );
}

#[test]
fn an_inventory_is_loaded_from_a_file_with_its_secrets() {
    let desk = Desk::new().file("password", b"p0ison\n", 0o644);
    let path = desk.folder.path().join("inventory.yaml");
    std::fs::write(&path, format!("{HEAD}ssh: {{ password: {{ file: password }} }}\n")).unwrap();
    let loaded = load(&path).unwrap();
    assert_eq!(loaded.secrets.values().map(|secret| secret.expose()).collect::<Vec<_>>(), ["p0ison"]);
    let warned = render(&loaded.inventory.warnings, &loaded.text, "inventory.yaml", false);
    assert!(warned.contains("warning[secret-file-open]") && warned.contains("inventory.yaml:4:20"), "{warned}");
    assert!(!format!("{:?} {warned}", loaded.secrets).contains("p0ison"));
}

#[test]
fn of_several_clusters_only_the_chosen_one_is_asked_for_its_secrets() {
    let desk = Desk::new().file("password", b"p0ison\n", 0o600);
    let path = desk.folder.path().join("inventory.yaml");
    let one = format!("{HEAD}ssh: {{ password: {{ file: password }} }}\n");
    let other = one.replace("cluster: iam", "cluster: other").replace("file: password", "command: [\"false\"]");
    std::fs::write(&path, format!("{one}---\n{other}")).unwrap();
    assert_eq!(load(&path).unwrap_err().problems[0].code, "secret-command");
    let loaded = load_cluster(&path, Some("iam")).unwrap();
    assert_eq!(loaded.inventory.clusters.len(), 1);
    assert!(loaded.inventory.locate(&loaded.inventory.clusters[0], "cluster").is_some());
    let unknown = load_cluster(&path, Some("iams")).unwrap_err().to_string();
    assert!(unknown.contains("error[unknown-cluster]") && unknown.contains("it has: iam, other"), "{unknown}");
}

#[test]
fn what_keeps_an_inventory_from_being_loaded_is_said_in_one_go() {
    let desk = Desk::new();
    let path = desk.folder.path().join("inventory.yaml");
    std::fs::write(&path, format!("{HEAD}ssh: {{ password: {{ file: absent }}, identity: gone, prot: 22 }}\n"))
        .unwrap();
    let failure = load(&path).unwrap_err();
    let codes: Vec<&str> = failure.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["missing-file", "missing-file", "unknown-key"]);
    assert!(failure.to_string().contains("inventory.yaml:4:26"), "{failure}");

    let missing = load(Path::new("/nonexistent/inventory.yaml")).unwrap_err();
    assert!(missing.to_string().contains("error[inventory-not-found]"), "{missing}");
    std::fs::write(&path, b"version: 1\ncluster: \xff\n").unwrap();
    let bytes = load(&path).unwrap_err().to_string();
    assert!(bytes.contains("error[inventory-unreadable]") && bytes.contains("line 2"), "{bytes}");
    let folder = load(desk.folder.path()).unwrap_err().to_string();
    assert!(folder.contains("error[inventory-unreadable]"), "{folder}");
}
