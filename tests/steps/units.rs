//! The unit that `service-unit` writes is one that systemd takes.

use std::process::Command;

use hactl::model::inventory::{Place, Secrets, read};
use hactl::model::profile::Profile;
use hactl::resources::Seen;
use hactl::steps::{Allow, HostContext, Wants, registry};

/// The text of the unit of a product at `home`.
fn unit(home: &str) -> String {
    let text = format!(
        "version: 1\ncluster: iam\nproduct: {{ name: wso2is, version: 7.1.0, home: '{home}', java_home: /opt/jdk, run_as: root, service: systemd, stop_timeout: 90 }}\nhosts: {{ a: {{ address: 10.0.0.1 }} }}\n"
    );
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let cluster = read(&text, &place).unwrap().clusters[0].clone();
    let profile = Profile::find("wso2is", "7.1.0").unwrap();
    let on = HostContext {
        cluster: &cluster,
        host: &cluster.hosts[0],
        profile: Some(&profile),
        secrets: &Secrets::default(),
        blobs: &[],
        archives: &[],
        allow: Allow::default(),
    };
    let mut wants = Wants::default();
    let step = registry().iter().find(|step| step.name().0 == "service-unit").unwrap();
    step.desire(&on, &mut wants).unwrap();
    let items = wants.into_items().unwrap();
    let file = items.iter().map(|item| item.resource.resource()).find(|one| one.id().ends_with(".service")).unwrap();
    let absent = file.assess(Seen { stdout: b"absent\n", stderr: b"", status: 0 }).unwrap();
    let diff = absent.changes[0].diff.clone().unwrap();
    let added = diff.lines().filter(|line| !line.starts_with("+++")).filter_map(|line| line.strip_prefix('+'));
    added.map(|line| format!("{line}\n")).collect()
}

#[test]
fn systemd_takes_the_unit() {
    let text = unit("/tmp/100% $HOME of it");
    for line in [
        "User=root",
        "WorkingDirectory=/tmp/100%% $HOME of it",
        "Environment=\"JAVA_HOME=/opt/jdk\"",
        "ExecStart=/bin/sh \"/tmp/100%% $$HOME of it/bin/wso2server.sh\"",
        "TimeoutStopSec=90",
        "WantedBy=multi-user.target",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains('@'), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wso2is-x.service");
    std::fs::write(&file, unit("/tmp/wso2is")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "systemd's own program judges the unit")]
    match Command::new("systemd-analyze").arg("verify").arg(&file).output() {
        Err(error) => {
            assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "systemd-analyze: {error}");
            eprintln!("SKIPPED: systemd-analyze: {error}");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains("wso2is-x.service"), "{said}\n{text}");
        }
    }
}
