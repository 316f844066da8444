//! From a document to a cluster: ranges spread out, host over group over cluster.
//!
//! Overriding works on the values as read, key by key, so that a new key of a section is merged without a line here.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::hidden::looks_secret;
use super::position::{Positions, below};
use super::schema::{self, Shape, shape};
use super::{
    Cluster, Document, Host, HostEntry, Origin, Product, ProductSettings, Scheme, Source, SshSettings, TransportKind,
    range,
};
use crate::model::{HostName, RemotePath};

/// A cluster, where its values come from, and where its keys stand.
pub(super) struct Resolved {
    pub(super) cluster: Cluster,
    pub(super) origins: Vec<Origin>,
    pub(super) positions: Positions,
}

/// Works out what a document means. What is wrong with it has been said; here it is left out.
pub(super) fn resolve(document: &Document, value: &Value, positions: Positions) -> Resolved {
    let mut resolver = Resolver { document, value, positions, origins: Vec::new() };
    let mut hosts = Vec::new();
    for (name, entry) in &document.hosts {
        resolver.hosts(name, entry, &mut hosts);
    }
    resolver.cluster_origins(&hosts);
    let cluster = Cluster {
        name: document.cluster.clone(),
        environment: document.environment.clone(),
        vault: document.vault.clone(),
        hosts,
        jump_hosts: document.jump_hosts.clone(),
        databases: document.databases.clone().unwrap_or_default(),
        keystores: document.keystores.clone().unwrap_or_default(),
        user_store: document.user_store.clone(),
        registry: document.registry.clone().unwrap_or_default(),
        clustering: document.clustering.clone(),
        caching: document.caching.clone().unwrap_or_default(),
        endpoint: document.endpoint.clone(),
        load_balancer: document.load_balancer.clone(),
        shared_files: document.shared_files.clone(),
        admin: document.admin.clone(),
        failover: document.failover.clone().unwrap_or_default(),
        vars: document.vars.clone(),
    };
    Resolved { cluster, origins: resolver.origins, positions: resolver.positions }
}

struct Resolver<'a> {
    document: &'a Document,
    value: &'a Value,
    positions: Positions,
    origins: Vec<Origin>,
}

/// What the inventory leaves out about a host that the user's own ssh reaches is no default of ours.
fn leave_to_ssh(origin: &mut Origin) {
    let ssh = "as your own ssh has it";
    origin.value = match origin.key.as_str() {
        "ssh.user" | "ssh.port" | "ssh.identity" | "ssh.agent" | "ssh.known_hosts" | "ssh.host_key_alias"
        | "ssh.jump" => ssh.to_owned(),
        "ssh.identities_only" => format!("true where identity is set, else {ssh}"),
        _ => return,
    };
}

