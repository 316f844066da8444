//! The forms of `--output json` and `--output jsonl`: what is printed, and what `hactl schema` describes.

use schemars::JsonSchema;
use serde::Serialize;

use super::console::Console;
use crate::orchestration::{Event, Report};

/// What `--output json` prints for plan, status, apply and rollback.
#[derive(Serialize, JsonSchema)]
pub(super) struct Results<'a> {
    /// The version of this form: 1. A key may be added without a new version, none is renamed or removed.
    pub(super) version: u8,
    /// The exit code, over all clusters.
    pub(super) exit: u8,
    /// Each cluster that was begun, in the order of the inventory.
    pub(super) clusters: &'a [Report],
}

/// What `--output json` prints for a command of `hosts`, and the last line of its `--output jsonl`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Told<'a, R> {
    /// The version of this form: 1. A key may be added without a new version, none is renamed or removed.
    pub(super) version: u8,
    /// The exit code, over all clusters.
    pub(super) exit: u8,
    /// Each cluster that was asked for, in the order of the inventory.
    pub(super) clusters: &'a [R],
}

/// A line of `--output jsonl`: an event as it happens, or the last line.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Line<'a> {
    /// Something that happened.
    Event(&'a Event),
    /// The end.
    Last(Last<'a>),
}

/// The last line of `--output jsonl`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Last<'a> {
    /// What it all came to.
    Result {
        /// The same as `--output json` prints.
        result: Results<'a>,
    },
}

/// Prints one line of JSON.
pub(super) fn json_line(console: &Console, line: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(line) {
        console.result(&line);
    }
}
