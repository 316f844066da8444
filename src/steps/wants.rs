//! What the steps want on one host, gathered in the order of the playbook.

use std::any::Any;

use super::StepError;
use crate::model::{RemotePath, StepName};
use crate::resources::Resource;
use crate::resources::edit::Edit;
use crate::resources::{EditedFile, WhenAbsent};

/// What the steps want on one host.
#[derive(Default)]
pub struct Wants {
    stage: usize,
    step: Option<StepName>,
    items: Vec<Item>,
    conflict: Option<StepError>,
}

/// One resource, and who wants it.
pub struct Item {
    /// The stage in which it is mended: its index in the playbook.
    pub stage: usize,
    /// The steps that want it, the first one first.
    pub steps: Vec<StepName>,
    /// What is wanted.
    pub resource: Wanted,
}

/// A resource, or a file that several steps edit.
pub enum Wanted {
    /// One step's resource.
    Resource(Box<dyn Resource>),
    /// A file with every edit that any step wants of it, so that it is read once and written once.
    File(EditedFile),
}

impl Wanted {
    /// The resource.
    pub fn resource(&self) -> &dyn Resource {
        match self {
            Self::Resource(resource) => resource.as_ref(),
            Self::File(file) => file,
        }
    }
}

impl Wants {
    /// What follows is wanted by `step` in the stage with this index.
    pub fn begin(&mut self, stage: usize, step: StepName) {
        self.stage = stage;
        self.step = Some(step);
    }

    /// Wants a resource. Two steps may want the same; what they want of one place must be equal.
    pub fn add<R: Resource + PartialEq>(&mut self, resource: R) {
        let (stage, steps) = (self.stage, Vec::from_iter(self.step));
        let id = resource.id();
        let Some(known) = self.items.iter().position(|item| same_place(&item.resource.resource().id(), &id)) else {
            self.items.push(Item { stage, steps, resource: Wanted::Resource(Box::new(resource)) });
            return;
        };
        let equal = |item: &Item| match &item.resource {
            Wanted::Resource(there) => (there.as_ref() as &dyn Any).downcast_ref() == Some(&resource),
            Wanted::File(_) => false,
        };
        match self.items.get_mut(known) {
            Some(item) if equal(item) => item.steps.extend(steps),
            _ => self.refuse(known, &id),
        }
    }

    /// Wants an edit of a file. It joins the edits that earlier steps want of the same file, in their stage.
    pub fn edit(&mut self, path: &RemotePath, absent: WhenAbsent, edit: impl Edit + 'static) {
        let step = self.step;
        let mut file = EditedFile::new(path.clone());
        let id = file.id();
        let known = self.items.iter().position(|item| same_place(&item.resource.resource().id(), &id));
        match known.and_then(|known| self.items.get_mut(known)) {
            None => {
                file.and(step, absent, edit);
                self.items.push(Item { stage: self.stage, steps: Vec::from_iter(step), resource: Wanted::File(file) });
            }
            Some(Item { steps, resource: Wanted::File(file), .. }) => {
                if steps.last() != step.as_ref() {
                    steps.extend(step);
                }
                file.and(step, absent, edit);
            }
            Some(_) => self.refuse(known.unwrap_or_default(), &id),
        }
    }

    fn refuse(&mut self, known: usize, id: &str) {
        let steps = self.items.get(known).map(|item| item.steps.as_slice()).unwrap_or_default();
        let name = |step: Option<&StepName>| step.map_or_else(|| "the playbook".to_owned(), |step| format!("`{step}`"));
        let (first, second) = (name(steps.first()), name(self.step.as_ref()));
        self.conflict.get_or_insert_with(|| StepError {
            code: "wanted-twice",
            at: String::new(),
            cause: format!("{first} and {second} want different things of {id}"),
            hint: Some("leave one of the two steps out, or give them different places".to_owned()),
        });
    }

    /// Everything that is wanted, in order.
    ///
    /// # Errors
    /// When two steps want different things of one place.
    pub fn into_items(self) -> Result<Vec<Item>, StepError> {
        match self.conflict {
            Some(conflict) => Err(conflict),
            None => Ok(self.items),
        }
    }
}

/// Do two resources' ids name one place, though perhaps in two ways, such as a file and a link at one path?
fn same_place(one: &str, other: &str) -> bool {
    let place = |id: &str| match id.split_once(':') {
        // A command is not at the place of the program it begins with, nor is a process its home.
        Some((kind, place)) if kind != "command" && kind != "process" && place.starts_with('/') => {
            Some(place.to_owned())
        }
        _ => None,
    };
    one == other || place(one).is_some_and(|one| Some(one) == place(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{Command, Directory, Symlink, WholeFile};

    fn wants(wish: impl Fn(&mut Wants, RemotePath)) -> Wants {
        let mut wants = Wants::default();
        for name in ["first", "second"] {
            wants.begin(0, StepName(name));
            wish(&mut wants, "/srv/x".parse().unwrap());
        }
        wants
    }

    #[test]
    fn what_two_steps_want_alike_is_wanted_once() {
        let items = wants(|wants, path| wants.add(Directory::new(path).mode(0o755))).into_items().unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].steps, [StepName("first"), StepName("second")]);
    }

    #[test]
    fn two_wishes_for_one_place_are_an_error_that_names_both_steps() {
        let mut different = wants(|wants, path| wants.add(WholeFile::new(path, "a")));
        different.add(WholeFile::new("/srv/x".parse().unwrap(), "b"));
        let mut kinds = wants(|wants, path| wants.add(WholeFile::new(path, "a")));
        kinds.add(Symlink::new("/srv/x".parse().unwrap(), "/srv/y".parse().unwrap()));
        for wants in [different, kinds] {
            let error = wants.into_items().map(|items| items.len()).unwrap_err();
            assert_eq!(error.code, "wanted-twice");
            assert!(error.cause.starts_with("`first` and `second` want"), "{error}");
        }
    }

    #[test]
    fn a_command_may_be_named_like_a_file() {
        let mut wants = wants(|wants, path| wants.add(WholeFile::new(path, "a")));
        wants.add(Command::new("/srv/x"));
        assert_eq!(wants.into_items().unwrap().len(), 2);
    }
}
