//! From a playbook's YAML to wishes.

use super::fields::Fields;
use super::leaf::{Leaf, keys, split_key};
use super::template::{Site, Template};
use super::{Generic, Source, Wish};
use crate::model::StepName;
use crate::model::inventory::tree::{Kind, Node};
use crate::model::inventory::{LocalFile, Place, Problem, Span};

/// The kinds of generic steps.
pub(crate) const KINDS: [&str; 11] =
    ["directory", "file", "toml", "xml", "properties", "line", "block", "hosts", "symlink", "upload", "command"];

struct Reader<'n, 'p> {
    fields: Fields<'n, 'p>,
    place: &'p Place,
    kind: &'static str,
    /// How many problems there were before this step.
    before: usize,
}

impl Generic {
    /// Reads the step `kind` with its settings; `None` when something is wrong with it.
    pub(crate) fn read(
        kind: &'static str,
        settings: &Node,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let before = problems.len();
        let mut reader = Reader { fields: Fields::of(settings, kind, problems), place, kind, before };
        let wish = reader.wish();
        reader.fields.finish();
        (problems.len() == before).then_some(())?;
        Some(Self { name: StepName(kind), wish: wish? })
    }
}

impl Reader<'_, '_> {
    fn wish(&mut self) -> Option<Wish> {
        Some(match self.kind {
            "directory" => {
                let (path, mode, owner) = (self.path("path"), self.mode(), self.optional("owner"));
                let path = path?;
                Wish::Directory { path, mode, owner }
            }
            "file" => self.file()?,
            "toml" => {
                let path = self.path("path");
                let (set, remove) = (self.set(), self.removed_keys());
                self.something(set.is_empty() && remove.is_empty(), "`set` or `remove`");
                let path = path?;
                Wish::Toml { path, set, remove }
            }
            "properties" => {
                let path = self.path("path");
                let (set, remove) = (self.set_flat(), self.templates("remove"));
                self.something(set.is_empty() && remove.is_empty(), "`set` or `remove`");
                let path = path?;
                Wish::Properties { path, set, remove }
            }
            "xml" => self.xml()?,
            "line" => {
                let (path, line, replacing) = (self.path("path"), self.text("line"), self.optional("replacing"));
                let (path, line) = (path?, line?);
                Wish::Line { path, line, replacing }
            }
            "block" => {
                let (path, name, lines) = (self.path("path"), self.text("name"), self.templates("lines"));
                let comment = self.optional("comment");
                let (path, name) = (path?, name?);
                Wish::Block { path, name, comment, lines }
            }
            "hosts" => {
                let (address, names) = (self.text("address"), self.templates("names"));
                self.something(names.is_empty(), "`names`");
                let address = address?;
                Wish::Hosts { address, names }
            }
            "symlink" => {
                let (path, target) = (self.path("path"), self.path("target"));
                let (path, target) = (path?, target?);
                Wish::Symlink { path, target }
            }
            "upload" => {
                let source = self.fields.text("source");
                let source = source.map(|(text, span)| self.source(text, span));
                let sha256 = self.sha256();
                let (path, mode, owner) = (self.path("path"), self.mode(), self.optional("owner"));
                let (source, path) = (source?, path?);
                Wish::Upload { source, sha256, path, mode, owner }
            }
            _ => {
                let (run, unless) = (self.text("run"), self.text("unless"));
                let (run, unless) = (run?, unless?);
                Wish::Command { run, unless }
            }
        })
    }

    fn file(&mut self) -> Option<Wish> {
        let (path, mode, owner) = (self.path("path"), self.mode(), self.optional("owner"));
        let (content, source) = (self.optional("content"), self.fields.optional_text("source"));
        let source = source.map(|(text, span)| self.source(text, span));
        self.something(content.is_some() == source.is_some(), "either `content` or `source`");
        let path = path?;
        match (content, source) {
            (Some(content), _) => Some(Wish::File { path, content, mode, owner }),
            (None, source) => Some(Wish::Upload { source: source?, sha256: None, path, mode, owner }),
        }
    }

