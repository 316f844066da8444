//! What is asked, how it is judged, and in which words it is told.

use super::*;
use crate::model::inventory::{Cluster, Expect, Place, SecretSource, Secrets, read};
use crate::model::profile::Profile;
use crate::model::{HostName, Secret};

const PASSWORD: &str = "p<&>'\"ss";

fn cluster(more: &str) -> (Cluster, Secrets) {
    let text = format!(
        "version: 1\ncluster: iam\nproduct: {{ name: wso2is, version: 7.1.0, home: /opt/is }}\n\
         hosts: {{ is-1: {{ address: 10.0.0.1 }} }}\nendpoint: {{ hostname: sso.example.com }}\n{more}"
    );
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(&text, &place).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let cluster = inventory.clusters[0].clone();
    let mut secrets = Secrets::default();
    for used in inventory.secrets(&cluster) {
        secrets.insert(used.source.clone(), Secret::new(PASSWORD.to_owned()));
    }
    (cluster, secrets)
}

const ADMIN: &str = "admin: { username: ad&min, password: { env: ADMIN } }\n";

fn asks(product: &str, version: &str, more: &str, bodies: &Bodies) -> Result<Asks, Vec<StepError>> {
    let (cluster, secrets) = cluster(more);
    let profile = Profile::find(product, version).unwrap();
    Asks::new(&cluster, &profile, &secrets, bodies, "hactl-1f")
}

fn names(asks: &Asks) -> Vec<&str> {
    asks.probes.iter().map(|ask| ask.name.as_str()).collect()
}

#[test]
fn the_profile_s_probes_are_asked_as_the_inventory_s_administrator() {
    let asks = asks("wso2carbon", "4.5.1", ADMIN, &Bodies::new()).unwrap();
    assert_eq!(names(&asks), ["ready", "login"]);
    assert_eq!(asks.left_out, [""; 0]);
    let login = &asks.probes[1];
    assert!(login.body.contains("<username>ad&amp;min</username><password>p&lt;&amp;&gt;&apos;&quot;ss</password>"));
    let document = roxmltree::Document::parse(&login.body).unwrap();
    let password = document.descendants().find(|node| node.tag_name().name() == "password").unwrap();
    assert_eq!(password.text(), Some(PASSWORD));
    let shared = asks.shared.as_ref().ok().unwrap();
    assert!(shared.write.body.contains("<args0>hactl-1f</args0>"));
    assert_eq!(shared.read.expect.contains, "return>hactl-1f<");
    let basic = &shared.write.headers.iter().find(|(name, _)| name == "Authorization").unwrap().1;
    assert_eq!(basic.as_str(), "Basic YWQmbWluOnA8Jj4nInNz");
    assert!(asks.hidden.iter().any(|secret| secret.expose() == "YWQmbWluOnA8Jj4nInNz"));
}

#[test]
fn what_needs_an_administrator_is_left_out_aloud_without_one() {
    let asks = asks("wso2carbon", "4.9.1", "", &Bodies::new()).unwrap();
    assert_eq!(names(&asks), ["ready"]);
    assert_eq!(asks.left_out, ["login was not asked: the inventory has no `admin`"]);
    assert_eq!(asks.shared.err().unwrap(), "the inventory has no `admin`");
}

#[test]
fn every_known_product_has_a_probe_that_tells_that_it_is_ready_and_one_for_the_public_name() {
    for profile in Profile::known().unwrap() {
        let (cluster, secrets) = cluster(ADMIN);
        let asks = Asks::new(&cluster, &profile, &secrets, &Bodies::new(), "hactl-1f").unwrap();
        assert!(asks.probes.iter().any(|ask| ask.name == "ready" && ask.idempotent), "{}", profile.name);
        assert!(asks.probes.iter().any(|ask| ask.public && ask.name != "login"), "{}", profile.name);
        assert!(asks.shared.is_ok(), "{}", profile.name);
    }
}

