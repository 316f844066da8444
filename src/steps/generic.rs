//! Steps that a playbook spells out itself: a folder, some keys of a file, a link, a command.

pub(crate) mod fields;
mod leaf;
mod read;
mod template;

use self::leaf::Leaf;
pub(crate) use self::read::KINDS;
use self::template::Template;
use super::{HostContext, Step, StepError, Wants};
use crate::model::inventory::LocalFile;
use crate::model::{Blob, RemotePath, Sha256, StepName};
use crate::resources::edit::{HostsEntry, Line, ManagedBlock, Properties, TomlKeys, XmlNodes};
use crate::resources::{Command, Directory, Symlink, Upload, WhenAbsent, WholeFile};

/// A step that a playbook spells out itself. Its name is its kind, such as `directory` or `toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generic {
    name: StepName,
    wish: Wish,
}

/// What a generic step wants.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Directory {
        path: Template,
        mode: Option<u32>,
        owner: Option<Template>,
    },
    File {
        path: Template,
        content: Template,
        mode: Option<u32>,
        owner: Option<Template>,
    },
    Toml {
        path: Template,
        set: Vec<(Vec<String>, Leaf)>,
        remove: Vec<Vec<String>>,
    },
    Xml {
        path: Template,
        text: Vec<(Template, Leaf)>,
        attribute: Vec<(Template, String, Leaf)>,
        uncomment: Vec<Template>,
        remove: Vec<Template>,
    },
    Properties {
        path: Template,
        set: Vec<(String, Leaf)>,
        remove: Vec<Template>,
    },
    Line {
        path: Template,
        line: Template,
        replacing: Option<Template>,
    },
    Block {
        path: Template,
        name: Template,
        comment: Option<Template>,
        lines: Vec<Template>,
    },
    Hosts {
        address: Template,
        names: Vec<Template>,
    },
    Symlink {
        path: Template,
        target: Template,
    },
    Upload {
        source: Source,
        sha256: Option<Sha256>,
        path: Template,
        mode: Option<u32>,
        owner: Option<Template>,
    },
    Command {
        run: Template,
        unless: Template,
    },
}

/// A local file that a playbook names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    file: LocalFile,
    /// Where it is named: `apply.yaml:12:7`.
    at: String,
}

impl Source {
    fn blob(&self, on: &HostContext<'_>, wanted: Option<Sha256>) -> Result<Blob, StepError> {
        let refuse =
            |code, cause, hint: &str| StepError { code, at: self.at.clone(), cause, hint: Some(hint.to_owned()) };
        let Some(blob) = on.blobs.iter().find(|blob| blob.source == self.file.path) else {
            let cause = format!("{} was not read", self.file.path.display());
            return Err(refuse("missing-file", cause, "is the file there, relative to the playbook?"));
        };
        match wanted.filter(|wanted| *wanted != blob.sha256) {
            Some(wanted) => {
                let cause = format!("{} has the digest {}, not {wanted}", self.file.path.display(), blob.sha256);
                Err(refuse("wrong-digest", cause, "fetch the file again, or correct `sha256`"))
            }
            None => Ok(blob.clone()),
        }
    }
}

impl Generic {
    /// The local file that must be read before this step can say what it wants: it is looked up in the context's blobs.
    pub fn local_file(&self) -> Option<&LocalFile> {
        match &self.wish {
            Wish::Upload { source, .. } => Some(&source.file),
            _ => None,
        }
    }
}

fn fill(text: Option<&Template>, on: &HostContext<'_>) -> Result<Option<String>, StepError> {
    text.map(|text| text.fill(on)).transpose()
}

fn fill_all(texts: &[Template], on: &HostContext<'_>) -> Result<Vec<String>, StepError> {
    texts.iter().map(|text| text.fill(on)).collect()
}

