//! The public name: where it leads to, and by which way it is asked from here.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::door::{Door, Place};
use super::prove::Front;
use crate::model::inventory::{Endpoint, Host};
use crate::orchestration::Failure;
use crate::orchestration::node::Node;
use crate::steps::verify::VERIFY;
use crate::transport::http::{Roots, Tls, certificates};

/// How long a name may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(5);

/// The public ports where the inventory names none.
pub(super) const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// What stands in front of the nodes, as the inventory says.
pub(super) struct Balancing<'a> {
    /// The hosts that stand there, each with the wire to it where the run has one.
    pub(super) hosts: Vec<(&'a Host, Option<&'a Arc<Node>>)>,
    /// Is the first one itself at its address, and not only its SSH server?
    pub(super) at_its_address: bool,
    /// The certificate that clients see; `None`: one that an authority has signed.
    pub(super) certificate: Option<&'a Path>,
    /// Does it send all requests of one address to one node?
    pub(super) one_for_us: bool,
}

/// How the public name is asked. The address is the balancer's own where the name leads elsewhere or nowhere; the name is
/// asked for and proved all the same.
pub(super) async fn front(endpoint: &Endpoint, balancing: &Balancing<'_>) -> Result<Option<Front>, Failure> {
    let Some((first, wire)) = balancing.hosts.first() else { return Ok(None) };
    let name = endpoint.hostname.as_str();
    let (port, usual, tls) = match (endpoint.https_port, endpoint.http_port) {
        (None, Some(http)) => (http, HTTP, Tls::Plain),
        (https, _) => {
            let roots = balancing.certificate.map_or(Ok(Roots::System), own)?;
            (https.unwrap_or(HTTPS), HTTPS, Tls::Verified { name: name.to_owned(), roots })
        }
    };
    let mut balancers = Vec::new();
    for (host, _) in &balancing.hosts {
        balancers.extend(addresses(&host.address).await);
    }
    let led = addresses(name).await;
    let (address, by) = match led.iter().find(|address| balancers.contains(address)) {
        Some(address) => (address.to_string(), None),
        None => {
            let why = if led.is_empty() { "its name is not known here" } else { "its name leads elsewhere" };
            (first.address.clone(), Some(format!("{why}, asked at the address of {}", first.name)))
        }
    };
    let mut doors = vec![Door::direct(&address, port)];
    if let Some(wire) = wire {
        // Where only SSH leads there.
        doors.push(Door::through(wire, &first.member_address, port));
        doors.push(Door::through(wire, "127.0.0.1", port));
    }
    if by.is_some() && !balancing.at_its_address {
        // Whoever has that port here is asked last.
        doors.rotate_left(1);
    }
    let place = Place::new(doors, tls, public_host(name, port, usual));
    Ok(Some(Front { name: name.to_owned(), by, place, one_for_us: balancing.one_for_us }))
}

/// What the `Host` header says of a name and a port.
pub(super) fn public_host(name: &str, port: u16, usual: u16) -> String {
    let name = if name.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{name}]") } else { name.to_owned() };
    if port == usual { name } else { format!("{name}:{port}") }
}

/// Where a name leads to; nowhere when it can't be told in time.
async fn addresses(name: &str) -> Vec<IpAddr> {
    match timeout(LOOKUP, lookup_host((name, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
        _ => Vec::new(),
    }
}

/// The certificate that the inventory names.
fn own(file: &Path) -> Result<Roots, Failure> {
    let read = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"));
    match read.and_then(|pem| certificates(&pem)) {
        Ok(all) => Ok(Roots::Own(Arc::new(all))),
        Err(why) => {
            let cause = format!("the certificate {} is of no use: {why}", file.display());
            let failure =
                Failure::new("tls-setup", cause).hint("name the PEM file that the balancer shows its clients");
            Err(Failure { step: Some(VERIFY), ..failure })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, address: &str) -> Host {
        let text = format!("version: 1\ncluster: iam\nhosts: {{ {name}: {{ address: {address} }} }}\n");
        let place = crate::model::inventory::Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
        crate::model::inventory::read(&text, &place).unwrap().clusters[0].hosts[0].clone()
    }

    fn endpoint(hostname: &str, http_port: Option<u16>, https_port: Option<u16>) -> Endpoint {
        Endpoint { hostname: hostname.to_owned(), http_port, https_port, hosts_entry: None }
    }

    async fn asked(endpoint: &Endpoint, certificate: Option<&Path>, hosts: &[Host]) -> Result<Option<Front>, Failure> {
        let hosts = hosts.iter().map(|host| (host, None)).collect();
        front(endpoint, &Balancing { hosts, at_its_address: true, certificate, one_for_us: false }).await
    }

    #[tokio::test]
    async fn the_name_is_asked_where_it_leads_to_and_else_at_the_balancer_s_own_address() {
        let balancers = [host("lb-1", "127.0.0.1"), host("lb-2", "192.0.2.2")];
        let front = asked(&endpoint("localhost", None, Some(8443)), None, &balancers).await.unwrap().unwrap();
        assert_eq!((front.by.as_deref(), front.place.host.as_str()), (None, "localhost:8443"));
        assert!(matches!(&front.place.tls, Tls::Verified { name, roots: Roots::System } if name == "localhost"));

        let front = asked(&endpoint("sso.invalid", Some(80), None), None, &balancers).await.unwrap().unwrap();
        assert_eq!(front.by.as_deref(), Some("its name is not known here, asked at the address of lb-1"));
        assert!(matches!(front.place.tls, Tls::Plain));
        assert_eq!(front.place.host, "sso.invalid");

        let elsewhere = [host("lb-1", "192.0.2.1")];
        let front = asked(&endpoint("localhost", None, None), None, &elsewhere).await.unwrap().unwrap();
        assert_eq!(front.by.as_deref(), Some("its name leads elsewhere, asked at the address of lb-1"));
        assert_eq!(front.place.host, "localhost");
        assert!(asked(&endpoint("localhost", None, None), None, &[]).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_certificate_that_is_none_is_told_before_anybody_is_asked() {
        let balancers = [host("lb-1", "127.0.0.1")];
        for file in ["/nonexistent/sso.crt", file!()] {
            let failure = asked(&endpoint("localhost", None, None), Some(Path::new(file)), &balancers).await;
            let failure = failure.err().unwrap();
            assert_eq!((failure.code, failure.step), ("tls-setup", Some(VERIFY)), "{failure:?}");
        }
    }

    #[test]
    fn a_port_that_is_not_the_usual_one_is_told_to_the_server() {
        assert_eq!(public_host("a.example", 443, 443), "a.example");
        assert_eq!(public_host("a.example", 8443, 443), "a.example:8443");
        assert_eq!(public_host("2001:db8::1", 80, 443), "[2001:db8::1]:80");
    }
}
