//! What commands on hosts print, line by line, and what they came to: for `exec` and `logs`.

mod fetched;
pub(super) mod forms;
mod harmless;
mod printer;
mod summary;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::Refusal;
use super::arguments::{Output, Talk};
use super::console::Console;
use super::session::block_on_saying;
use super::signals::CALLS;
use crate::orchestration::exec::{CallOptions, Calls, End, WAITING};
use crate::orchestration::{Exit, Stop};
use fetched::Fetched;
pub(super) use fetched::Merge;
use printer::{Form, Printer};

/// How long the last lines may take to be printed after somebody asked to stop.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How the calls are told.
pub(super) struct Telling<'a> {
    /// The form and the loudness.
    pub(super) talk: &'a Talk,
    /// Where to.
    pub(super) console: &'a Console,
    /// Is each line preceded by its host's name?
    pub(super) prefix: bool,
    /// Do the commands go on until somebody has seen enough? Then it is well where nobody reads on, as behind `| head`.
    pub(super) endless: bool,
    /// Are the lines logs that are merged by their time, before they are printed?
    pub(super) merge: Option<Merge>,
}

/// Makes the calls, prints what they print, and then what they came to.
pub(super) fn make(calls: Calls, options: CallOptions, telling: &Telling<'_>) -> Result<Exit, Refusal> {
    let Telling { talk, console, .. } = telling;
    let form = match talk.output {
        Output::Text => Form::Text { prefix: telling.prefix },
        Output::Json => Form::Json,
        Output::Jsonl => Form::Jsonl,
    };
    let calls = Arc::new(calls);
    let (tell, told) = mpsc::channel(WAITING);
    let (done, printed) = oneshot::channel();
    let fetched = telling.merge.map(|merge| Fetched::new(calls.len(), merge));
    let printer = Printer::new(&calls, form, fetched, console).at_once(telling.endless);
    // Not one of the runtime's threads: writing to a pipe that nobody reads lasts for ever.
    std::thread::spawn(move || drop(done.send(printer.run(told))));
    let (ends, kept, asked) = block_on_saying(console, CALLS, async |stop| {
        let ends = calls.make(&options, tell, &stop).await;
        let kept = tokio::select! {
            kept = printed => kept.ok(),
            () = no_longer(&stop) => None,
        };
        calls.close().await;
        Ok((ends, kept, stop.asked()))
    })?;
    let closed = kept.as_ref().is_some_and(|kept| kept.closed);
    let judge = |end: &End| match end {
        End::Interrupted | End::NotBegun if closed && telling.endless => Exit::Success,
        // Why it was not begun, or ended, says the exit code of who asked for it.
        End::Interrupted | End::NotBegun if asked.is_some() => Exit::Success,
        end => end.exit(),
    };
    let exit = ends.iter().map(judge).fold(asked.unwrap_or(Exit::Success), Exit::and);
    let reports = forms::reports(&calls, &ends, kept);
    match talk.output {
        Output::Text => summary::print(&calls, &ends, telling),
        Output::Json => console.result(&format!("{:#}", serde_json::json!(forms::result(exit, reports)))),
        Output::Jsonl => {
            let last = forms::CallEvent::Result { result: forms::result(exit, reports) };
            console.result(&serde_json::json!(last).to_string());
        }
    }
    Ok(exit)
}

async fn no_longer(stop: &Stop) {
    stop.wait().await;
    tokio::time::sleep(LAST_LINES).await;
}
