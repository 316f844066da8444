//! The product's pack and the driver of the lab: small zip files with the shape of the real ones.

use sha2::{Digest as _, Sha256};

use super::layout::PRODUCT_VERSION;
use super::zip::Writer;

/// The class that a node looks for before it talks to the database.
pub(super) const DRIVER_CLASS: &str = "com.mysql.cj.jdbc.Driver";
/// The driver's file.
pub(super) const DRIVER: &str = "mysql-connector-j-9.1.0.jar";
/// The pack's file.
pub(super) const PACK: &str = "wso2carbon-4.9.1.zip";
/// The script that makes the tables.
pub(super) const SCHEMA: &str = include_str!("pack/mysql.sql");

/// The pack.
pub(super) fn pack() -> Vec<u8> {
    let top = format!("wso2carbon-core-{PRODUCT_VERSION}");
    let mut zip = Writer::default();
    let folders = [
        "",
        "bin/",
        "dbscripts/",
        "lib/",
        "repository/",
        "repository/components/",
        "repository/components/dropins/",
        "repository/components/lib/",
        "repository/components/plugins/",
        "repository/conf/",
        "repository/database/",
        "repository/deployment/",
        "repository/deployment/server/",
        "repository/deployment/server/userstores/",
        "repository/logs/",
        "repository/resources/",
        "repository/resources/security/",
        "repository/tenants/",
        "tmp/",
    ];
    for folder in folders {
        zip.add(&format!("{top}/{folder}"), 0o755, b"");
    }
    let mut file = |name: &str, mode, content: &[u8]| zip.add(&format!("{top}/{name}"), mode, content);
    file("bin/wso2server.sh", 0o755, include_bytes!("pack/wso2server.sh"));
    file("bin/version.txt", 0o644, format!("WSO2 Carbon v{PRODUCT_VERSION}\n").as_bytes());
    file("bin/bootstrap.jar", 0o644, &jar("org.wso2.carbon.bootstrap.Bootstrap"));
    file("lib/commons-lang-2.6.0.jar", 0o644, &jar("org.apache.commons.lang.StringUtils"));
    file("dbscripts/mysql.sql", 0o644, SCHEMA.as_bytes());
    file("repository/conf/deployment.toml", 0o644, include_bytes!("pack/deployment.toml"));
    file("repository/components/plugins/org.wso2.carbon.core_4.9.1.jar", 0o644, &jar("org.wso2.carbon.core.Server"));
    file("repository/resources/security/wso2carbon.jks", 0o644, &keystore("wso2carbon", "wso2carbon"));
    file("repository/resources/security/client-truststore.jks", 0o644, &keystore("", "wso2carbon"));
    zip.finish()
}

/// The driver.
pub(super) fn driver() -> Vec<u8> {
    jar(DRIVER_CLASS)
}

/// A jar with one class that nothing ever runs.
fn jar(class: &str) -> Vec<u8> {
    let mut zip = Writer::default();
    zip.add("META-INF/MANIFEST.MF", 0o644, b"Manifest-Version: 1.0\r\nCreated-By: hactl lab\r\n\r\n");
    zip.add(&class_file(class), 0o644, b"\xCA\xFE\xBA\xBE");
    zip.finish()
}

/// Where a class stands in a jar.
pub(super) fn class_file(class: &str) -> String {
    format!("{}.class", class.replace('.', "/"))
}

/// A key store of the lab: a text that says which key is in it and proves its password, and holds no key.
pub(super) fn keystore(alias: &str, password: &str) -> Vec<u8> {
    format!("hactl lab key store\nalias {alias}\npassword {}\n", proof(password)).into_bytes()
}

/// Does this password open the store, and is the key in it?
pub(super) fn opens(store: &[u8], alias: Option<&str>, password: &str) -> Result<(), &'static str> {
    let text = String::from_utf8_lossy(store);
    let mut lines = text.lines();
    if lines.next() != Some("hactl lab key store") {
        return Err("Invalid keystore format");
    }
    let known = lines.next().and_then(|line| line.strip_prefix("alias ")).unwrap_or_default();
    if lines.next().and_then(|line| line.strip_prefix("password ")) != Some(&proof(password)) {
        return Err("Keystore was tampered with, or password was incorrect");
    }
    if alias.is_some_and(|alias| alias != known) { Err("Alias not found in the key store") } else { Ok(()) }
}

fn proof(password: &str) -> String {
    let digest = Sha256::new().chain_update(b"hactl lab key store ").chain_update(password).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a file, as the inventory writes it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
