//! Programs of this machine.

use std::ffi::OsStr;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// A program that is to be started with these words. It ends with us, and has a process group of its own: a Ctrl-C at the
/// terminal is for hactl, which lets it finish or ends it.
#[expect(clippy::disallowed_methods, reason = "the transports are what starts local programs")]
pub(super) fn program(name: impl AsRef<OsStr>, words: impl IntoIterator<Item: AsRef<OsStr>>) -> Command {
    let mut program = Command::from(std::process::Command::new(name));
    program.args(words).process_group(0).kill_on_drop(true);
    program
}

/// A running program, and what it has started.
pub(super) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group of what [`program`] has started.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// Ends all of it at once, where it has not ended by itself.
    pub(super) fn kill(&self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