#[test]
fn the_inventory_s_probes_are_added_and_one_of_the_same_name_takes_the_profile_s_place() {
    let more = r#"
failover:
  secrets: { CLIENT: { env: CLIENT } }
  probes:
    - { name: login, path: /own, expect: { status: 200, contains: ok }, public: false }
    - name: token
      method: POST
      path: /token
      headers: { content-type: application/x-www-form-urlencoded, X-Key: "${secret.CLIENT}" }
      body: { text: "secret=${secret.CLIENT}&host=${hostname}" }
      expect: { status: 200, contains: access_token }
      idempotent: true
    - { name: create, method: POST, path: /x, body: { text: x }, expect: { status: 201, contains: id } }
    - { name: file, path: /f, body: { file: f.json }, headers: { Content-Type: application/json }, expect: { status: 200, contains: "${x" } }
"#;
    let bodies = Bodies::from([("/srv/f.json".into(), r#"{"a": "${secret.CLIENT}"}"#.to_owned())]);
    let asks = asks("wso2carbon", "4.5.1", more, &bodies);
    // What an answer must hold is taken as it is written, except in a profile.
    let asks = asks.unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(names(&asks), ["ready", "login", "token", "file"]);
    assert_eq!((asks.probes[1].path.as_str(), asks.probes[1].public), ("/own", false));
    let token = &asks.probes[2];
    assert_eq!(token.body.as_str(), "secret=p%3C%26%3E%27%22ss&host=sso.example.com");
    assert_eq!(token.headers[1].1.as_str(), PASSWORD);
    assert_eq!(asks.probes[3].body.as_str(), r#"{"a": "p<&>'\"ss"}"#);
    assert_eq!(asks.left_out, ["create was not asked: it does something each time"]);
}

#[test]
fn a_body_s_file_that_wants_what_nobody_has_is_an_error_at_its_key() {
    let more = "failover:\n  probes:\n    - { name: a, path: /a, body: { file: a.xml }, expect: { status: 200, contains: ok } }\n";
    for (text, why) in [
        ("${secret.NONE}", "there is no value for `${secret.NONE}`"),
        ("${admin.password}", "the inventory has no `admin`"),
        ("${", "a `${` in it is not closed"),
    ] {
        let bodies = Bodies::from([("/srv/a.xml".into(), text.to_owned())]);
        let (cluster, _) = cluster(more);
        let errors = check_bodies(&cluster, &bodies);
        assert_eq!(errors[0].at, "failover.probes[0].body.file");
        assert_eq!(errors[0].cause, format!("the body of `a` can't be sent: {why}"));
        assert_eq!(asks("wso2carbon", "4.5.1", more, &bodies).err().unwrap()[0].code, "probe-body");
    }
}

fn judged(status: u16, location: Option<&str>, body: &str, truncated: bool) -> Result<(), String> {
    let expect = Expect { status: 200, contains: "return>true".to_owned() };
    judge(&expect, &Said { status, location, body: body.as_bytes(), truncated })
}

#[test]
fn the_status_alone_proves_nothing() {
    assert_eq!(judged(200, None, "<a><return>true</return>", false), Ok(()));
    let wrong = |status, location, body: &str, truncated| judged(status, location, body, truncated).unwrap_err();
    // What a node answers while it stops.
    assert_eq!(wrong(200, None, "", false), "200 without `return>true`, with an empty body");
    assert_eq!(
        wrong(302, Some("/carbon/admin/login.jsp"), "", false),
        "302 to /carbon/admin/login.jsp instead of 200 without `return>true`, with an empty body"
    );
    assert_eq!(wrong(200, None, "<return>false", false), "200 without `return>true`: `<return>false`");
    assert_eq!(wrong(500, None, "return>true", false), "500 instead of 200: `return>true`");
    assert_eq!(wrong(200, None, "a\0\u{1b}[31m\n b", false), "200 without `return>true`: `a [31m b`");
    let long = wrong(502, None, &"é".repeat(500), true);
    assert!(long.ends_with(&format!("its first 1000 bytes begin with `{}…`", "é".repeat(400))), "{long}");
}

fn hosts(names: &[&str]) -> Vec<HostName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn note(spread: &mut Spread<'_>, node: Option<&str>) -> Seen {
    spread.note(node.map(|node| ("x-hactl-node", node)).into_iter())
}

#[test]
fn a_balancer_is_asked_until_all_have_answered_and_not_for_ever() {
    let nodes = hosts(&["is-1", "is-2"]);
    let mut spread = Spread::new(&nodes);
    assert_eq!(note(&mut spread, Some("is-2")), Seen::Node("is-2".parse().unwrap()));
    assert!(!spread.is_done());
    note(&mut spread, Some("is-1"));
    assert!(spread.is_done());
    assert_eq!((spread.seen(), spread.judge("sso", false)), (nodes.clone(), Ok(None)));

    let mut spread = Spread::new(&nodes);
    while !spread.is_done() {
        note(&mut spread, Some("is-1"));
    }
    let fault = spread.judge("sso", false).unwrap_err();
    assert_eq!(fault.code, "verify-node-silent");
    assert_eq!(fault.cause, "20 requests through sso were all answered by is-1, none by is-2");
    let told = spread.judge("sso", true).unwrap().unwrap();
    assert!(told.starts_with("that is-2 answers through sso was not proved: ") && told.contains("ip_hash"), "{told}");

    let mut spread = Spread::new(&nodes);
    while !spread.is_done() {
        assert_eq!(note(&mut spread, None), Seen::Untold);
    }
    assert!(spread.judge("sso", false).unwrap().unwrap().contains("show_node"));
    assert_eq!(note(&mut spread, Some("is-9\n")), Seen::Stranger("is-9".to_owned()));
}

#[test]
fn what_was_proved_is_told_in_a_line() {
    let nodes = hosts(&["is-1", "is-2"]);
    let served = |by: Option<&str>, by_nodes: &[HostName]| Served {
        name: "sso.example.com".to_owned(),
        by: by.map(str::to_owned),
        by_nodes: by_nodes.to_vec(),
    };
    let read = Shared::Read { what: "x".to_owned(), writer: nodes[0].clone(), readers: nodes[1..].to_vec() };
    let not_tried = Shared::NotTried { because: "x".to_owned() };
    let words = |served, shared: &Shared, nodes: &[HostName]| {
        Proof { nodes: nodes.to_vec(), served, shared: shared.clone(), not_proved: Vec::new(), requests: 1 }.words()
    };
    assert_eq!(
        words(Some(served(None, &nodes)), &read, &nodes),
        "both nodes answer through sso.example.com; what is-1 wrote is-2 reads"
    );
    assert_eq!(
        words(Some(served(Some("asked at the address of lb-1"), &nodes[..1])), &not_tried, &nodes),
        "both nodes answer when asked directly, and is-1 through sso.example.com (asked at the address of lb-1)"
    );
    assert_eq!(words(None, &not_tried, &nodes[..1]), "is-1 answers when asked directly");
    let three = hosts(&["a", "b", "c"]);
    let read = Shared::Read { what: "x".to_owned(), writer: three[0].clone(), readers: three[1..].to_vec() };
    assert_eq!(words(None, &read, &three), "all 3 nodes answer when asked directly; what a wrote b and c read");
}

#[test]
fn a_secret_is_in_no_debug_form_of_what_is_known_of_the_inventory() {
    let (cluster, _) = cluster(ADMIN);
    assert!(matches!(&cluster.admin.as_ref().unwrap().password, SecretSource::Env(name) if name == "ADMIN"));
    assert!(!format!("{cluster:?}").contains(PASSWORD));
}

#[test]
fn an_address_that_only_ssh_is_forwarded_from_is_not_the_host_s_own() {
    let text = "version: 1\ncluster: iam\nhosts:\n\
        \x20 forwarded: { address: 127.0.0.1, ssh: { port: 2201 }, member_address: 10.0.0.1 }\n\
        \x20 by-name: { address: localhost, ssh: { port: 2202 }, member_address: 10.0.0.2 }\n\
        \x20 here: { address: 127.0.0.1 }\n\
        \x20 shared-1: { address: gate.example.com, ssh: { port: 2201 }, member_address: 10.0.0.3 }\n\
        \x20 shared-2: { address: gate.example.com, ssh: { port: 2202 }, member_address: 10.0.0.4 }\n\
        \x20 outside: { address: 192.0.2.5, member_address: 10.0.0.5 }\n\
        \x20 usual: { address: 10.0.0.6 }\n";
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(text, &place).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let cluster = &inventory.clusters[0];
    let own = cluster.hosts.iter().filter(|host| is_at_its_address(cluster, host));
    assert_eq!(own.map(|host| host.name.as_str()).collect::<Vec<_>>(), ["here", "outside", "usual"]);
}
