//! Floor 0: the nouns. No I/O, no clock, no environment.

mod archive;
mod blob;
mod digest;
mod names;
mod placeholder;
mod quote;
mod redact;
mod script;
mod secret;
mod state;

pub mod balancer;
pub mod inventory;
pub mod profile;

pub use archive::Archive;
pub use blob::Blob;
pub use digest::{Sha256, Sha256Error};
pub use names::{HostName, NameError, PathError, RemotePath, StepName};
pub use placeholder::{Form, fill, placeholders};
pub use quote::quote;
pub use redact::Redactor;
pub use script::Script;
pub use secret::Secret;
pub use state::state_folder;
