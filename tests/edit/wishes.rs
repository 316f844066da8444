//! Edits as a case folder writes them down, in YAML.

use std::net::IpAddr;
use std::sync::Arc;

use hactl::model::Secret;
use hactl::resources::edit::{Edit, HostsEntry, Line, ManagedBlock, Properties, TomlKeys, Value, XmlNodes};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum WantedValue {
    Text(String),
    Secret(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Self>),
}

impl WantedValue {
    fn value(self) -> Value {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Secret(text) => Value::Secret(Arc::new(Secret::new(text))),
            Self::Integer(number) => Value::Integer(number),
            Self::Boolean(yes) => Value::Boolean(yes),
            Self::List(items) => Value::List(items.into_iter().map(Self::value).collect()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum TomlWish {
    Set { path: Vec<String>, to: WantedValue },
    Remove { path: Vec<String> },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum XmlWish {
    Text { path: String, to: WantedValue },
    Attribute { path: String, name: String, to: WantedValue },
    Subtree { parent: String, key: String, xml: String },
    Remove(String),
    Uncomment(String),
    CommentOut(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum PropertyWish {
    Set { key: String, to: WantedValue },
    Remove(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    name: String,
    prefix: String,
    lines: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedLine {
    wanted: String,
    replacing: Option<String>,
    #[serde(default)]
    absent: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hosts {
    address: IpAddr,
    names: Vec<String>,
}

/// The edit that `yaml` says, for the editor whose folder has this name.
pub(super) fn read(editor: &str, yaml: &str) -> Box<dyn Edit> {
    match editor {
        "toml_keys" => Box::new(parse::<Vec<TomlWish>>(yaml).into_iter().fold(TomlKeys::new(), toml_wish)),
        "xml_nodes" => Box::new(parse::<Vec<XmlWish>>(yaml).into_iter().fold(XmlNodes::new(), xml_wish)),
        "properties" => {
            let add = |edit: Properties, wish| match wish {
                PropertyWish::Set { key, to } => edit.set(key, to.value()),
                PropertyWish::Remove(key) => edit.remove(key),
            };
            Box::new(parse::<Vec<PropertyWish>>(yaml).into_iter().fold(Properties::new(), add))
        }
        "managed_block" => {
            let block: Block = parse(yaml);
            Box::new(ManagedBlock::new(block.name, block.prefix, block.lines))
        }
        "line" => {
            let line: WantedLine = parse(yaml);
            let edit = Line::new(line.wanted);
            let edit = line.replacing.into_iter().fold(edit, Line::replacing);
            Box::new(if line.absent { edit.absent() } else { edit })
        }
        "hosts_entry" => {
            let hosts: Hosts = parse(yaml);
            Box::new(HostsEntry::new(hosts.address, hosts.names))
        }
        other => panic!("no editor is called {other}"),
    }
}

fn toml_wish(edit: TomlKeys, wish: TomlWish) -> TomlKeys {
    match wish {
        TomlWish::Set { path, to } => edit.set_path(path, to.value()),
        TomlWish::Remove { path } => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            edit.remove(&path)
        }
    }
}

fn xml_wish(edit: XmlNodes, wish: XmlWish) -> XmlNodes {
    match wish {
        XmlWish::Text { path, to } => edit.text(path, to.value()),
        XmlWish::Attribute { path, name, to } => edit.attribute(path, name, to.value()),
        XmlWish::Subtree { parent, key, xml } => edit.subtree(parent, key, xml),
        XmlWish::Remove(path) => edit.remove(path),
        XmlWish::Uncomment(path) => edit.uncomment(path),
        XmlWish::CommentOut(path) => edit.comment_out(path),
    }
}

fn parse<T: DeserializeOwned>(yaml: &str) -> T {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("edits.yaml: {error}"))
}
