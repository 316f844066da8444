use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::transport::AddressFamily;

/// A case: a folder of files with `FOLDER` in place of its path, and the names that its first line tells.
struct Case {
    name: String,
    folder: TempDir,
    names: Vec<String>,
}

fn cases() -> Vec<Case> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/user_config");
    let mut names: Vec<_> =
        fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    names.sort();
    assert!(names.len() >= 7, "only {} cases were found", names.len());
    names.iter().map(|path| case(path)).collect()
}

fn case(from: &Path) -> Case {
    let folder = tempfile::Builder::new().prefix("hactl-user-config").tempdir().unwrap();
    copy(from, folder.path(), &folder.path().display().to_string());
    let config = fs::read_to_string(folder.path().join("config")).unwrap();
    let names = config.lines().next().unwrap().strip_prefix("# names: ").unwrap();
    let names = names.split(' ').map(str::to_owned).collect();
    Case { name: from.file_name().unwrap().to_string_lossy().into_owned(), folder, names }
}

fn copy(from: &Path, to: &Path, folder: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&name).unwrap();
            copy(&path, &name, folder);
        } else {
            fs::write(&name, fs::read_to_string(&path).unwrap().replace("FOLDER", folder)).unwrap();
        }
    }
}

impl Case {
    fn query(&self, name: &str) -> Query {
        let config = SshConfig::File(self.folder.path().join("config"));
        Query { config, name: name.to_owned(), user: None, port: None, address: None }
    }
}

fn nobody(_: &str) -> Option<String> {
    None
}

fn tester() -> Here {
    let home = Some("/home/tester".into());
    Here { user: "tester".into(), uid: 1000, home, machine: "desk.example.com".into(), variable: nobody }
}

fn by_subset(query: &Query, here: &Here) -> Result<(Settings, HostConfig), UserConfigError> {
    let set = subset::read(&files::of(&query.config, here)?, query, here, &files::included)?;
    let found = reading::read(&set, query, here, "")?;
    Ok((set, found))
}

