//! Rules about the balancer, its hosts and what it needs of the other sections.

use super::Rules;
use crate::model::inventory::position::below;
use crate::model::inventory::{LoadBalancer, ProductSettings, address, range, suggest};

impl Rules<'_> {
    /// A host that balances and the section that says how belong together, and both need a public name.
    pub(super) fn load_balancer(&mut self) {
        let document = self.document;
        let hosts: Vec<&String> =
            document.hosts.iter().filter(|(_, entry)| entry.is_balancer()).map(|(name, _)| name).collect();
        for name in &hosts {
            let path = format!("hosts.{name}.product");
            if document.hosts.get(*name).is_some_and(|entry| entry.product != ProductSettings::default()) {
                let message = format!("`{name}` is a load balancer, and has a product too");
                let hint = "take `product` away here, or the role; the balancer is a host of its own";
                self.wrong("balancer-with-product", &path, message, hint);
            }
        }
        let spoilt = self.is_spoilt("load_balancer");
        match (&document.load_balancer, hosts.first()) {
            (None, Some(first)) if !spoilt => {
                let message = format!("`{first}` is a load balancer, and nothing says which");
                let hint = "add `load_balancer: { kind: nginx, certificate: FILE, key: { file: FILE } }` at the top";
                self.wrong("missing-section", &format!("hosts.{first}.roles"), message, hint);
            }
            (Some(balancer), None) => {
                let roles = document.hosts.keys().any(|host| self.is_spoilt(&format!("hosts.{host}.roles")));
                if !roles {
                    let hint = "add one: `lb-1: { address: 192.168.2.9, roles: [load-balancer] }`";
                    let message = "no host has `roles: [load-balancer]`".to_owned();
                    self.wrong_key("missing-balancer-host", "load_balancer", message, hint);
                }
                self.balancer(balancer);
            }
            (Some(balancer), Some(_)) => self.balancer(balancer),
            (None, _) => {}
        }
    }

    fn balancer(&mut self, balancer: &LoadBalancer) {
        let document = self.document;
        if document.endpoint.as_ref().is_none_or(|endpoint| endpoint.https_port.is_none())
            && !self.is_spoilt("endpoint")
        {
            let (path, what) = match &document.endpoint {
                None => ("load_balancer", "`endpoint`, whose name and ports it serves"),
                Some(_) => ("endpoint", "`endpoint.https_port`, which it serves"),
            };
            let hint = "add `endpoint: { hostname: sso.example.com, http_port: 80, https_port: 443 }`";
            self.wrong_key("missing-section", path, format!("a load balancer needs {what}"), hint);
        }
        if document.hosts.values().all(|entry| entry.is_balancer()) && !document.hosts.is_empty() {
            let hint = "add the hosts that run the product: `is-1: { address: 192.168.2.1 }`";
            self.wrong_key("no-nodes", "hosts", "every host is a load balancer".to_owned(), hint);
        }
        for (index, one) in balancer.listen.iter().enumerate() {
            if !address::is_ip(one) {
                let hint = "write an IP address of the balancer's own; `0.0.0.0` or `::` for all";
                let path = format!("load_balancer.listen[{index}]");
                self.wrong("bad-address", &path, format!("`{one}` is not an IP address"), hint);
            }
        }
        if let Some(health) = balancer.health.as_deref().filter(|path| !is_path(path)) {
            let hint = "write a path of a URL, such as `/api/health-check/v1.0/health`";
            self.wrong("bad-path", "load_balancer.health", format!("`{health}` is not a path of a URL"), hint);
        }
        if let Some(management) = &balancer.management {
            self.management(&management.hostname, management.node.as_deref());
        }
    }

    fn management(&mut self, hostname: &str, node: Option<&str>) {
        let document = self.document;
        let path = "load_balancer.management.hostname";
        if let Some((reason, hint)) = address::fault(hostname) {
            self.wrong("bad-address", path, format!("`{hostname}` {reason}"), hint);
        } else if document.endpoint.as_ref().is_some_and(|endpoint| endpoint.hostname.eq_ignore_ascii_case(hostname)) {
            let hint = "give the console a name of its own, or take `management` away";
            self.wrong("bad-address", path, format!("`{hostname}` is the public name too"), hint);
        }
        let nodes = document.hosts.iter().filter(|(_, entry)| !entry.is_balancer());
        let names: Vec<String> = nodes.filter_map(|(name, _)| range::names(name).ok()).flatten().collect();
        if let Some(node) = node.filter(|node| !names.iter().any(|name| name == node)) {
            let hint = match suggest::nearest(node, names.iter().map(String::as_str)) {
                Some((near, _)) => format!("did you mean `{near}`?"),
                None => format!("the nodes are: {}", names.join(", ")),
            };
            let message = format!("there is no node `{node}`");
            self.wrong("unknown-host", &below("load_balancer.management", "node"), message, hint);
        }
    }

    /// What is missing is missing from the section, so its key is where to point.
    fn wrong_key(&mut self, code: &'static str, path: &str, message: String, hint: &str) {
        self.wrong(code, path, message, hint);
        let key = self.checked.positions.get(path).map(|position| position.key);
        if let Some(problem) = self.problems.last_mut() {
            problem.span = key.or(problem.span);
        }
    }
}

/// A path that can stand in a configuration file as it is.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte))
}
