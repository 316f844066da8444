//! Floor 5: words in, words out: arguments, prompts, rendering, exit codes.

pub mod arguments;
mod calls;
mod commands;
mod console;
mod explain;
mod findings;
mod host_keys;
pub mod inventory;
mod limits;
mod progress;
mod prompt;
mod refusal;
mod render;
mod results;
mod session;
mod signals;

pub use explain::{Explanation, all as explanations};

use std::ffi::OsString;

use clap::Parser as _;

use crate::orchestration::Exit;
use arguments::Arguments;
use console::Console;
use refusal::Refusal;

/// Runs hactl with these words, the program's name first, and says what to exit with.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; clap prints each where it belongs. Its own exit code 2 would read as "differs".
            let _ = error.print();
            if !error.use_stderr() {
                return Exit::Success;
            }
            refusal::unreadable(&error).print(refusal::output_in(&words), &Console::plain());
            return Exit::Usage;
        }
    };
    let console = Console::new(&arguments.talk);
    let exit = match commands::run(&arguments.command, &arguments.talk, &console) {
        Ok(exit) => exit,
        Err(refusal) => {
            refusal.print(arguments.talk.output, &console);
            refusal.exit
        }
    };
    match console.unwritten() {
        Some(error) => {
            console.error(&format!("error: the result could not be written to standard output: {error}"));
            exit.and(Exit::Failed)
        }
        None => exit,
    }
}