#[test]
fn the_subset_reads_every_case_as_its_file_says() {
    let mut differences = String::new();
    for case in cases() {
        let mut text = String::new();
        for name in &case.names {
            let _ = writeln!(text, "== {name}");
            match by_subset(&case.query(name), &tester()) {
                Ok((set, _)) => set.0.iter().for_each(|setting| {
                    let _ = writeln!(text, "{} = {}", setting.shown(), setting.values.join(" | "));
                }),
                Err(error) => {
                    let _ = writeln!(text, "error[{}]: {error}", error.code);
                }
            }
        }
        let text = text.replace(&case.folder.path().display().to_string(), "FOLDER");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/user_config").join(format!("{}.txt", case.name));
        if std::env::var_os("HACTL_ACCEPT").is_some() {
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            let _ = writeln!(differences, "{}\n--- got\n{text}", file.display());
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test]
async fn the_subset_and_openssh_agree_on_every_case() {
    if !client::is_there() {
        assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "HACTL_REQUIRE_REAL is set, and there is no ssh");
        eprintln!("SKIPPED: there is no ssh");
        return;
    }
    let here = Here::of_this_process("tester", None, "desk");
    let mut agreed = 0;
    // What is refused here is taken there, or is refused for its own reasons.
    for case in cases().into_iter().filter(|case| !["refused", "circle"].contains(&case.name.as_str())) {
        for name in &case.names {
            let query = case.query(name);
            let mut configs = UserConfigs::new(here.clone());
            configs.look_up(std::slice::from_ref(&query)).await.unwrap_or_else(|(_, error)| panic!("{name}: {error}"));
            let exact = configs.get(&query).unwrap().clone();
            let (_, found) = by_subset(&query, &here).unwrap_or_else(|error| panic!("{name}: {error}"));
            let bare = |found: HostConfig| HostConfig { source: String::new(), passed: Vec::new(), ..found };
            assert_eq!(bare(found), bare(exact), "{} of {}", name, case.name);
            agreed += 1;
        }
    }
    assert!(agreed > 20, "only {agreed} names were compared");
}

/// What one line means for `name`, which is reached as `me` at port 22.
fn line(text: &str) -> Result<HostConfig, UserConfigError> {
    let source = subset::Source { name: "config".into(), folder: "/home/tester/.ssh".into(), text: text.into() };
    let query =
        Query { config: SshConfig::Usual, name: "name".into(), user: Some("me".into()), port: None, address: None };
    let set = subset::read(&[source], &query, &tester(), &|_, _| Ok(Vec::new()))?;
    reading::read(&set, &query, &tester(), "")
}

#[test]
fn a_value_is_what_the_manual_says() {
    let found = |text: &str| line(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(found("ConnectTimeout 1h2m3").connect_timeout, Some(Duration::from_secs(3723)));
    assert_eq!(found("ConnectTimeout none").connect_timeout, None);
    assert_eq!(found("ServerAliveInterval 0").keepalive, None);
    assert_eq!(found("AddressFamily INET6").address_family, Some(AddressFamily::V6));
    assert_eq!(found("HostName %h.%%").address.as_deref(), Some("name.%"));
    assert_eq!(
        found("IdentityFile %d/%u-%i-%L-%l").identities,
        Some(vec!["/home/tester/tester-1000-desk-desk.example.com".into()])
    );
    assert_eq!(found("IdentityFile ~/k\nIdentityFile none").identities, Some(vec!["/home/tester/k".into()]));
    assert_eq!(found("IdentityAgent $NOWHERE").agent, Some(Agent::None));
    assert_eq!(found("IdentityAgent SSH_AUTH_SOCK").agent, None);
    let keyless = found("PubkeyAuthentication no\nIdentityFile ~/k");
    assert_eq!((keyless.identities, keyless.agent), (Some(Vec::new()), Some(Agent::None)));
    assert_eq!(found("ProxyCommand nc %r@%h %p").way, Way::Command("nc me@name 22".into()));
    let hop = |name: &str, user: Option<&str>, port| Hop { name: name.into(), user: user.map(str::to_owned), port };
    assert_eq!(
        found("ProxyJump a,b@[fd00::1]:23, ssh://c").way,
        Way::Jump(vec![hop("a", None, None), hop("fd00::1", Some("b"), Some(23)), hop("c", None, None)])
    );
    assert_eq!(found("ForwardAgent yes").passed.len(), 1);
    for (text, warned) in [("no", true), ("off", true), ("accept-new", true), ("yes", false), ("ask", false)] {
        assert_eq!(!found(&format!("StrictHostKeyChecking {text}")).warnings.is_empty(), warned, "{text}");
    }
}

#[test]
fn a_value_that_means_nothing_is_refused_with_its_line() {
    for (text, code, words) in [
        ("Port 0x16", "ssh-config-value", "port (config:1) `0x16` is no number"),
        ("ConnectTimeout soon", "ssh-config-value", "is no time"),
        ("AddressFamily both", "ssh-config-value", "is none of any"),
        ("IdentitiesOnly maybe", "ssh-config-value", "is neither yes nor no"),
        ("ProxyJump a,,b", "ssh-config-value", "names no host"),
        ("ProxyCommand nc %C", "ssh-config-value", "holds %C"),
        ("IdentityFile /a%", "ssh-config-value", "ends in a single %"),
        ("MACs hmac-md5", "ssh-config-value", "leaves none of the algorithms"),
        ("RefuseConnection closed", "ssh-config-unsupported", "forbids the connection"),
        ("CanonicalizeHostname yes", "ssh-config-unsupported", "only OpenSSH's client"),
        ("Match host", "ssh-config-refused", "config:1: Match host has no value"),
        ("User", "ssh-config-refused", "config:1: user has no value"),
    ] {
        let error = line(text).unwrap_err();
        assert!(error.code == code && error.cause.contains(words), "{text}: {error:?}");
        assert!(!error.hint.is_empty());
    }
}

#[test]
fn only_what_differs_from_the_defaults_counts_as_said() {
    let defaults =
        Settings::of_answer("host default\nhostname default\nport 22\nidentityfile ~/.ssh/a\nidentityfile ~/.ssh/b\n");
    let answer = Settings::of_answer(
        "host Is-1\nhostname is-1\nport 22\nidentityfile ~/.ssh/a\nuserknownhostsfile /a b/c /d e\nserveraliveinterval 5\n",
    );
    let said = answer.beyond(&defaults, "Is-1");
    let keywords: Vec<&str> = said.0.iter().map(|setting| setting.keyword.as_str()).collect();
    assert_eq!(keywords, ["identityfile", "userknownhostsfile", "serveraliveinterval"]);
    assert_eq!(said.first("userknownhostsfile").unwrap().values, ["/a b/c", "/d e"]);
    let renamed = Settings::of_answer("hostname 10.0.0.1\n").beyond(&defaults, "is-1");
    assert_eq!(renamed.first("hostname").map(|setting| setting.text()), Some("10.0.0.1".to_owned()));
}
