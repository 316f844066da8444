//! The product itself agrees: the mapper of real kernel packs reads what hactl wrote, and what it renders is what the
//! inventory says. Needs `java`, `unzip`, and `mvn` for the first time.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends here")]

mod database;
mod node;
mod pack;
mod schema;
mod shared_write;

use hactl::model::inventory::DatabaseType;
use hactl::model::profile::Profile;
use node::{Rendered, cluster, configured, secrets};
use pack::Pack;

const KERNELS: [&str; 2] = ["4.5.1", "4.10.32"];
/// Everything that XML, TOML, the mapper and its template engine could take for their own.
const PASSWORDS: [(&str, &str); 8] = [
    ("ALL", r#"a&<>"'\$ "#),
    ("ENTITY", "&amp;&#36;"),
    ("REFERENCE", "$ref{server.hostname} $env{HOME} $sys{java.home} $secret{x} $1 ${"),
    ("TEMPLATE", "{{ server.hostname }} {% if x %} {# y #} {{{ }}}"),
    ("CDATA", "]]> <![CDATA[x]]> <!-- -->"),
    ("TOML", r#"''' """ # \n \u0041 [a] = "#),
    ("ALPHABETS", "pässwörd €ю漢😀"),
    ("BLANKS", "  two  blanks\tand a tab "),
];

#[test]
fn a_real_mapper_renders_what_the_inventory_says() {
    for kernel in KERNELS {
        let Some(pack) = Pack::fetch(kernel) else { continue };
        let passwords: String = PASSWORDS
            .iter()
            .map(|(name, _)| format!("    {name}: {{ type: mysql, host: db, name: X, username: \"u&{name}\", password: {{ env: {name} }} }}\n"))
            .collect();
        let inventory = format!(
            r#"
version: 1
cluster: iam
product: {{ name: wso2carbon, version: {kernel}, home: /opt/wso2 }}
hosts:
  is-1: {{ address: 192.168.2.1 }}
  is-2: {{ address: 192.168.2.2, member_port: 4001 }}
databases:
  shared_db: {{ type: mysql, host: db.example.com, name: SHARED, username: "wso2<&>é", password: {{ env: ALL }}, parameters: {{ useSSL: "false", autoReconnect: "true" }}, pool: {{ maxActive: 81 }} }}
  user_db: {{ type: postgresql, host: users.example.com, name: USERS, username: wso2, password: {{ env: TEMPLATE }} }}
  extra:
{passwords}user_store: {{ type: database }}
clustering: {{ scheme: wka, domain: "iam & co", properties: {{ groupName: "<x>" }}, hazelcast: {{ max_no_heartbeat_seconds: 30, properties: {{ hazelcast.x: 'a\b {{{{c}}}}' }} }} }}
caching: {{ force_local: true }}
endpoint: {{ hostname: sso.example.com, http_port: 80, https_port: 443 }}
"#
        );
        let (cluster, sources) = cluster(&inventory);
        let value = |name: &str| PASSWORDS.iter().find(|(known, _)| *known == name).unwrap().1.to_owned();
        let secrets = secrets(sources, value);
        let profile = Profile::find("wso2carbon", kernel).unwrap();
        // As IS 5.9 to 5.11 are shipped: what belongs to the directory must not end up in the database store.
        let directory = "connection_url = \"ldap://localhost:10389\"\nconnection_name = \"uid=admin\"\nconnection_password = \"admin\"\nbase_dn = \"dc=wso2\"\n";
        let shipped = pack.shipped().replace("[database.shared_db]", &format!("{directory}[database.shared_db]"));
        let configure = |host| configured(&cluster, host, &profile, &secrets, &shipped);
        let homes = pack.render(&cluster.hosts.iter().map(configure).collect::<Vec<_>>());
        for (home, host, port) in [(&homes[0], "192.168.2.1", "4000"), (&homes[1], "192.168.2.2", "4001")] {
            let rendered = Rendered(home.clone());
            assert!(rendered.well_formed() >= 8, "{kernel}");
            check_databases(&rendered);
            check_membership(&rendered, host, port);
            check_names_and_ports(&rendered);
            check_users(&rendered);
        }
    }
}

fn check_databases(rendered: &Rendered) {
    let shared = rendered.datasource("jdbc/SHARED_DB");
    let has = |options: &[(String, String)], name: &str, value: &str| {
        let values: Vec<_> =
            options.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [value], "{name}");
    };
    let url = "jdbc:mysql://db.example.com:3306/SHARED?useSSL=false&autoReconnect=true";
    has(&shared, "url", url);
    has(&shared, "username", "wso2<&>é");
    has(&shared, "password", PASSWORDS[0].1);
    has(&shared, "driverClassName", "com.mysql.cj.jdbc.Driver");
    has(&shared, "validationQuery", "SELECT 1");
    has(&shared, "testOnBorrow", "true");
    has(&shared, "maxActive", "81");
    has(&shared, "maxWait", "60000");
    has(&rendered.datasource("jdbc/WSO2USER_DB"), "validationQuery", "SELECT 1; COMMIT");
    for (name, password) in PASSWORDS {
        let source = rendered.datasource(&format!("jdbc/{name}"));
        has(&source, "password", password);
        has(&source, "username", &format!("u&{name}"));
    }
    let cache = format!("wso2<&>é@{url}");
    assert_eq!(rendered.nodes("registry.xml", &["remoteInstance", "cacheId"]), [cache.as_str(), &cache]);
    assert_eq!(rendered.nodes("registry.xml", &["mount", "targetPath"]), ["/_system/governance", "/_system/config"]);
    assert_eq!(rendered.node("registry.xml", &["versionResourcesOnChange"]).unwrap(), "false");
}

fn check_membership(rendered: &Rendered, host: &str, port: &str) {
    let file = "axis2/axis2.xml";
    assert_eq!(rendered.attributes(file, "clustering", "enable"), ["true"]);
    for (name, value) in [
        ("membershipScheme", "wka"),
        ("domain", "iam & co"),
        ("localMemberHost", host),
        ("localMemberPort", port),
        ("groupName", "<x>"),
    ] {
        assert_eq!(rendered.named(file, "parameter", name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(rendered.nodes(file, &["members", "member", "hostName"]), ["192.168.2.1", "192.168.2.2"]);
    assert_eq!(rendered.nodes(file, &["members", "member", "port"]), ["4000", "4001"]);
    let properties = rendered.text("hazelcast.properties");
    for line in [
        "hazelcast.shutdownhook.enabled=false",
        "hazelcast.logging.type=log4j2",
        "hazelcast.max.no.heartbeat.seconds=30",
        r"hazelcast.x=a\\b \u007b{c}}",
    ] {
        assert!(properties.lines().any(|known| known == line), "{line} not in {properties}");
    }
}

fn check_names_and_ports(rendered: &Rendered) {
    assert_eq!(rendered.attributes("tomcat/catalina-server.xml", "Connector", "proxyPort"), ["80", "443"]);
    assert_eq!(rendered.node("carbon.xml", &["HostName"]).unwrap(), "sso.example.com");
    assert_eq!(rendered.node("carbon.xml", &["MgtHostName"]).unwrap(), "sso.example.com");
    assert_eq!(rendered.node("carbon.xml", &["Cache", "ForceLocalCache"]).unwrap(), "true");
}

fn check_users(rendered: &Rendered) {
    let file = "user-mgt.xml";
    let class = rendered.attributes(file, "UserStoreManager", "class");
    assert_eq!(class, ["org.wso2.carbon.user.core.jdbc.JDBCUserStoreManager"]);
    assert_eq!(rendered.named(file, "Property", "dataSource").unwrap(), "jdbc/WSO2USER_DB");
    for left in ["ConnectionURL", "ConnectionName", "ConnectionPassword"] {
        assert_eq!(rendered.named(file, "Property", left), None, "{left}");
    }
}

#[test]
fn every_kind_of_database_renders_for_every_profile_of_a_kernel_s_age() {
    for kernel in KERNELS {
        let Some(pack) = Pack::fetch(kernel) else { continue };
        let family: Vec<&str> = kernel.split('.').take(2).collect();
        let mut wanted = Vec::new();
        let mut configurations = Vec::new();
        for profile in Profile::known().unwrap() {
            if profile.kernel.split('.').take(2).collect::<Vec<_>>() != family {
                continue;
            }
            for (kind, dialect) in profile.databases.types.iter().filter(|(kind, _)| **kind != DatabaseType::H2) {
                let inventory = format!(
                    "version: 1\ncluster: iam\nproduct: {{ name: {}, version: \"{}\", home: /opt/x }}\nhosts: {{ a: {{ address: 10.0.0.1 }} }}\n\
                     databases: {{ shared_db: {{ type: {}, host: db.example.com, name: X, username: u, password: {{ env: P }} }} }}\n",
                    profile.product,
                    profile.version,
                    kind.word()
                );
                let (cluster, sources) = cluster(&inventory);
                let secrets = secrets(sources, |_| "p".to_owned());
                configurations.push(configured(&cluster, &cluster.hosts[0], &profile, &secrets, &pack.shipped()));
                wanted.push((format!("{} {}", profile.name, kind.word()), dialect.clone()));
            }
        }
        assert!(wanted.len() >= 10, "{kernel}: only {} were tried", wanted.len());
        for (home, (name, dialect)) in pack.render(&configurations).into_iter().zip(wanted) {
            let rendered = Rendered(home);
            rendered.well_formed();
            let source = rendered.datasource("jdbc/SHARED_DB");
            let option = |name: &str| source.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            let port = dialect.port.unwrap().to_string();
            let url = dialect.url.fill(&[("host", "db.example.com"), ("port", &port), ("name", "X")]);
            assert!(option("url").unwrap().starts_with(&url), "{name}: {source:?}");
            assert_eq!(option("driverClassName"), Some(dialect.driver.as_str()), "{name}");
            assert_eq!(option("validationQuery"), Some(dialect.validation_query.as_str()), "{name}");
        }
    }
}
