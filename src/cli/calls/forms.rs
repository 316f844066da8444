//! The forms of `--output json` and `--output jsonl` of `exec` and `logs`.

use schemars::JsonSchema;
use serde::Serialize;

use super::printer::{Kept, KeptCall};
use crate::model::HostName;
use crate::orchestration::exec::{Calls, End, Ending};
use crate::orchestration::{Exit, Failure};

/// A line of `--output jsonl`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(in crate::cli) enum CallEvent {
    /// A host printed a line.
    Line {
        /// The cluster's name.
        cluster: String,
        /// The host.
        host: HostName,
        /// The file that the line stands in; only with `logs`.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// `stdout` or `stderr`.
        stream: &'static str,
        /// The line without its end. Bytes that are no UTF-8 are replaced.
        line: String,
        /// Is it not the whole line? Then its rest follows in further events.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schemars(default)]
        part: bool,
    },
    /// A host printed more than was read in time.
    LeftOut {
        /// The cluster's name.
        cluster: String,
        /// The host.
        host: HostName,
        /// How many bytes are missing.
        bytes: u64,
    },
    /// The connection to a host died while a log was followed. It is made anew, for as long as that takes.
    Lost {
        /// The cluster's name.
        cluster: String,
        /// The host.
        host: HostName,
        /// The file.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// Why.
        cause: String,
    },
    /// The log is followed again, from behind the last byte that was shown.
    Again {
        /// The cluster's name.
        cluster: String,
        /// The host.
        host: HostName,
        /// The file.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// May lines be missing in between, because the log was rotated, and the old one can't be found?
        missed: bool,
    },
    /// A command is over.
    Over {
        /// How it went.
        #[serde(flatten)]
        call: CallReport,
    },
    /// The end.
    Result {
        /// The same as `--output json` prints, without the output.
        result: CallResult,
    },
}

/// What `--output json` prints.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct CallResult {
    /// The version of this form: 1.
    pub(super) version: u8,
    /// The exit code.
    pub(super) exit: u8,
    /// Each command, in the order of the inventory.
    pub(super) calls: Vec<CallReport>,
}

/// How it went on one host.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct CallReport {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The host.
    pub(super) host: HostName,
    /// The file; only with `logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// `ok`, `failed`, `interrupted`, `not_begun`, `left` (told to end, and not heard of) or `unknown`.
    pub(super) outcome: &'static str,
    /// The exit status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<String>,
    /// Why it failed, where the reason is not the command's own, or is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
    /// The first of what it printed; only with `--output json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stdout: Option<String>,
    /// See `stdout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stderr: Option<String>,
    /// How many bytes of its output are missing here.
    pub(super) left_out: u64,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) milliseconds: Option<u64>,
}

pub(super) fn result(exit: Exit, calls: Vec<CallReport>) -> CallResult {
    CallResult { version: 1, exit: exit.code(), calls }
}

/// Every call's report. What was kept of a call may be missing, where printing has not come to its end.
pub(super) fn reports(calls: &Calls, ends: &[End], kept: Option<Kept>) -> Vec<CallReport> {
    let kept =
        kept.map(|kept| kept.calls).unwrap_or_default().into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    calls.iter().zip(ends).zip(kept).map(|((call, end), kept)| report(call, end, kept.unwrap_or_default())).collect()
}

pub(super) fn report(call: &crate::orchestration::exec::Call, end: &End, kept: KeptCall) -> CallReport {
    let (status, signal) = match end {
        End::Ended(Ending::Status(status)) => (Some(*status), None),
        End::Ended(Ending::Signal(signal)) => (None, Some(signal.clone())),
        _ => (None, None),
    };
    let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    CallReport {
        cluster: call.cluster.clone(),
        host: call.host.clone(),
        file: call.about.clone(),
        outcome: end.word(),
        status,
        signal,
        failure: end.failure().cloned(),
        stdout: text(kept.stdout),
        stderr: text(kept.stderr),
        left_out: kept.left_out,
        milliseconds: kept.milliseconds,
    }
}
