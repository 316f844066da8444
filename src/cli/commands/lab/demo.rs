//! `hactl lab demo`: the whole way, as typed and as answered.

use crate::cli::Refusal;
use crate::cli::arguments::LabDemo;
use crate::cli::console::Console;
use crate::orchestration::Exit;

pub(super) fn demo(_: &LabDemo, _: &Console) -> Result<Exit, Refusal> {
    Err(Refusal::failed("not yet".to_owned()))
}
