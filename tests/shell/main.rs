//! The scripts of every resource, run by the shells that hosts have: look, tell, mend, look again.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "what these tests are built on may panic and talk too")]

mod drafts;
mod facts;
mod faults;
mod files;
mod folders_and_links;
mod host;
mod playbook;
mod preflight;
mod process;
mod rollback;
mod unpack;
