//! The probe of the facts, in every shell, against what the same machine says otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hactl::model::Script;
use hactl::model::inventory::{Host as InventoryHost, Place, read};
use hactl::steps::facts::{self, HostFacts, Java, Jdk};

use crate::host::{Host, on_every_shell, start};

fn node(java_home: &str) -> InventoryHost {
    let text = format!(
        "version: 1\ncluster: iam\nhosts: {{ is-1: {{ address: 127.0.0.1 }} }}\nclustering: {{ scheme: multicast }}\n\
         product: {{ name: wso2is, version: 7.1.0, home: /nowhere/is, java_home: {java_home} }}\n"
    );
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    read(&text, &place).unwrap().clusters[0].hosts[0].clone()
}

#[track_caller]
fn facts_of(host: &Host, node: &InventoryHost) -> HostFacts {
    let (mut prelude, mut script) = (Script::new(), Script::new());
    facts::prelude(&mut prelude);
    prelude.line("HACTL_STATE=/nowhere/hactl");
    facts::probe(node, &mut script);
    let output = host.execute(prelude.text(), &script, "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", output.status);
    facts::read(&String::from_utf8(output.stdout).unwrap(), node, None)
}

fn local(program: &str, words: &[&str]) -> Option<String> {
    let done = start(program, words).output().unwrap();
    Some(String::from_utf8(done.stdout).unwrap().trim().to_owned())
}

#[test]
fn every_shell_tells_the_same_and_what_the_machine_tells_itself() {
    on_every_shell(|host| {
        let jdk = host.at("jdk 17");
        fs::create_dir_all(jdk.join("bin")).unwrap();
        let java = host.write("jdk 17/bin/java", "#!/bin/sh\necho 'openjdk version \"17.0.9\" 2023-10-17' >&2\n");
        fs::set_permissions(java, fs::Permissions::from_mode(0o755)).unwrap();
        host.write("jdk 17/release", "JAVA_VERSION=\"17.0.9\"\nOS_NAME=\"Linux\"\n");
        let home = host.path("jdk 17").as_str().to_owned();
        let seen = facts_of(host, &node(&serde_json::to_string(&home).unwrap()));
        assert_eq!(seen.kernel, local("uname", &["-r"]));
        assert_eq!(seen.architecture, local("uname", &["-m"]));
        assert_eq!(seen.user, local("id", &["-un"]));
        assert_eq!(seen.processors, local("nproc", &[]).and_then(|count| count.parse().ok()));
        assert!(seen.memory_kb.unwrap() > 100_000 && seen.shell.is_some() && seen.init.is_some(), "{seen:?}");
        assert!(seen.libc.is_some() && seen.zone.is_some() && seen.open_files.is_some(), "{seen:?}");
        assert!(seen.processes.is_some(), "{seen:?}");
        let disks: Vec<&str> = seen.disks.iter().map(|disk| disk.of).collect();
        assert_eq!(disks, ["product", "tmp", "state"], "also of what is still to be made");
        assert!(seen.disks.iter().all(|disk| disk.size_kb >= disk.free_kb && disk.mount.starts_with('/')), "{seen:?}");
        assert_eq!(seen.java, Some(Java { home: Some(home.clone()), version: Some(17) }));
        let own: Vec<&Jdk> = seen.jdks.iter().filter(|jdk| jdk.home == home).collect();
        assert_eq!(own, [&Jdk { home: home.clone(), version: Some("17.0.9".to_owned()) }], "once");
    });
}

#[test]
fn a_jdk_that_is_not_there_is_no_jdk() {
    on_every_shell(|host| {
        let seen = facts_of(host, &node("/nowhere/jdk"));
        assert_eq!(seen.java, Some(Java { home: Some("/nowhere/jdk".to_owned()), version: None }));
        assert!(seen.jdks.iter().all(|jdk| jdk.home != "/nowhere/jdk"));
    });
}
