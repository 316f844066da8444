//! What a step refuses though the inventory is right: something was not handed to it.

use hactl::model::inventory::{Cluster, Place, SecretSource, Secrets, read};
use hactl::model::profile::Profile;
use hactl::model::{Blob, Secret, Sha256};
use hactl::steps::load_balancer::balancer_files;
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
    // The balancer has no product, and wants nothing of a host that has one.
    for step in registry().iter().filter(|step| step.name().0 != "load-balancer") {
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

#[test]
fn a_balancer_that_lacks_what_it_needs_is_refused_with_its_place() {
    let section = "
endpoint: { hostname: sso.example.com, https_port: 443 }
load_balancer: { kind: nginx, certificate: tls/sso.crt, key: { env: KEY } }
";
    let hosts = "hosts: { lb-1: { address: 192.168.2.9, roles: [load-balancer] }, is-1: { address: 192.168.2.1 }";
    let text = format!("{}{section}", INVENTORY.replace("hosts: { is-1: { address: 192.168.2.1 }", hosts));
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let cluster = read(&text, &place).unwrap().clusters.remove(0);
    assert!(cluster.hosts[0].product.is_none(), "the cluster's product is not the balancer's");
    let profile = Profile::find("wso2is", "7.1.0").unwrap();
    assert_eq!(refusal(&cluster, None, "load-balancer").code, "profile-missing");
    let error = refusal(&cluster, Some(&profile), "load-balancer");
    assert_eq!((error.code, error.at.as_str()), ("certificate-missing", "load_balancer.certificate"));
    let certificate = cluster.load_balancer.as_ref().unwrap().certificate.clone();
    let blobs = [Blob { source: certificate, sha256: Sha256::of(b""), size: 1 }];
    let mut secrets = Secrets::default();
    for (value, code) in [(None, "secret-unresolved"), (Some("no key at all"), "not-a-key")] {
        if let Some(value) = value {
            secrets.insert(SecretSource::Env("KEY".to_owned()), Secret::new(value.to_owned()));
        }
        let on = HostContext {
            cluster: &cluster,
            host: &cluster.hosts[0],
            profile: Some(&profile),
            secrets: &secrets,
            blobs: &blobs,
            archives: &[],
            allow: Allow::default(),
        };
        let error = balancer_files(&on, &[]).unwrap_err();
        assert_eq!((error.code, error.at.as_str()), (code, "load_balancer.key"));
        assert!(!error.cause.contains("no key at all"));
    }
}
