//! The machine and the person that hactl runs for: who holds a lock, and whether that process still lives.

use std::path::PathBuf;

/// Who runs hactl, and where.
#[derive(Debug, Clone)]
pub struct Controller {
    /// The user's name.
    pub user: String,
    /// The machine's name.
    pub machine: String,
    /// The user's home folder, where there is one.
    pub home: Option<PathBuf>,
    /// Where runs are kept on this machine: `…/hactl/runs`.
    pub runs: PathBuf,
    /// This machine and boot, so that a process number means something.
    pub boot: String,
    /// This process: its number and start time.
    pub process: String,
}

impl Controller {
    /// Asks the system. `home` and `state` come from the environment, which only the cli reads.
    pub fn here(user: String, home: Option<PathBuf>, runs: PathBuf) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
        let machine = read("/proc/sys/kernel/hostname").unwrap_or_else(|_| "unknown".to_owned());
        let boot = read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let process = std::process::id();
        let process = start_time(process).map_or_else(String::new, |start| format!("{process}.{start}"));
        Self { user, machine, home, runs, boot, process }
    }

    /// `user@machine`, as a lock's owner is shown.
    pub fn owner(&self) -> String {
        format!("{}@{}", self.user, self.machine)
    }

    /// Is the process that took a lock known to be gone? Only this machine's own processes, of this boot, can be told.
    pub fn knows_dead(&self, boot: &str, process: &str) -> bool {
        if self.boot.is_empty() || boot != self.boot {
            return false;
        }
        let Some((number, start)) = process.split_once('.') else {
            return false;
        };
        // A number that is in use again belongs to a process that started later.
        number.parse().is_ok_and(|number: u32| start_time(number).is_none_or(|now| now != start))
    }
}

/// When a process started, in ticks since boot; `None` when there is no such process, or it is only waiting to be reaped.
fn start_time(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold blanks and parentheses; the fields after it do not.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_only_its_own_machine_s_dead_processes() {
        let here = Controller::here("ops".into(), None, "/nowhere".into());
        assert!(!here.knows_dead(&here.boot, &here.process), "this very process lives");
        let (number, _) = here.process.split_once('.').unwrap();
        assert!(here.knows_dead(&here.boot, &format!("{number}.1")), "the number was given to another process");
        assert!(!here.knows_dead("another-boot", "1.1"));
        assert!(!here.knows_dead(&here.boot, "nonsense"));
    }
}
