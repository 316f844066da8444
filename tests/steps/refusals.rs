//! What a step refuses though the inventory is right: something was not handed to it.

use hactl::model::inventory::{Cluster, Place, Secrets, read};
use hactl::model::profile::Profile;
use hactl::steps::{Allow, HostContext, StepError, Wants, check, registry};

const INVENTORY: &str = "
version: 1
cluster: iam
product:
  name: wso2is
  version: 7.1.0
  home: /opt/is
  pack: { file: is.zip, sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }
keystores:
  primary: { file: own.p12, type: PKCS12, password: { env: K }, alias: own }
hosts: { is-1: { address: 192.168.2.1 }, is-2: { address: 192.168.2.2 } }
databases:
  driver: { file: mysql-connector-j-8.4.0.jar, sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }
  shared_db: { type: mysql, host: db, name: X, username: u, password: { env: P } }
clustering: { scheme: aws, aws: { access_key: { env: A }, secret_key: { env: B }, security_group: g, region: r } }
";

fn cluster() -> Cluster {
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    read(INVENTORY, &place).unwrap().clusters.remove(0)
}

/// What one step says without secrets and without local files.
fn refusal(cluster: &Cluster, profile: Option<&Profile>, step: &str) -> StepError {
    let secrets = Secrets::default();
    let on = HostContext {
        cluster,
        host: &cluster.hosts[0],
        profile,
        secrets: &secrets,
        blobs: &[],
        archives: &[],
        allow: Allow::default(),
    };
    let step = registry().iter().find(|known| known.name().0 == step).unwrap();
    step.desire(&on, &mut Wants::default()).unwrap_err()
}

#[test]
fn a_driver_that_was_not_read_and_a_secret_that_was_not_resolved_are_refused_with_their_place() {
    let (cluster, profile) = (cluster(), Profile::find("wso2is", "7.1.0").unwrap());
    for (step, code, at) in [
        ("jdbc-driver", "driver-missing", "databases.driver.file"),
        ("product-pack", "pack-missing", "product.pack.file"),
        ("keystores", "keystore-missing", "keystores.primary.file"),
        ("datasources", "secret-unresolved", "databases.shared_db.password"),
        ("membership", "secret-unresolved", "clustering.aws.access_key"),
    ] {
        let error = refusal(&cluster, Some(&profile), step);
        assert_eq!((error.code, error.at.as_str()), (code, at));
    }
}

#[test]
fn a_product_without_a_profile_is_refused_by_every_step() {
    let cluster = cluster();
    for step in registry() {
        assert_eq!(refusal(&cluster, None, step.name().0).code, "profile-missing", "{}", step.name());
    }
}

#[test]
fn a_scheme_without_its_section_is_refused() {
    let (mut cluster, profile) = (cluster(), Profile::find("wso2is", "7.1.0").unwrap());
    cluster.clustering.as_mut().unwrap().aws = None;
    let findings = check(&cluster, &profile);
    assert!(
        findings.iter().any(|finding| finding.error.code == "M10" && finding.error.at == "clustering.aws"),
        "{findings:?}"
    );
}