impl Step for Generic {
    fn name(&self) -> StepName {
        self.name
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        match &self.wish {
            Wish::Directory { path, mode, owner } => {
                let directory = Directory::new(path.fill_path(on)?).owner(fill(owner.as_ref(), on)?);
                wants.add(match mode {
                    Some(mode) => directory.mode(*mode),
                    None => directory,
                });
            }
            Wish::File { path, content, mode, owner } => {
                let file = WholeFile::new(path.fill_path(on)?, content.fill(on)?).owner(fill(owner.as_ref(), on)?);
                wants.add(match mode {
                    Some(mode) => file.mode(*mode),
                    None => file,
                });
            }
            Wish::Upload { source, sha256, path, mode, owner } => {
                let upload = Upload::new(source.blob(on, *sha256)?, path.fill_path(on)?);
                let upload = upload.owner(fill(owner.as_ref(), on)?);
                wants.add(match mode {
                    Some(mode) => upload.mode(*mode),
                    None => upload,
                });
            }
            Wish::Symlink { path, target } => {
                let link = Symlink::new(path.fill_path(on)?, target.fill_path(on)?);
                wants.add(link.adopt(on.allow.adopt));
            }
            Wish::Command { run, unless } => wants.add(Command::new(run.fill(on)?).unless(unless.fill(on)?)),
            _ => return self.edit(on, wants),
        }
        Ok(())
    }
}

impl Generic {
    fn edit(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        match &self.wish {
            Wish::Toml { path, set, remove } => {
                let mut keys = TomlKeys::new();
                for (key, value) in set {
                    keys = keys.set_path(key.clone(), value.fill(on)?);
                }
                for key in remove {
                    keys = keys.remove(&key.iter().map(String::as_str).collect::<Vec<_>>());
                }
                wants.edit(&path.fill_path(on)?, WhenAbsent::Refuse, keys);
            }
            Wish::Xml { path, text, attribute, uncomment, remove } => {
                let mut nodes = XmlNodes::new();
                for place in uncomment {
                    nodes = nodes.uncomment(place.fill(on)?);
                }
                for (place, value) in text {
                    nodes = nodes.text(place.fill(on)?, value.fill(on)?);
                }
                for (place, name, value) in attribute {
                    nodes = nodes.attribute(place.fill(on)?, name, value.fill(on)?);
                }
                for place in remove {
                    nodes = nodes.remove(place.fill(on)?);
                }
                wants.edit(&path.fill_path(on)?, WhenAbsent::Refuse, nodes);
            }
            Wish::Properties { path, set, remove } => {
                let mut properties = Properties::new();
                for (key, value) in set {
                    properties = properties.set(key, value.fill(on)?);
                }
                for key in fill_all(remove, on)? {
                    properties = properties.remove(key);
                }
                wants.edit(&path.fill_path(on)?, WhenAbsent::Refuse, properties);
            }
            Wish::Line { path, line, replacing } => {
                let mut wanted = Line::new(line.fill(on)?);
                if let Some(prefix) = replacing {
                    wanted = wanted.replacing(prefix.fill(on)?);
                }
                wants.edit(&path.fill_path(on)?, WhenAbsent::Refuse, wanted);
            }
            Wish::Block { path, name, comment, lines } => {
                let comment = fill(comment.as_ref(), on)?.unwrap_or_else(|| "#".to_owned());
                let block = ManagedBlock::new(name.fill(on)?, comment, fill_all(lines, on)?);
                wants.edit(&path.fill_path(on)?, WhenAbsent::Refuse, block);
            }
            Wish::Hosts { address, names } => {
                let text = address.fill(on)?;
                let hint = "write an IPv4 or IPv6 address";
                let entry = text
                    .parse()
                    .map_err(|_| address.refuse("bad-address", format!("`{text}` is not an address"), hint))?;
                let file: RemotePath = "/etc/hosts".parse().map_err(|error: crate::model::PathError| {
                    address.refuse("bad-remote-path", error.to_string(), hint)
                })?;
                wants.edit(&file, WhenAbsent::Refuse, HostsEntry::new(entry, fill_all(names, on)?));
            }
            Wish::Directory { .. }
            | Wish::File { .. }
            | Wish::Symlink { .. }
            | Wish::Upload { .. }
            | Wish::Command { .. } => {}
        }
        Ok(())
    }
}