impl Resolver<'_> {
    /// The hosts that one entry stands for.
    fn hosts(&mut self, written: &str, entry: &HostEntry, hosts: &mut Vec<Host>) {
        let Ok(names) = range::names(written) else { return };
        let spread = |text: &Option<String>| text.as_deref().and_then(|text| range::addresses(text).ok());
        let (addresses, members) = (spread(&entry.address), spread(&entry.member_address));
        for (index, name) in names.iter().enumerate() {
            let Ok(host) = name.parse::<HostName>() else { continue };
            if name != written {
                self.positions.repeat(&below("hosts", written), &below("hosts", name));
            }
            let given = addresses.as_ref().and_then(|addresses| addresses.get(index)).cloned();
            let address = given.unwrap_or_else(|| name.clone());
            let transport = entry.transport.unwrap_or(match address.as_str() {
                "localhost" => TransportKind::Local,
                _ => TransportKind::Ssh,
            });
            let member = members.as_ref().and_then(|members| members.get(index)).cloned();
            let member_address = member.unwrap_or_else(|| address.clone());
            self.host_origins(&host, written, entry, [&address, &member_address], transport);
            let before = self.origins.len();
            let ssh: SshSettings = self.merged("ssh", &host, written, entry);
            if transport == TransportKind::Local {
                // Nothing under `ssh` matters here but how rights are gained and where the state is kept.
                let matters =
                    |origin: &Origin| origin.key.starts_with("ssh.become") || origin.key == "ssh.state_folder";
                let kept: Vec<Origin> = self.origins.drain(before..).filter(matters).collect();
                self.origins.extend(kept);
            }
            if transport == TransportKind::Openssh {
                let left_out = self.origins.iter_mut().skip(before).filter(|origin| origin.source == Source::Default);
                left_out.for_each(leave_to_ssh);
            }
            // What stands in front of the nodes is none of them, whatever the cluster's `product` says.
            let product: ProductSettings = match entry.is_balancer() {
                true => ProductSettings::default(),
                false => self.merged("product", &host, written, entry),
            };
            let vars: IndexMap<String, String> = self.merged("vars", &host, written, entry);
            hosts.push(Host {
                name: host,
                address,
                roles: entry.roles.clone(),
                groups: entry.groups.clone(),
                transport,
                ssh,
                product: product_of(product),
                member_address,
                member_port: entry.member_port,
                vars,
            });
        }
    }

    /// A section of a host: its own keys over those of its groups, the last first, over those of the cluster.
    fn merged<T: DeserializeOwned + Default>(
        &mut self,
        section: &str,
        host: &HostName,
        written: &str,
        entry: &HostEntry,
    ) -> T {
        let mut places = vec![section.to_owned()];
        places.extend(entry.groups.iter().map(|group| format!("groups.{group}.{section}")));
        places.push(format!("hosts.{written}.{section}"));
        let groups = entry.groups.iter().map(|group| self.value.get("groups").and_then(|groups| groups.get(group)));
        let mut layers = vec![Some(self.value)];
        layers.extend(groups);
        layers.push(self.value.get("hosts").and_then(|hosts| hosts.get(written)));

        let mut merged = Map::new();
        let mut setters: IndexMap<String, Vec<String>> = IndexMap::new();
        for (layer, place) in layers.iter().zip(&places) {
            let keys = layer.and_then(|layer| layer.get(section)).and_then(Value::as_object);
            for (key, value) in keys.into_iter().flatten() {
                merged.insert(key.clone(), value.clone());
                setters.entry(key.clone()).or_default().push(below(place, key));
            }
        }
        for (key, mut places) in setters {
            let Some(at) = places.pop().and_then(|place| self.positions.value(&place)) else {
                continue;
            };
            let overrides = places.iter().filter_map(|place| self.positions.value(place)).collect();
            // A source may be shown; a value below such a key, as in `vars`, may be the secret itself.
            let value = match merged.get(&key) {
                Some(value) if looks_secret(&key) && !value.is_object() => "***".to_owned(),
                value => value.map(as_text).unwrap_or_default(),
            };
            self.origin(Some(host), &below(section, &key), value, Source::Written { at, overrides });
        }
        if let Some(schema) = schema::schema().get("properties").and_then(|keys| keys.get(section))
            && (section != "product" || !merged.is_empty())
        {
            let merged = Value::Object(merged.clone());
            self.defaults(Some(host), section, schema, &merged);
        }
        serde_json::from_value(Value::Object(merged)).unwrap_or_default()
    }

    fn origin(&mut self, host: Option<&HostName>, key: &str, value: String, source: Source) {
        self.origins.push(Origin { host: host.cloned(), key: key.to_owned(), value, source });
    }

    fn host_origins(
        &mut self,
        host: &HostName,
        written: &str,
        entry: &HostEntry,
        [address, member]: [&str; 2],
        transport: TransportKind,
    ) {
        let place = below("hosts", written);
        let ranged = written != host.as_str();
        let own = |resolver: &Self, key: &str, derived: &str| match resolver.positions.value(&below(&place, key)) {
            Some(_) if ranged => Source::Derived(format!("the range `{written}`")),
            Some(at) => Source::Written { at, overrides: Vec::new() },
            None => Source::Derived(derived.to_owned()),
        };
        let address_from = own(self, "address", "the host's name");
        let member_from = own(self, "member_address", "the host's address");
        let transport_from = match (entry.transport, self.positions.value(&below(&place, "transport"))) {
            (Some(_), Some(at)) => Source::Written { at, overrides: Vec::new() },
            _ => Source::Derived("the host's address".to_owned()),
        };
        let kind = match transport {
            TransportKind::Ssh => "ssh",
            TransportKind::Openssh => "openssh",
            TransportKind::Local => "local",
        };
        self.origin(Some(host), "address", address.to_owned(), address_from);
        self.origin(Some(host), "transport", kind.to_owned(), transport_from);
        if !entry.is_balancer() {
            self.origin(Some(host), "member_address", member.to_owned(), member_from);
        }
    }

    fn cluster_origins(&mut self, hosts: &[Host]) {
        if let Some(clustering) = &self.document.clustering {
            if clustering.scheme == Scheme::Wka {
                let nodes = hosts.iter().filter(|host| !host.is_balancer());
                let members: Vec<&str> = nodes.map(|host| host.member_address.as_str()).collect();
                self.origin(None, "clustering.members", members.join(", "), Source::Derived("the hosts".to_owned()));
            }
            if clustering.domain.is_none() {
                let domain = format!("{}.domain", self.document.cluster);
                self.origin(None, "clustering.domain", domain, Source::Derived("the cluster's name".to_owned()));
            }
        }
        let Shape::Struct(document) = shape(schema::schema()) else {
            return;
        };
        for (section, schema) in schema::properties(document) {
            let of_hosts = ["ssh", "jump_hosts", "product", "vars", "hosts", "groups"].contains(&section.as_str());
            if let Some(value) = self.value.get(section)
                && !of_hosts
            {
                self.defaults(None, section, schema, value);
            }
        }
    }

    /// Notes the defaults of the keys that are not written. A default is what the key's description says it is.
    fn defaults(&mut self, host: Option<&HostName>, path: &str, schema: &'static Value, value: &Value) {
        match (shape(schema), value) {
            (Shape::Struct(object), Value::Object(values)) => {
                for (key, schema) in schema::properties(object) {
                    let path = below(path, key);
                    match values.get(key) {
                        Some(value) => self.defaults(host, &path, schema, value),
                        None if self.origins.iter().any(|origin| origin.host.is_none() && origin.key == path) => {}
                        None => {
                            // The JNDI names of the product's own databases are fixed.
                            let fixed = path.ends_with(".jndi") && !path.contains(".extra.");
                            if let Some(default) = default_of(schema).filter(|_| !fixed) {
                                self.origin(host, &path, default, Source::Default);
                            }
                        }
                    }
                }
            }
            (Shape::Table(schema), Value::Object(values)) => {
                for (key, value) in values {
                    self.defaults(host, &below(path, key), schema, value);
                }
            }
            _ => {}
        }
    }
}

/// What the description says after `Default:`, without the full stop.
fn default_of(schema: &Value) -> Option<String> {
    let (_, text) = schema.get("description")?.as_str()?.split_once("Default: ")?;
    Some(text.trim_end_matches('.').replace('`', ""))
}

/// A value as `--explain` shows it.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(as_text).collect::<Vec<_>>().join(", "),
        Value::Object(values) => {
            let pairs = values.iter().map(|(key, value)| match key.as_str() {
                "vault" => "vault …".to_owned(),
                _ => format!("{key} {}", as_text(value)),
            });
            pairs.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn product_of(settings: ProductSettings) -> Option<Product> {
    Some(Product {
        name: settings.name?,
        version: settings.version?,
        home: settings.home?.parse::<RemotePath>().ok()?,
        pack: settings.pack,
        profile: settings.profile,
        java_home: settings.java_home.and_then(|home| home.parse().ok()),
        run_as: settings.run_as,
        service: settings.service.unwrap_or_default(),
        port_offset: settings.port_offset,
        start_timeout: settings.start_timeout,
        stop_timeout: settings.stop_timeout,
    })
}
