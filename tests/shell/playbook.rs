//! A playbook of generic steps, from its text to a host in the wanted state.

use hactl::model::inventory::{Inventory, Place, Secrets, read};
use hactl::model::{Blob, Sha256};
use hactl::orchestration::playbook::Playbook;
use hactl::resources::AssessError;
use hactl::steps::{Allow, HostContext, Item, StepError, Wants};

use crate::host::{Host, on_every_shell};

/// One step of every kind but `hosts`, whose file is the machine's own.
const PLAYBOOK: &str = r##"
stages:
  - name: Everything
    on: all
    steps:
      - directory: { path: "{{ vars.root }}/mnt/shared/Tenants", mode: 0750 }
      - toml:
          path: "{{ vars.root }}/conf/deployment.toml"
          set:
            server.hostname: is.example.test
            transport.https.properties.proxyPort: 443
            clustering:
              local_member_host: "{{ host.address }}"
              local_member_port: "4000"
              members: ["{{ vars.m1 }}:4000", "{{ vars.m2 }}:4000"]
          remove: [server.offset]
      - xml:
          path: "{{ vars.root }}/conf/registry.xml"
          text: { /wso2registry/versionResourcesOnChange: false }
          attribute: { "/wso2registry/dbConfig": { name: "{{ cluster }}" } }
      - upload: { source: drivers/driver.jar, path: "{{ vars.root }}/lib/driver.jar", mode: 0644 }
      - symlink: { path: "{{ vars.root }}/tenants", target: "{{ vars.root }}/mnt/shared/Tenants" }
      - file: { path: "{{ vars.root }}/conf/hazelcast.properties", mode: 0644, content: "a=1\nb={{ host.name }}\n" }
      - properties: { path: "{{ vars.root }}/conf/log4j2.properties", set: { rootLogger.level: WARN } }
      - line: { path: "{{ vars.root }}/hosts", line: 192.0.2.10 is.example.test }
      - block: { path: "{{ vars.root }}/hosts", name: nodes, lines: [192.0.2.1 one, 192.0.2.2 two] }
      - command: { run: "touch '{{ vars.flag }}'", unless: "test -e '{{ vars.flag }}'" }
"##;

fn cluster(host: &Host) -> Inventory {
    let quoted = |below: &str| format!("{:?}", host.path(below).as_str());
    let text = format!(
        "version: 1\ncluster: farm\nssh: {{ user: ops }}\nhosts:\n  h1: {{ address: 192.0.2.1 }}\n\
         vars: {{ m1: 192.0.2.1, m2: 192.0.2.2, root: {}, flag: /tmp/{} }}\n",
        quoted(""),
        flag(host),
    );
    read(&text, &place()).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

/// A name for a file that no other test has: it stands between quotes in a command, which the root could not.
fn flag(host: &Host) -> String {
    format!("hactl-{}", Sha256::of(host.path("").as_str().as_bytes()))
}

fn place() -> Place {
    Place { file: "site.yaml".into(), folder: "/srv".into(), home: None }
}

fn wanted(playbook: &str, host: &Host, blobs: &[Blob]) -> Result<Vec<Item>, StepError> {
    let playbook = Playbook::parse(playbook, &place()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let inventory = cluster(host);
    let cluster = &inventory.clusters[0];
    let on = HostContext {
        cluster,
        host: &cluster.hosts[0],
        profile: None,
        secrets: &Secrets::default(),
        blobs,
        archives: &[],
        allow: Allow::default(),
    };
    let mut wants = Wants::default();
    for (index, stage) in playbook.stages.iter().enumerate() {
        assert!(stage.on.includes(on.host));
        for step in &stage.steps {
            wants.begin(index, step.step().name());
            step.step().desire(&on, &mut wants)?;
        }
    }
    wants.into_items()
}

#[test]
fn every_kind_of_generic_step_comes_true_and_stays_so() {
    on_every_shell(|host| {
        host.write(
            "conf/deployment.toml",
            "[server]\nhostname = \"localhost\"\noffset = 0\n\n[transport.https.properties]\nproxyPort = 9443\n",
        );
        host.write(
            "conf/registry.xml",
            "<wso2registry>\n  <dbConfig name=\"x\"/>\n  <versionResourcesOnChange>true</versionResourcesOnChange>\n</wso2registry>\n",
        );
        host.write("conf/log4j2.properties", "rootLogger.level = INFO\n");
        host.write("hosts", "127.0.0.1 localhost\n");
        std::fs::create_dir(host.at("lib")).unwrap();
        let blob = Blob { source: host.write("../driver.jar", "a driver"), sha256: Sha256::of(b"a driver"), size: 8 };
        let text = PLAYBOOK.replace("drivers/driver.jar", &blob.source.display().to_string().replace('"', "\\\""));
        let text = text.replace("source: ", "source: \"").replace("driver.jar, path", "driver.jar\", path");
        let playbook = Playbook::parse(&text, &place()).unwrap();
        assert_eq!(playbook.local_files().map(|file| &file.path).collect::<Vec<_>>(), [&blob.source]);

        let items = wanted(&text, host, &[blob]).unwrap();
        assert_eq!(items.len(), 9, "the line and the block are of one file");
        for item in &items {
            host.converge(item.resource.resource());
        }
        for item in &items {
            host.is_in_place(item.resource.resource());
        }
        assert_eq!(
            host.read("conf/deployment.toml"),
            "[server]\nhostname = \"is.example.test\"\n\n[transport.https.properties]\nproxyPort = 443\n\n[clustering]\n\
             local_member_host = \"192.0.2.1\"\nlocal_member_port = \"4000\"\nmembers = [\"192.0.2.1:4000\", \"192.0.2.2:4000\"]\n"
        );
        assert!(
            host.read("conf/registry.xml").contains("<dbConfig name=\"farm\"/>\n  <versionResourcesOnChange>false<")
        );
        assert_eq!(host.read("conf/hazelcast.properties"), "a=1\nb=h1\n");
        assert_eq!(host.read("conf/log4j2.properties"), "rootLogger.level = WARN\n");
        assert!(host.read("hosts").contains("\n192.0.2.10 is.example.test\n"));
        assert_eq!(host.mode("mnt/shared/Tenants"), 0o750);
        std::fs::remove_file(format!("/tmp/{}", flag(host))).unwrap();
    });
}

#[test]
fn a_value_that_a_host_does_not_have_is_an_error_at_its_place() {
    on_every_shell(|host| {
        let text = "stages:\n- name: x\n  on: all\n  steps:\n  - directory: { path: '/srv/{{ vars.nowhere }}' }\n";
        let error = wanted(text, host, &[]).map(|items| items.len()).unwrap_err();
        assert_eq!((error.code, error.at.as_str()), ("template-value", "site.yaml:5:24"));
        assert!(error.cause.contains("vars.nowhere") && error.cause.contains("h1"), "{error}");
    });
}

#[test]
fn two_steps_that_contradict_are_found_before_anything_is_written() {
    on_every_shell(|host| {
        host.write("conf/deployment.toml", "[a]\nb = 0\n");
        let one = "- toml: { path: '{{ vars.root }}/conf/deployment.toml', set: { a.b: 1 } }";
        let text = format!("stages:\n- name: x\n  on: all\n  steps:\n  {one}\n  {}\n", one.replace("1 }", "2 }"));
        let items = wanted(&text, host, &[]).unwrap();
        let error: AssessError = host.assess(items[0].resource.resource()).unwrap_err();
        assert_eq!(error.code, "wanted-twice", "{error}");
    });
}
