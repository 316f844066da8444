//! `start-nodes`: the product runs, with the configuration that is on the host.

use super::finding::refuse;
use super::node::{Node, product_hosts};
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::{Cluster, Host, Product, Scheme, Service};
use crate::model::profile::Profile;
use crate::resources::WholeFile;
use crate::resources::process::{Places, Process, Unit};

const UNIT: &str = include_str!("start_nodes.service");

/// The product runs, with the configuration that is on the host.
pub(super) struct StartNodes;

impl Step for StartNodes {
    fn name(&self) -> StepName {
        StepName("start-nodes")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster))?;
        let (product, profile) = (node.product, node.profile);
        let unit = match product.service {
            Service::Script => None,
            Service::Systemd => {
                let name = unit_name(product);
                let file = node.path(&format!("/etc/systemd/system/{name}"))?;
                let text = unit_text(product, profile, &name);
                wants.add(WholeFile::new(file.clone(), text).mode(0o644));
                Some(Unit { name, file })
            }
        };
        let places = Places {
            home: product.home.clone(),
            start_script: profile.files.start_script.clone(),
            pid_file: node.path(&profile.files.pid)?,
            configuration: node.path(&profile.files.configuration)?,
        };
        let start = start_timeout(on.cluster, on.host, profile);
        let process = Process::new(places, profile.process.clone(), profile.ports)
            .offset(product.port_offset)
            .java_home(product.java_home.clone())
            .run_as(product.run_as.clone())
            .unit(unit)
            .timeouts(start, stop_timeout(product, profile));
        wants.add(process);
        Ok(())
    }
}

/// Within how many seconds a node is ready after a start.
pub(super) fn start_timeout(cluster: &Cluster, host: &Host, profile: &Profile) -> u32 {
    let given = host.product.as_ref().and_then(|product| product.start_timeout);
    given.unwrap_or(profile.process.start_timeout).saturating_add(first_wait(cluster, profile))
}

/// How many seconds the first node of a cluster waits for others before it opens its ports.
pub(super) fn first_wait(cluster: &Cluster, profile: &Profile) -> u32 {
    let Some(clustering) = &cluster.clustering else { return 0 };
    let shipped = profile.clustering.schemes.get(&clustering.scheme).map_or(0, |facts| facts.first_wait);
    match (clustering.scheme, &clustering.multicast) {
        (Scheme::Multicast, Some(multicast)) => multicast.timeout.map_or(shipped, u32::from),
        _ => shipped,
    }
}

fn stop_timeout(product: &Product, profile: &Profile) -> u32 {
    product.stop_timeout.unwrap_or(profile.process.stop_timeout)
}

/// A name that tells two products on one machine apart: that of the home, behind the product's.
fn unit_name(product: &Product) -> String {
    let home = product.home.file_name();
    let name = if home.starts_with(&product.name) { home.to_owned() } else { format!("{}-{home}", product.name) };
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    format!("{}.service", name.chars().map(allowed).collect::<String>())
}

fn unit_text(product: &Product, profile: &Profile, name: &str) -> String {
    // In a unit, a percent sign begins a specifier, and a dollar sign in a command a variable.
    let literal = |text: &str| text.replace('%', "%%");
    let quoted = |text: &str| format!("\"{}\"", literal(text).replace('\\', "\\\\").replace('"', "\\\""));
    let script = format!("{}/{}", product.home, profile.files.start_script);
    let java_home = product.java_home.as_ref().map_or("", |java_home| java_home.as_str());
    let values = [
        ("@PRODUCT@", format!("{} {}", product.name, product.version)),
        ("@NAME@", name.to_owned()),
        ("@USER@", product.run_as.clone().unwrap_or_default()),
        ("@HOME@", literal(product.home.as_str())),
        ("@JAVA_HOME@", quoted(&format!("JAVA_HOME={java_home}"))),
        ("@SCRIPT@", quoted(&script).replace('$', "$$")),
        ("@STOP_TIMEOUT@", stop_timeout(product, profile).to_string()),
    ];
    values.iter().fold(UNIT.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Everything that is wrong with how the nodes are started, as far as the inventory tells.
pub(super) fn check(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    for host in product_hosts(cluster) {
        let Some(product) = host.product.as_ref().filter(|product| product.service == Service::Systemd) else {
            continue;
        };
        if product.run_as.is_none() {
            let cause = format!("{}: systemd would run the product as root", host.name);
            let hint = "name the user that owns the product under `product.run_as`";
            findings.push(Finding::error("unit-without-user", "product.service", cause).hint(hint));
        }
        if product.java_home.is_none() {
            let cause = format!("{}: systemd starts the product without a JAVA_HOME", host.name);
            let hint = "name a JDK of the host under `product.java_home`";
            findings.push(Finding::error("unit-without-java", "product.service", cause).hint(hint));
        }
    }
    findings
}