    fn xml(&mut self) -> Option<Wish> {
        let path = self.path("path");
        let mut text = Vec::new();
        for entry in self.fields.entries("text") {
            let place = self.template(&entry.key, entry.key_span);
            let value = Leaf::read(&entry.value, &self.place.file, self.fields.problems());
            text.extend(value.map(|value| (place, value)));
        }
        let mut attribute = Vec::new();
        for entry in self.fields.entries("attribute") {
            let place = self.template(&entry.key, entry.key_span);
            let Kind::Mapping(values) = &entry.value.kind else {
                let problems = self.fields.problems();
                super::fields::wrong_type(entry.value.span, &entry.key, "`NAME: value` for each attribute", problems);
                continue;
            };
            for inner in values {
                let value = Leaf::read(&inner.value, &self.place.file, self.fields.problems());
                attribute.extend(value.map(|value| (place.clone(), inner.key.clone(), value)));
            }
        }
        let (uncomment, remove) = (self.templates("uncomment"), self.templates("remove"));
        let nothing = text.is_empty() && attribute.is_empty() && uncomment.is_empty() && remove.is_empty();
        self.something(nothing, "`text`, `attribute`, `uncomment` or `remove`");
        Some(Wish::Xml { path: path?, text, attribute, uncomment, remove })
    }

    fn template(&mut self, text: &str, span: Span) -> Template {
        let file = &self.place.file;
        Template::new(text, Site { file, span }, self.fields.problems())
    }

    fn text(&mut self, key: &'static str) -> Option<Template> {
        let (text, span) = self.fields.text(key)?;
        Some(self.template(text, span))
    }

    fn optional(&mut self, key: &'static str) -> Option<Template> {
        let (text, span) = self.fields.optional_text(key)?;
        Some(self.template(text, span))
    }

    fn templates(&mut self, key: &'static str) -> Vec<Template> {
        let texts = self.fields.texts(key);
        texts.into_iter().map(|(text, span)| self.template(text, span)).collect()
    }

    fn path(&mut self, key: &'static str) -> Option<Template> {
        let (text, span) = self.fields.text(key)?;
        let file = &self.place.file;
        Some(Template::path(text, Site { file, span }, self.fields.problems()))
    }

    fn mode(&mut self) -> Option<u32> {
        let (text, span) = self.fields.optional_text("mode")?;
        let digits = text.strip_prefix("0o").unwrap_or(text);
        match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o7777 && digits.len() >= 3 => Some(mode),
            _ => {
                let message = format!("`{text}` is not a mode");
                let problem = Problem::new("bad-format", Some(span), "mode", message);
                self.fields.problems().push(problem.hint("write it in octal, such as 0644"));
                None
            }
        }
    }

    fn sha256(&mut self) -> Option<crate::model::Sha256> {
        let (text, span) = self.fields.optional_text("sha256")?;
        let digest = text.parse();
        if let Err(error) = &digest {
            let problem = Problem::new("bad-format", Some(span), "sha256", format!("{error}"));
            self.fields.problems().push(problem);
        }
        digest.ok()
    }

    fn source(&mut self, text: &str, span: Span) -> Source {
        let path = match self.place.absolute(text) {
            Ok(path) => path,
            Err(why) => {
                let problem = Problem::new("bad-path", Some(span), "source", format!("`{text}` {why}"));
                self.fields.problems().push(problem);
                text.into()
            }
        };
        let file = &self.place.file;
        Source {
            at: Site { file, span }.at(),
            file: LocalFile { path, written: text.to_owned(), key: "source".to_owned(), span },
        }
    }

    fn set(&mut self) -> Vec<(Vec<String>, Leaf)> {
        let mut found = Vec::new();
        let entries = self.fields.entries("set");
        keys(entries, &[], &self.place.file, self.fields.problems(), &mut found);
        found
    }

    fn set_flat(&mut self) -> Vec<(String, Leaf)> {
        let mut found = Vec::new();
        for entry in self.fields.entries("set") {
            let leaf = Leaf::read(&entry.value, &self.place.file, self.fields.problems());
            found.extend(leaf.map(|leaf| (entry.key.clone(), leaf)));
        }
        found
    }

    fn removed_keys(&mut self) -> Vec<Vec<String>> {
        let mut removed = Vec::new();
        for (text, span) in self.fields.texts("remove") {
            match split_key(text) {
                Some(keys) => removed.push(keys),
                None => {
                    let message = format!("`{text}` is not a path of keys");
                    let problem = Problem::new("bad-key", Some(span), "remove", message);
                    self.fields.problems().push(problem.hint("join the keys by dots"));
                }
            }
        }
        removed
    }

    fn something(&mut self, missing: bool, wanted: &str) {
        if missing && self.fields.problems().len() == self.before {
            let message = format!("{} needs {wanted}", self.kind);
            let problem = Problem::new("missing-key", Some(self.fields.span()), self.kind, message);
            self.fields.problems().push(problem);
        }
    }
}
