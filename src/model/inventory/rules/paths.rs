//! Rules about the product and about paths on the hosts.

use super::Rules;
use crate::model::RemotePath;
use crate::model::inventory::position::below;
use crate::model::inventory::{HostEntry, ProductSettings};

impl Rules<'_> {
    /// Whoever has a product has its name, its version and its home.
    pub(super) fn product(&mut self) {
        let document = self.document;
        type Read = fn(&ProductSettings) -> Option<&String>;
        let keys: [(&str, Read, &str); 3] = [
            ("name", |product| product.name.as_ref(), "add `name: wso2is`, or `wso2carbon` for the bare kernel"),
            ("version", |product| product.version.as_ref(), "add the product's version, such as `version: 7.1.0`"),
            ("home", |product| product.home.as_ref(), "add the folder on the host that holds `bin` and `repository`"),
        ];
        let with: Vec<(&String, &HostEntry)> = document
            .hosts
            .iter()
            .filter(|(_, entry)| {
                !entry.is_balancer() && self.layers(entry).iter().any(|layer| **layer != ProductSettings::default())
            })
            .collect();
        for (key, read, hint) in keys {
            if self.checked.problems.iter().any(|problem| problem.path.ends_with(&format!("product.{key}"))) {
                continue;
            }
            let has = |entry: &HostEntry| self.layers(entry).into_iter().any(|layer| read(layer).is_some());
            let without: Vec<&String> = with.iter().filter(|(_, entry)| !has(entry)).map(|(name, _)| *name).collect();
            if without.len() == with.len() && !with.is_empty() && document.product.is_some() {
                self.wrong("incomplete-product", &below("product", key), format!("`product` has no `{key}`"), hint);
                continue;
            }
            for name in without {
                let message = format!("the host `{name}` has a product without `{key}`");
                self.wrong("incomplete-product", &format!("hosts.{name}.product.{key}"), message, hint);
            }
        }
    }

    fn layers<'s>(&'s self, entry: &'s HostEntry) -> Vec<&'s ProductSettings> {
        let groups = entry.groups.iter().filter_map(|name| self.document.groups.get(name)).map(|group| &group.product);
        let mut layers = vec![&entry.product];
        layers.extend(groups);
        layers.extend(&self.document.product);
        layers
    }

    /// Paths on the hosts are absolute, wherever they stand.
    pub(super) fn paths(&mut self) {
        let document = self.document;
        let mut layers = vec![(String::new(), Some(&document.ssh), document.product.as_ref())];
        for (name, group) in &document.groups {
            layers.push((below("groups", name), Some(&group.ssh), Some(&group.product)));
        }
        for (name, host) in &document.hosts {
            layers.push((below("hosts", name), Some(&host.ssh), Some(&host.product)));
        }
        for (place, ssh, product) in layers {
            let home = product.and_then(|product| product.home.as_deref());
            let java = product.and_then(|product| product.java_home.as_deref());
            let state = ssh.and_then(|ssh| ssh.state_folder.as_deref());
            // The state folder may lie in the home of whoever logs in, which only the host knows.
            let state = state.map(|text| text.strip_prefix('~').filter(|rest| rest.starts_with('/')).unwrap_or(text));
            self.remote(&below(&place, "product.home"), home);
            self.remote(&below(&place, "product.java_home"), java);
            self.remote(&below(&place, "ssh.state_folder"), state);
        }
        if let Some(balancer) = &document.load_balancer {
            self.remote("load_balancer.configuration", balancer.configuration.as_deref());
            self.remote("load_balancer.pid_file", balancer.pid_file.as_deref());
        }
        let target = document.shared_files.as_ref().map(|shared| shared.mount.target.as_str());
        self.remote("shared_files.mount.target", target);
    }

    fn remote(&mut self, path: &str, text: Option<&str>) {
        if let Some(Err(error)) = text.map(str::parse::<RemotePath>) {
            self.wrong("bad-remote-path", path, error.to_string(), "write the whole path on the host, from `/` on");
        }
    }
}
