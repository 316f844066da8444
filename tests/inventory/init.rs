//! What `hactl init` writes is an inventory, once its marks are filled in.

use hactl::cli::inventory::{InitOptions, init};
use hactl::model::inventory::FILL_IN;

fn written(addresses: &[&str], options: &InitOptions) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
    init(&addresses, options).unwrap()
}

/// Writes a fitting value over every mark.
fn filled(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let value = match line.trim_start().split(':').next().unwrap_or("") {
            "version" => "7.1.0",
            "home" => "/opt/wso2is",
            "file" => "drivers/mysql.jar",
            "sha256" => "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "hostname" => "sso.example.com",
            name if name.starts_with("is-") => "10.0.0.1",
            _ => "value",
        };
        let mut line = line.to_owned();
        let comment = line.find('#').unwrap_or(line.len());
        let code = line[..comment].replace(FILL_IN, value);
        line.replace_range(..comment, &code);
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[test]
fn two_addresses_give_two_hosts_and_only_the_marks_are_missing() {
    let text = written(&["192.168.2.1", "192.168.2.2"], &InitOptions::default());
    let (_, problems) = crate::read(&text, "inventory.yaml");
    assert!(!problems.is_empty());
    for problem in &problems {
        assert_eq!(problem.code, "not-filled-in", "{problem:?}");
    }
    let (inventory, problems) = crate::read(&filled(&text), "inventory.yaml");
    assert_eq!(problems, []);
    let hosts: Vec<(&str, &str)> =
        inventory.clusters[0].hosts.iter().map(|host| (host.name.as_str(), host.address.as_str())).collect();
    assert_eq!(hosts, [("is-1", "192.168.2.1"), ("is-2", "192.168.2.2")]);
}

#[test]
fn what_is_told_is_not_asked_for() {
    let options = InitOptions {
        cluster: "iam-prod".into(),
        product: "wso2carbon".into(),
        version: Some("4.10.32".into()),
        home: Some("/opt/carbon".into()),
    };
    let text = written(&["ops@192.168.2.1:2222", "is-2.example.com", "[fd00::3]:2222", "fd00::4"], &options);
    let (_, problems) = crate::read(&text, "inventory.yaml");
    assert!(problems.iter().all(|problem| !problem.path.starts_with("product")), "{problems:?}");
    let (inventory, problems) = crate::read(&filled(&text), "inventory.yaml");
    assert_eq!(problems, []);
    let cluster = &inventory.clusters[0];
    assert_eq!(cluster.name, "iam-prod");
    let product = cluster.hosts[0].product.as_ref().unwrap();
    assert_eq!((product.name.as_str(), product.version.as_str()), ("wso2carbon", "4.10.32"));
    assert_eq!((cluster.hosts[0].ssh.user.as_deref(), cluster.hosts[0].ssh.port), (Some("ops"), Some(2222)));
    assert_eq!(cluster.hosts[1].address, "is-2.example.com");
    assert_eq!(cluster.hosts[1].member_address, "10.0.0.1");
    assert_eq!((cluster.hosts[2].address.as_str(), cluster.hosts[2].ssh.port), ("fd00::3", Some(2222)));
    assert_eq!((cluster.hosts[3].address.as_str(), cluster.hosts[3].ssh.port), ("fd00::4", None));
}

#[test]
fn without_addresses_the_marks_stand_in() {
    let text = written(&[], &InitOptions::default());
    let (_, problems) = crate::read(&text, "inventory.yaml");
    let paths: Vec<&str> = problems.iter().map(|problem| &*problem.path).collect();
    assert!(paths.contains(&"hosts.is-1.address") && paths.contains(&"hosts.is-2.address"), "{paths:?}");
    assert!(problems.iter().all(|problem| problem.code == "not-filled-in"), "{problems:?}");
}

#[test]
fn what_is_no_address_is_refused() {
    for bad in
        ["", "https://is-1", "192.168.2.0/24", "is 1", "a@b@c", "is-1:0", "is-1:99999", "x\ny", "us er@is-1", "a: b"]
    {
        let problem = init(&[bad.to_owned()], &InitOptions::default()).unwrap_err();
        assert_eq!(problem.code, "bad-address", "{bad:?}");
    }
}
