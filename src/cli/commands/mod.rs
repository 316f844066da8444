//! One file per command that does more than print.

mod apply;
mod exec;
mod hosts;
mod lab;
mod lock;
mod logs;
mod look;
mod preflight;
mod rollback;
mod runs;
mod words;

use super::Refusal;
use super::arguments::{Command, LockAction, Talk};
use super::console::Console;
use crate::orchestration::Exit;

/// Runs one command.
pub(super) fn run(command: &Command, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    match command {
        Command::Init(arguments) => words::init(arguments, console),
        Command::Validate(arguments) => words::validate(arguments, talk, console),
        Command::Schema(arguments) => words::schema(arguments, console),
        Command::Hosts(action) => hosts::hosts(action, talk, console),
        Command::Preflight(arguments) => preflight::preflight(arguments, talk, console),
        Command::Plan(arguments) => look::plan(arguments, talk, console),
        Command::Status(arguments) => look::status(arguments, talk, console),
        Command::Apply(arguments) => apply::apply(arguments, talk, console),
        Command::Runs(arguments) => runs::runs(arguments, talk, console),
        Command::Rollback(arguments) => rollback::rollback(arguments, talk, console),
        Command::Lock(arguments) => match &arguments.action {
            LockAction::Status(at) => lock::status(at, talk, console),
            LockAction::Release(release) => lock::release(release, talk, console),
        },
        Command::Exec(arguments) => exec::exec(arguments, talk, console),
        Command::Logs(arguments) => logs::logs(arguments, talk, console),
        Command::Lab(action) => lab::lab(action, console),
        Command::LabProgram(program) => lab::program(program, console),
        Command::Explain(arguments) => words::explain(arguments, console),
        Command::Completion(arguments) => words::completion(arguments, console),
        Command::Man => words::man(console),
        Command::Version => words::version(console),
    }
}
