//! Which scripts fill which database, by product version and kind of database.

use std::any::Any;

use hactl::model::Secret;
use hactl::model::inventory::{Place, Secrets, read};
use hactl::model::profile::{Profile, Separator};
use hactl::resources::Schema;
use hactl::steps::{Allow, HostContext, Wanted, Wants, registry};

/// What the step wants, each as its ID and the last script that each of its places may hold.
fn wanted(version: (&str, &str), databases: &str, look: impl Fn(&Schema)) -> Vec<(String, Vec<String>)> {
    let (product, version) = version;
    let text = format!(
        "version: 1\ncluster: iam\nproduct: {{ name: {product}, version: \"{version}\", home: /opt/is }}\n\
         hosts: {{ a: {{ address: 10.0.0.1 }} }}\ndatabases:\n{databases}"
    );
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(&text, &place).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    let cluster = &inventory.clusters[0];
    let mut secrets = Secrets::default();
    for used in inventory.secrets(cluster) {
        secrets.insert(used.source.clone(), Secret::new("open sesame".into()));
    }
    let profile = Profile::find(product, version).unwrap();
    let (host, profile, blobs, archives) = (&cluster.hosts[0], Some(&profile), &[], &[]);
    let on = HostContext { cluster, host, profile, secrets: &secrets, blobs, archives, allow: Allow::default() };
    let step = registry().iter().find(|step| step.name().to_string() == "database-schema").unwrap();
    let mut wants = Wants::default();
    wants.begin(0, step.name());
    step.desire(&on, &mut wants).unwrap();
    let of = |item: hactl::steps::Item| {
        let Wanted::Resource(resource) = item.resource else { panic!("a file") };
        let schema: &Schema = (resource.as_ref() as &dyn Any).downcast_ref().unwrap();
        look(schema);
        let last = |script: &hactl::resources::SchemaScript| script.paths.last().unwrap().to_string();
        (resource.id(), schema.scripts.iter().map(last).collect())
    };
    wants.into_items().unwrap().into_iter().map(of).collect()
}

fn database(name: &str, kind: &str) -> String {
    format!("  {name}: {{ type: {kind}, host: db, name: {name}, username: wso2, password: {{ env: P }} }}\n")
}

fn entry(id: &str, scripts: &[&str]) -> (String, Vec<String>) {
    (id.to_owned(), scripts.iter().map(|script| format!("/opt/is/dbscripts/{script}.sql")).collect())
}

#[test]
fn nothing_is_made_unless_the_inventory_asks_for_it() {
    let shared = database("shared_db", "mysql");
    assert_eq!(wanted(("wso2is", "7.1.0"), &shared, |_| {}), []);
    assert_eq!(wanted(("wso2is", "7.1.0"), &format!("{shared}  create_schema: false\n"), |_| {}), []);
    // The embedded database is shipped with its tables.
    let embedded = "  shared_db: { type: h2, url: 'jdbc:h2:./repository/database/X', username: u, password: { env: P } }\n  create_schema: true\n";
    assert_eq!(wanted(("wso2is", "7.1.0"), embedded, |_| {}), []);
}

#[test]
fn every_database_of_every_version_has_its_scripts() {
    for profile in Profile::known().unwrap() {
        let version = (profile.product.as_str(), profile.version.as_str());
        let mut databases =
            format!("  create_schema: true\n{}{}", database("shared_db", "mysql"), database("user_db", "oracle"));
        let mut expected = vec![entry("schema:shared_db", &["mysql"]), entry("schema:user_db", &["oracle"])];
        if profile.databases.identity_db.is_some() {
            databases += &database("identity_db", "postgresql");
            expected.insert(
                0,
                entry("schema:identity_db", &["identity/postgresql", "identity/uma/postgresql", "consent/postgresql"]),
            );
        }
        databases += &format!("  extra:\n  {}  {}", database("config", "mssql"), database("unknown", "mssql"));
        expected.push(entry("schema:config", &["mssql"]));
        if profile.databases.shipped_per_node.contains_key("AgentIdentity") {
            databases += &format!("  {}", database("AgentIdentity", "mysql"));
            expected.push(entry("schema:AgentIdentity", &["mysql"]));
        }
        if profile.databases.named.contains_key("bps_database") {
            databases += &format!("  {}", database("bps_database", "db2"));
            expected.push(entry("schema:bps_database", &["bps/bpel/create/db2"]));
        }
        let found = wanted(version, &databases, |schema| {
            let last = schema.scripts[0].paths.last().unwrap();
            let separator = match last.file_name() {
                "oracle.sql" | "db2.sql" => Separator::Slash,
                "mssql.sql" => Separator::Go,
                _ => Separator::Semicolon,
            };
            assert_eq!(schema.separator, separator, "{last}");
            let required: Vec<bool> = schema.scripts.iter().map(|script| script.required).collect();
            assert!(required[0] && !required[1..].contains(&true), "only the first script must be there");
        });
        assert_eq!(found, expected, "{}", profile.name);
    }
}

#[test]
fn mysql_s_newer_script_comes_before_the_plain_one_and_the_drivers_are_waited_for() {
    let digest = "0".repeat(64);
    let databases = format!(
        "  create_schema: true\n  driver: {{ file: drivers/mysql-connector-java-5.1.49.jar, sha256: \"{digest}\" }}\n{}",
        database("shared_db", "mysql")
    );
    let found = wanted(("wso2is", "5.11.0"), &databases, |schema| {
        let names: Vec<&str> = schema.scripts[0].paths.iter().map(|path| path.file_name()).collect();
        assert_eq!(names, ["mysql5.7.sql", "mysql-5.7.sql", "mysql-5.7+.sql", "mysql.sql"]);
        let grounds: Vec<&str> = schema.grounds.iter().map(|path| path.as_str()).collect();
        let jar = "/opt/is/repository/components/lib/mysql-connector-java-5.1.49.jar";
        assert_eq!(grounds, ["/opt/is/dbscripts", jar]);
        assert_eq!(
            (schema.driver.as_str(), schema.url.as_str()),
            ("com.mysql.jdbc.Driver", "jdbc:mysql://db:3306/shared_db")
        );
    });
    assert_eq!(found.len(), 1);
}
