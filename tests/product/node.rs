//! What hactl makes of a configuration file, and what the product makes of that.

use std::fs;
use std::path::{Path, PathBuf};

use hactl::model::Secret;
use hactl::model::inventory::{Cluster, Host, Place, Secrets, read};
use hactl::model::profile::Profile;
use hactl::steps::{Allow, HostContext, Wanted, Wants, registry};

/// The cluster of an inventory.
pub(crate) fn cluster(text: &str) -> (Cluster, Vec<hactl::model::inventory::SecretSource>) {
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read(text, &place).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    let cluster = inventory.clusters[0].clone();
    let sources = inventory.secrets(&cluster).iter().map(|used| used.source.clone()).collect();
    (cluster, sources)
}

/// A node's configuration file after every edit that the steps want.
pub(crate) fn configured(cluster: &Cluster, host: &Host, profile: &Profile, secrets: &Secrets, before: &str) -> String {
    let on = HostContext {
        cluster,
        host,
        profile: Some(profile),
        secrets,
        blobs: &[],
        archives: &[],
        allow: Allow::default(),
    };
    let mut wants = Wants::default();
    for step in registry() {
        wants.begin(0, step.name());
        step.desire(&on, &mut wants).unwrap_or_else(|error| panic!("{}: {error:?}", step.name()));
    }
    let items = wants.into_items().unwrap();
    let file = items.iter().find_map(|item| match &item.resource {
        Wanted::File(file) if file.path().file_name() == "deployment.toml" => Some(file),
        _ => None,
    });
    file.unwrap().edited(before).unwrap().0.to_string()
}

/// Every secret with the same value.
pub(crate) fn secrets(sources: Vec<hactl::model::inventory::SecretSource>, value: impl Fn(&str) -> String) -> Secrets {
    let mut secrets = Secrets::default();
    for source in sources {
        let hactl::model::inventory::SecretSource::Env(name) = &source else { panic!("named by env") };
        let secret = Secret::new(value(name));
        secrets.insert(source, secret);
    }
    secrets
}

/// What the mapper wrote into a home.
pub(crate) struct Rendered(pub(crate) PathBuf);

impl Rendered {
    /// A file below `repository/conf`, as its reader decodes it.
    pub(crate) fn text(&self, name: &str) -> String {
        decoded(&fs::read(self.0.join("repository/conf").join(name)).unwrap())
    }

    /// The text of the first node at the end of a path of tag names, anywhere in the file.
    pub(crate) fn node(&self, file: &str, path: &[&str]) -> Option<String> {
        self.nodes(file, path).into_iter().next()
    }

    /// The texts of all nodes at the end of a path of tag names, anywhere in the file.
    pub(crate) fn nodes(&self, file: &str, path: &[&str]) -> Vec<String> {
        let text = self.text(file);
        let document = parse(&text, file);
        let nodes = document.descendants().filter(|node| fits(*node, path));
        nodes.map(|node| node.text().unwrap_or_default().to_owned()).collect()
    }

    /// The value of an attribute of each node with this tag.
    pub(crate) fn attributes(&self, file: &str, tag: &str, attribute: &str) -> Vec<String> {
        let text = self.text(file);
        let document = parse(&text, file);
        let nodes = document.descendants().filter(|node| node.tag_name().name() == tag);
        nodes.filter_map(|node| node.attribute(attribute).map(str::to_owned)).collect()
    }

    /// The text of `<TAG name="NAME">`, the last one where there are several, as the product takes it.
    pub(crate) fn named(&self, file: &str, tag: &str, name: &str) -> Option<String> {
        let text = self.text(file);
        let document = parse(&text, file);
        let mut nodes = document.descendants().filter(|node| node.tag_name().name() == tag);
        nodes.rfind(|node| node.attribute("name") == Some(name)).map(|node| node.text().unwrap_or_default().to_owned())
    }

    /// A datasource's `configuration`: tag names and texts.
    pub(crate) fn datasource(&self, jndi: &str) -> Vec<(String, String)> {
        let file = "datasources/master-datasources.xml";
        let text = self.text(file);
        let document = parse(&text, file);
        let source = document.descendants().find(|node| {
            node.tag_name().name() == "datasource"
                && node.descendants().any(|below| fits(below, &["jndiConfig", "name"]) && below.text() == Some(jndi))
        });
        let source = source.unwrap_or_else(|| panic!("no datasource {jndi} in\n{text}"));
        let configuration = source.descendants().find(|node| node.tag_name().name() == "configuration").unwrap();
        let options = configuration.children().filter(roxmltree::Node::is_element);
        options.map(|node| (node.tag_name().name().to_owned(), node.text().unwrap_or_default().to_owned())).collect()
    }

    /// Panics unless every XML file is well-formed; returns how many there are.
    pub(crate) fn well_formed(&self) -> usize {
        fn walk(folder: &Path, count: &mut usize) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, count);
                } else if path.extension().is_some_and(|extension| extension == "xml") {
                    let text = decoded(&fs::read(&path).unwrap());
                    parse(&text, &path.display().to_string());
                    *count += 1;
                }
            }
        }
        let mut count = 0;
        walk(&self.0.join("repository/conf"), &mut count);
        count
    }
}

/// The text of a file. One template declares another encoding than the mapper writes it in.
fn decoded(bytes: &[u8]) -> String {
    if bytes.starts_with(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"") {
        return bytes.iter().copied().map(char::from).collect();
    }
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn fits(node: roxmltree::Node<'_, '_>, path: &[&str]) -> bool {
    let tags = node.ancestors().map(|node| node.tag_name().name());
    node.is_element() && path.iter().rev().zip(tags.chain(std::iter::repeat(""))).all(|(wanted, tag)| *wanted == tag)
}

fn parse<'t>(text: &'t str, file: &str) -> roxmltree::Document<'t> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{file}: {error}"))
}
