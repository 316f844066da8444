//! What calls came to, in a few lines.

use std::fmt::Write as _;

use super::Telling;
use super::printer::label;
use crate::cli::console::{DIM, RED, styled};
use crate::orchestration::exec::{Calls, End};

/// Says what went wrong where, and how many went well.
pub(super) fn print(calls: &Calls, ends: &[End], telling: &Telling<'_>) {
    let mut hops = Vec::new();
    let mut text = String::new();
    for (call, end) in calls.iter().zip(ends) {
        let Some(failure) = end.failure() else { continue };
        let error = styled(RED, "error:");
        if let Some(hop) = failure.hop() {
            if hops.contains(&hop) {
                let _ = writeln!(text, "{error} {}: behind jump host {hop}, as above", label(calls, call));
                continue;
            }
            hops.push(hop);
        }
        let code = styled(DIM, format_args!("[{}]", failure.code));
        let _ = writeln!(text, "{error} {}: {} {code}", label(calls, call), failure.cause);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
    }
    if !text.is_empty() {
        telling.console.error(text.trim_end());
    }
    let line = line(calls, ends);
    let enough = |end: &End| telling.endless && matches!(end, End::Interrupted | End::NotBegun);
    let well = ends.iter().all(|end| end.is_success() || enough(end));
    match well {
        // One host that did what it should needs no words.
        true if calls.len() == 1 || telling.endless || telling.merge.is_some() => {}
        true => telling.console.talk(&line),
        false => telling.console.error(&line),
    }
}

/// Such as `3 hosts: 2 ok, 1 failed: is-2 status 3`.
fn line(calls: &Calls, ends: &[End]) -> String {
    let each = |word: &str| -> Vec<String> {
        let with = calls.iter().zip(ends).filter(|(_, end)| end.word() == word);
        with.map(|(call, end)| match end {
            End::Ended(ending) if !ending.is_success() => format!("{} {ending}", label(calls, call)),
            _ => label(calls, call),
        })
        .collect()
    };
    let words = [
        ("failed", "failed"),
        ("interrupted", "ended early"),
        ("not_begun", "not begun"),
        ("left", "told to end and not heard of, so it may still run there"),
        ("unknown", "unknown"),
    ];
    let hosts = if calls.len() == 1 { "1 host".to_owned() } else { format!("{} hosts", calls.len()) };
    let mut parts = vec![format!("{} ok", each("ok").len())];
    for (word, shown) in words {
        let which = each(word);
        if !which.is_empty() {
            parts.push(format!("{} {shown}: {}", which.len(), which.join(", ")));
        }
    }
    format!("{hosts}: {}", parts.join("; "))
}
