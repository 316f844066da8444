//! Floor 2: one thing on a host: how to look, how to tell, how to mend. Pure functions from text to text.

pub mod edit;

mod attributes;
mod command;
mod content;
mod diff;
mod directory;
mod edited_file;
mod failure;
mod found;
mod leftover;
mod mount_point;
pub mod process;
mod rollback;
mod schema;
mod staged_files;
mod symlink;
mod together;
mod unpack;
mod upload;
mod whole_file;

pub use command::Command;
pub use content::Content;
pub use directory::Directory;
pub use edited_file::{EditedFile, WhenAbsent};
pub use failure::explain_failure;
pub use found::{Found, FoundFile, Look};
pub use mount_point::MountPoint;
pub use rollback::Rollback;
pub use schema::{Schema, SchemaScript};
pub use staged_files::{Service, StagedContent, StagedFile, StagedFiles};
pub use symlink::Symlink;
pub use together::together;
pub use unpack::Unpack;
pub use upload::Upload;
pub use whole_file::WholeFile;

use std::any::Any;

use crate::model::{Blob, RemotePath, Script, StepName};
use process::NodeState;

/// The shell functions that every probe may use: what comes before the probes of a host.
pub const LOOK: &str = include_str!("look.sh");

/// The shell functions that every mend may use: what comes before the mends of a host.
///
/// `HACTL_BLOBS` and `HACTL_BACKUP` must be set.
pub const MEND: &str = concat!(
    include_str!("mend.sh"),
    "\n",
    include_str!("drafts.sh"),
    "\n",
    include_str!("digests.sh"),
    "\n",
    include_str!("link.sh"),
    "\n",
    include_str!("unpack.sh")
);

/// Everything that comes before the probes of `resources` in one script: the functions, and one look at all their paths
/// together, which saves a process for each of them.
pub fn look_ahead<'r>(resources: impl IntoIterator<Item = &'r dyn Resource>, script: &mut Script) {
    script.functions(LOOK);
    let mut paths: Vec<&str> =
        resources.into_iter().flat_map(|resource| resource.paths()).map(RemotePath::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    if !paths.is_empty() {
        script.call("hactl_look_ahead", &paths);
    }
}

/// One thing on a host. Knows how to look and how to mend; never talks to the host itself.
// `Any`, so that two wishes for one thing can be compared.
pub trait Resource: Any + Send + Sync {
    /// Its kind and place, unique on its host: `file:/opt/wso2is/repository/conf/deployment.toml`.
    fn id(&self) -> String;

    /// The path that its probe looks at with `hactl_look` or `hactl_look_digest`, if any: see [`look_ahead`].
    fn path(&self) -> Option<&RemotePath> {
        None
    }

    /// All paths that its probe may look at, for one look at those of all items together.
    fn paths(&self) -> Vec<&RemotePath> {
        self.path().into_iter().collect()
    }

    /// Where it is on the host, if it is at one place: what lies below a folder that is still to be made can't be known.
    fn place(&self) -> Option<&RemotePath> {
        self.path()
    }

    /// The places that must be there before anything can be told: its own, or what it looks with.
    fn grounds(&self) -> Vec<&RemotePath> {
        self.place().into_iter().collect()
    }

    /// What its mend brings: a folder with everything that is in it, or a file.
    fn creates(&self) -> Option<&RemotePath> {
        None
    }

    /// Does it go by what is at `place`, though it is not there itself? A change there may change what it wants.
    fn reads(&self, _place: &RemotePath) -> bool {
        false
    }

    /// Appends shell that prints what is there and changes nothing.
    ///
    /// It runs in a subshell of its own with the functions of `look.sh`, standard input empty and `LC_ALL=C`.
    fn probe(&self, script: &mut Script);

    /// Tells from what the probe printed whether this is as wanted, and if not, how to mend it.
    ///
    /// # Errors
    /// When it can't be told, or must not be mended: nothing of this host is touched then.
    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError>;
}

/// What a probe printed and how it ended. A probe that never ran has no `Seen`: it is unknown, not absent.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Standard output, byte for byte.
    pub stdout: &'a [u8],
    /// Standard error.
    pub stderr: &'a [u8],
    /// The probe's exit status.
    pub status: u32,
}

/// What is to be done about a resource. `mend` is empty exactly when `changes` is.
#[derive(Debug, Default)]
pub struct Assessment {
    /// Why it is as wanted, or what is wrong with it: one short line.
    pub because: String,
    /// What would change, as the plan shows it: never a secret.
    pub changes: Vec<Change>,
    /// Shell that makes it so, with the functions of `mend.sh`, under `set -e`.
    pub mend: Script,
    /// How `mend` goes together with those beside it.
    pub kin: Kin,
    /// Files that must be on the host before `mend` runs; each is at `$HACTL_BLOBS/SHA256`.
    pub needs: Vec<Blob>,
    /// The step whose mend brings the folder that this lies below: until then nothing can be told, and nothing is mended.
    pub known_after: Option<StepName>,
    /// Things that are right as wanted and still not good: shown, never counted.
    pub warnings: Vec<String>,
    /// What was seen of a node's process, where this is one.
    pub node: Option<NodeState>,
}

/// How a mend goes together with those of other items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kin {
    /// It may change what others write to: those after it are prepared after it.
    #[default]
    Apart,
    /// It only makes something where nothing was.
    Beside,
    /// It is one `hactl_put`, which can be prepared together with others.
    Draft,
}

impl Assessment {
    /// Nothing to do.
    pub fn in_place(because: impl Into<String>) -> Self {
        Self { because: because.into(), ..Self::default() }
    }

    /// What can't be told before `step` has brought the folder that it lies below.
    pub fn known_after(step: StepName) -> Self {
        Self { because: format!("known after {step}"), known_after: Some(step), ..Self::default() }
    }

    /// Says why: `pending` when there is something to do, and that it is as wanted when there is not.
    fn because(mut self, pending: &str) -> Self {
        pending.clone_into(&mut self.because);
        if self.is_in_place() {
            "as wanted".clone_into(&mut self.because);
        }
        self
    }

    /// Is there nothing to do?
    pub fn is_in_place(&self) -> bool {
        self.changes.is_empty() && self.known_after.is_none()
    }
}

/// One line of a plan, and the lines below it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Change {
    /// The step that wants it; `None` when the resource has only one step.
    pub step: Option<StepName>,
    /// What changes: `server.hostname: "localhost" -> "sso.example.com"`. Never a secret.
    pub what: String,
    /// A unified diff, where the change is a text of several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

impl Change {
    /// A change in one line.
    pub fn new(what: impl Into<String>) -> Self {
        Self { step: None, what: what.into(), diff: None }
    }
}

/// Why a resource can't be told or must not be mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct AssessError {
    /// A stable word for this kind of failure; `hactl explain CODE` tells more.
    pub code: &'static str,
    /// What is wrong, with the place: a sentence without a full stop, never a secret.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl AssessError {
    /// An error without a hint.
    pub fn new(code: &'static str, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), hint: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
