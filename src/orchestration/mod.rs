//! Floor 4: who, in what order, how many at once, and what if one fails. The only callers of [`crate::transport`].

mod apply;
mod archive;
mod blobs;
mod controller;
mod each;
mod event;
mod fence;
mod fleet;
mod journal;
mod lock;
mod look;
mod mend;
mod outcome;
mod plan;
pub mod playbook;
mod preflight;
mod progress;
mod report;
mod run_id;
mod selection;
mod stop;

pub use apply::{ApplyOptions, apply};
pub use blobs::check_local_files;
pub use controller::Controller;
pub use event::{Event, Events, Phase};
pub use fleet::{Fleet, FleetError, FleetOptions, profiles};
pub use journal::{Journal, JournalError, RunRecord, list_runs, read_run};
pub use lock::{LockOptions, LockState, release_locks, show_locks};
pub use outcome::{Exit, Failure, Outcome};
pub use plan::plan;
pub use playbook::{Batch, On, Playbook, StageStep};
pub use preflight::preflight;
pub use report::{FindingReport, HostReport, ItemReport, Report, StageReport};
pub use run_id::RunId;
pub use selection::{Selection, SelectionError};
pub use stop::Stop;
