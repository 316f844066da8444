//! `hactl hosts`: the way to the hosts.

mod trust;

use crate::cli::Refusal;
use crate::cli::arguments::{HostsAction, Talk};
use crate::cli::console::Console;
use crate::orchestration::Exit;

pub(super) fn hosts(action: &HostsAction, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    match action {
        HostsAction::Trust(arguments) => trust::trust(arguments, talk, console),
    }
}
