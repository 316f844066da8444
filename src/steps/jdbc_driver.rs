//! `jdbc-driver`: every node has the same driver, and no second version of it.

use std::path::Path;

use super::finding::refuse;
use super::node::Node;
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::{Cluster, Driver};
use crate::model::profile::Profile;
use crate::resources::Upload;

/// Every node has the same driver, and no second version of it.
pub(super) struct JdbcDriver;

impl Step for JdbcDriver {
    fn name(&self) -> StepName {
        StepName("jdbc-driver")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster))?;
        let files = &node.profile.files;
        let (drivers, dropins) = (node.path(&files.drivers)?, node.path(&files.dropins)?);
        let given = drivers_of(on.cluster);
        let names: Vec<&str> = given.iter().filter_map(|(_, driver)| name(&driver.file)).collect();
        for (at, driver) in &given {
            let Some(blob) = on.blobs.iter().find(|blob| blob.source == driver.file) else {
                return Err(StepError {
                    code: "driver-missing",
                    at: format!("{at}.file"),
                    cause: format!("{} was not read", driver.file.display()),
                    hint: Some("is the file there, relative to the inventory?".into()),
                });
            };
            let Some(file_name) = name(&driver.file) else { continue };
            let family = family(file_name, &node.profile.databases.driver_families);
            let mut upload = Upload::new(blob.clone(), node.path(&format!("{}/{file_name}", files.drivers))?)
                .mode(0o644)
                .owner(node.product.run_as.clone())
                .warn_about(&drivers, format!("{family}*.jar"))
                .warn_about(&dropins, format!("{}*.jar", family.replace('-', "_")));
            for name in &names {
                upload = upload.except(*name).except(as_bundle(name));
            }
            wants.add(upload);
        }
        Ok(())
    }
}

fn drivers_of(cluster: &Cluster) -> Vec<(String, &Driver)> {
    let drivers = cluster.databases.driver.as_ref().map_or(&[][..], |drivers| drivers.as_slice());
    let at = |index: usize| {
        if drivers.len() == 1 { "databases.driver".to_owned() } else { format!("databases.driver[{index}]") }
    };
    drivers.iter().enumerate().map(|(index, driver)| (at(index), driver)).collect()
}

fn name(file: &Path) -> Option<&str> {
    file.file_name()?.to_str()
}

/// The beginning that all versions of a driver's file share: `mysql-connector-j` of `mysql-connector-j-8.4.0.jar`.
fn family<'a>(file_name: &'a str, known: &'a [String]) -> &'a str {
    if let Some(known) = known.iter().find(|known| file_name.starts_with(known.as_str())) {
        return known;
    }
    let stem = file_name.strip_suffix(".jar").unwrap_or(file_name);
    let version = stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let family = version.map_or(stem, |(at, _)| &stem[..at]);
    family.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// How the names of the drivers that the inventory brings begin in all their versions.
pub(super) fn families(cluster: &Cluster, profile: &Profile) -> Vec<String> {
    let known = &profile.databases.driver_families;
    file_names(cluster).into_iter().map(|name| family(name, known).to_owned()).collect()
}

/// The names of the drivers that the inventory brings.
pub(super) fn file_names(cluster: &Cluster) -> Vec<&str> {
    let drivers = cluster.databases.driver.as_ref().map_or(&[][..], |drivers| drivers.as_slice());
    drivers.iter().filter_map(|driver| name(&driver.file)).collect()
}

/// The name under which the product puts a driver, made into a bundle, into its `dropins`.
fn as_bundle(file_name: &str) -> String {
    let stem = file_name.strip_suffix(".jar").unwrap_or(file_name);
    format!("{}_1.0.0.jar", stem.replace('-', "_"))
}

/// Everything that is wrong with the drivers, as far as the inventory tells.
pub(super) fn check(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    let drivers = drivers_of(cluster);
    for (index, (at, driver)) in drivers.iter().enumerate() {
        let file = driver.file.display();
        if !name(&driver.file).is_some_and(|name| name.ends_with(".jar")) {
            let cause = format!("{file} is not a jar: the product would not load it");
            findings.push(Finding::error("driver-not-a-jar", format!("{at}.file"), cause));
        }
        if drivers[..index].iter().any(|(_, other)| name(&other.file) == name(&driver.file)) {
            let cause = format!("{file} would replace another driver of the same name");
            findings.push(Finding::error("driver-twice", format!("{at}.file"), cause).hint("take one of them out"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_versions_of_a_driver_are_one_family() {
        for (file, expected) in [
            ("postgresql-42.7.4.jar", "postgresql"),
            ("mssql-jdbc-12.4.2.jre11.jar", "mssql-jdbc"),
            ("ojdbc8.jar", "ojdbc"),
            ("mysql-connector-java-8.0.33.jar", "mysql-connector-j"),
        ] {
            assert_eq!(family(file, &["mysql-connector-j".to_owned()]), expected);
        }
        assert_eq!(as_bundle("mysql-connector-j-9.1.0.jar"), "mysql_connector_j_9.1.0_1.0.0.jar");
    }
}
