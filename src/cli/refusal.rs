//! Why a command did not begin: for people on standard error, and with `--output json` for programs on standard output.

use std::ffi::OsString;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::Output;
use super::console::{Console, RED, styled};
use super::inventory::Failure;
use super::results::json_line;
use crate::model::inventory::{Problem, Severity};
use crate::orchestration::Exit;

/// The code of what is wrong with the command line itself.
const USAGE: &str = "wrong-usage";

/// Why a command did not begin, or broke off: what to print, and the exit code.
pub(super) struct Refusal {
    pub(super) exit: Exit,
    /// For people, where it is more than the problems in plain words.
    text: Option<String>,
    problems: Vec<RefusedProblem>,
}

/// What `--output json` prints where a command was refused with exit code 64 or 65, and `validate` always.
#[derive(Serialize, JsonSchema)]
pub(super) struct Refused<'a> {
    /// The version of this form: 1. A key may be added without a new version, none is renamed or removed.
    version: u8,
    /// The exit code.
    exit: u8,
    /// What is wrong, all of it.
    problems: &'a [RefusedProblem],
}

/// One thing that is wrong. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct RefusedProblem {
    /// A stable word; `hactl explain CODE` tells more.
    code: &'static str,
    /// How bad it is.
    severity: Severity,
    /// What is wrong.
    message: String,
    /// The inventory or playbook that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// The path of keys in it, such as `databases.shared_db.host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The last line of `--output jsonl`, where a command was refused.
#[derive(Serialize)]
struct LastLine<'a> {
    event: &'static str,
    result: Refused<'a>,
}

impl RefusedProblem {
    fn plain(code: &'static str, message: String) -> Self {
        let (file, line, column, path, hint) = (None, None, None, None, None);
        Self { code, severity: Severity::Error, message, file, line, column, path, hint }
    }

    /// A problem of a file.
    pub(super) fn of(problem: &Problem, file: &str) -> Self {
        let Problem { code, severity, span, path, message, hint } = problem;
        Self {
            code,
            severity: *severity,
            message: message.clone(),
            file: Some(file.to_owned()).filter(|file| !file.is_empty()),
            line: span.map(|span| span.line),
            column: span.map(|span| span.column),
            path: Some(path.to_string()).filter(|path| !path.is_empty()),
            hint: hint.as_ref().map(|hint| hint.to_string()),
        }
    }

    fn words(&self) -> String {
        let code = if self.code == USAGE { String::new() } else { format!(" [{}]", self.code) };
        let hint = self.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        format!("{} {}{code}{hint}", styled(RED, "error:"), self.message)
    }
}

impl Refusal {
    fn plain(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, text: None, problems: vec![RefusedProblem::plain(code, message.into())] }
    }

    /// The command line is wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::plain(Exit::Usage, USAGE, message)
    }

    /// The inventory or the playbook is wrong, or what they name.
    pub(super) fn inventory(code: &'static str, message: impl Into<String>) -> Self {
        Self::plain(Exit::Inventory, code, message)
    }

    /// The same with a next move.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.hint = Some(hint.into());
        }
        self
    }

    /// Problems of a file, as `text` shows them to people.
    pub(super) fn of(exit: Exit, problems: &[Problem], file: &str, text: &str) -> Self {
        let problems = problems.iter().map(|problem| RefusedProblem::of(problem, file)).collect();
        Self { exit, text: Some(text.trim_end().to_owned()), problems }
    }

    /// An inventory that can't be used.
    pub(super) fn unusable(exit: Exit, failure: &Failure, console: &Console) -> Self {
        Self::of(exit, &failure.problems, &shown(&failure.path), &failure.render(console.has_colour()))
    }

    /// It was tried, and failed, or was stopped.
    pub(super) fn ended(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: Some(text.into()), problems: Vec::new() }
    }

    /// It was tried, and failed.
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::ended(Exit::Failed, text)
    }

    /// Prints it.
    pub(super) fn print(&self, output: Output, console: &Console) {
        let plain = || self.problems.iter().map(RefusedProblem::words).collect::<Vec<_>>().join("\n");
        let text = self.text.clone().unwrap_or_else(plain);
        if !text.is_empty() {
            console.error(&text);
        }
        if !self.problems.is_empty() {
            print(self.exit, &self.problems, output, console);
        }
    }
}

/// Prints what is wrong for programs, where that is asked for.
pub(super) fn print(exit: Exit, problems: &[RefusedProblem], output: Output, console: &Console) {
    let refused = Refused { version: 1, exit: exit.code(), problems };
    match output {
        Output::Text => {}
        Output::Json => console.result(&format!("{:#}", serde_json::json!(refused))),
        Output::Jsonl => json_line(console, &LastLine { event: "refused", result: refused }),
    }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What clap refuses of the command line. clap has told it to people.
pub(super) fn unreadable(error: &clap::Error) -> Refusal {
    let said = error.render().to_string();
    let mut parts = said.split("\n\n").map(str::trim);
    let message = parts.next().unwrap_or_default();
    let words: Vec<&str> = message.strip_prefix("error:").unwrap_or(message).split_whitespace().collect();
    let refusal = Refusal { text: Some(String::new()), ..Refusal::usage(words.join(" ")) };
    match parts.find_map(|part| part.strip_prefix("tip:")) {
        Some(tip) => refusal.hint(tip.trim()),
        None => refusal.hint("`hactl help` and `hactl help COMMAND` tell what there is"),
    }
}

/// The form of output in words that clap could not make sense of.
pub(super) fn output_in(words: &[OsString]) -> Output {
    let words = words.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--").collect::<Vec<_>>();
    let after = |index: usize| words.get(index + 1).map(|word| word.to_string());
    let mut form = words.iter().enumerate().filter_map(|(index, word)| match word.strip_prefix("--output") {
        Some("") => after(index),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    match form.next_back().as_deref() {
        Some("json") => Output::Json,
        Some("jsonl") => Output::Jsonl,
        _ => Output::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_found_in_words_that_make_no_sense_otherwise() {
        let form = |line: &str| output_in(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(form("hactl aply --output json"), Output::Json);
        assert_eq!(form("hactl --output=jsonl plan --what"), Output::Jsonl);
        assert_eq!(form("hactl plan --what --output"), Output::Text);
        assert_eq!(form("hactl exec --what -- curl --output json"), Output::Text);
    }
}
