//! The program `hactl`: the one place that exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(hactl::cli::run(std::env::args_os()).code())
}
