//! `service-unit`: systemd knows how to run the product.
//!
//! A step of its own, before that which starts the nodes: there, what a process has read is held against what lies there.

use super::finding::refuse;
use super::node::{Node, product_hosts};
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::inventory::{Cluster, Product, Service};
use crate::resources::WholeFile;
use crate::resources::process::Unit;

const UNIT: &str = include_str!("service_unit.service");

/// systemd knows how to run the product, where the inventory asks for that.
pub(super) struct ServiceUnit;

impl Step for ServiceUnit {
    fn name(&self) -> StepName {
        StepName("service-unit")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster))?;
        if let Some(unit) = unit(&node)? {
            let text = unit_text(&node, &unit.name);
            wants.add(WholeFile::new(unit.file, text).mode(0o644));
        }
        Ok(())
    }
}

/// The unit of a node's product; `None` where its own script starts it.
pub(super) fn unit(node: &Node<'_>) -> Result<Option<Unit>, StepError> {
    if node.product.service == Service::Script {
        return Ok(None);
    }
    let name = unit_name(node.product);
    let file = node.path(&format!("/etc/systemd/system/{name}"))?;
    Ok(Some(Unit { name, file }))
}

/// A name that tells two products on one machine apart: that of the home, behind the product's.
fn unit_name(product: &Product) -> String {
    let home = product.home.file_name();
    let name = if home.starts_with(&product.name) { home.to_owned() } else { format!("{}-{home}", product.name) };
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    format!("{}.service", name.chars().map(allowed).collect::<String>())
}

fn unit_text(node: &Node<'_>, name: &str) -> String {
    let (product, profile) = (node.product, node.profile);
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
        ("@STOP_TIMEOUT@", node.stop_timeout().to_string()),
    ];
    values.iter().fold(UNIT.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Everything that is wrong with what systemd should run, as far as the inventory tells.
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
