//! Process 1 of the lab's hosts: whatever loses its parent there becomes a child of the lab, and is collected.
//!
//! Without it, an ended node would stay a zombie on machines whose own process 1 collects nothing, and its start script
//! would say `Process is already running`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// The children that somebody waits for by himself.
#[derive(Clone, Default)]
pub(super) struct Reaper(Arc<Mutex<HashSet<u32>>>);

impl Reaper {
    /// Makes this process the parent of every orphan below it, and collects the ended ones from now on.
    pub(super) fn start() -> Self {
        let reaper = Self::default();
        // Where the kernel does not know it, orphans go to process 1, as they would without a lab.
        #[cfg(target_os = "linux")]
        let _ = nix::sys::prctl::set_child_subreaper(true);
        let own = reaper.clone();
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(50));
            loop {
                beat.tick().await;
                while own.collect() {}
            }
        });
        reaper
    }

    /// Starts a program that its caller waits for.
    pub(super) fn spawn(&self, command: &mut Command) -> std::io::Result<Child> {
        // Held while the child is not in the list yet: it may end at once.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        known.extend(child.id());
        Ok(child)
    }

    /// A child that has been waited for.
    pub(super) fn forget(&self, pid: Option<u32>) {
        if let Some(pid) = pid {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
        }
    }

    /// The children that somebody waits for, each the leader of a group.
    pub(super) fn groups(&self) -> Vec<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Collects one orphan that has ended. Was there any?
    fn collect(&self) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let Some(pid) = waitid(Id::All, flags).ok().and_then(|status| status.pid()) else { return false };
        // One that is waited for is collected by its own waiter, and then the next one is seen.
        !pid.as_raw().try_into().is_ok_and(|pid: u32| known.contains(&pid))
            && waitpid(Pid::from_raw(pid.as_raw()), Some(WaitPidFlag::WNOHANG)).is_ok()
    }
}
