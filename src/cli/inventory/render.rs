//! Problems as the user reads them: file, line, column, the line itself with a caret, and a next move.

use std::ops::Range;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::model::inventory::{Problem, Severity, Span, hidden_by_name, hidden_ranges, hidden_words, mentions_secret};

/// What stands where something must not be shown; always of one length, so that it tells nothing.
const MASK: &str = "***";

/// Renders problems of an inventory for people. Only the line of a problem is shown, never its neighbours, and what is or
/// may be a secret is masked in it.
pub fn render(problems: &[Problem], text: &str, file: &str, colour: bool) -> String {
    let hidden = hidden_ranges(text);
    rendered(problems, file, colour, |span, broken| Line::of(text, span, &hidden, broken))
}

/// Renders problems of a playbook. No secret belongs there, so only what looks like one is masked.
pub fn render_playbook(problems: &[Problem], text: &str, file: &str, colour: bool) -> String {
    let hidden = hidden_by_name(text);
    rendered(problems, file, colour, |span, broken| {
        let line = text.lines().nth(span.line.saturating_sub(1)).unwrap_or_default();
        Line::of(text, span, &hidden, broken && mentions_secret(line))
    })
}

fn rendered(problems: &[Problem], file: &str, colour: bool, line_of: impl Fn(Span, bool) -> Option<Line>) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(DEFAULT_TERM_WIDTH.max(160));
    let mut out = String::new();
    for problem in problems {
        let line = problem.span.and_then(|span| line_of(span, problem.code == "yaml-syntax"));
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(problem.message.as_str()).id(problem.code));
        if let Some(line) = &line {
            let snippet = Snippet::source(line.text.as_str())
                .line_start(line.number)
                .annotation(AnnotationKind::Primary.span(line.marked.clone()));
            // The snippet counts columns in what it shows; with something masked to the left, the true column is told apart.
            group = match line.text[..line.marked.start].chars().count() + 1 == line.column {
                true => group.element(snippet.path(file)),
                false => {
                    let origin = Origin::path(file).line(line.number).char_column(line.column);
                    group.element(origin).element(snippet)
                }
            };
        }
        match &problem.hint {
            Some(hint) if line.is_some() => {
                group = group.element(Level::HELP.message(hint.as_ref()));
                out.push_str(&renderer.render(&[group]));
            }
            // There is no line to draw beside the text.
            hint => {
                out.push_str(&renderer.render(&[group]));
                let hint = hint.as_ref().map(|hint| format!("\n = help: {hint}")).unwrap_or_default();
                out.push_str(&hint);
            }
        }
        out.push_str("\n\n");
    }
    out
}

/// One line as it may be shown.
struct Line {
    number: usize,
    column: usize,
    text: String,
    marked: Range<usize>,
}

impl Line {
    fn of(text: &str, span: Span, hidden: &[(usize, usize)], broken: bool) -> Option<Self> {
        let before = text.get(..span.start)?;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[span.start..].find('\n').map_or(text.len(), |newline| span.start + newline);
        let end = start + text[start..end].trim_end_matches('\r').len();
        let start = if text[start..end].starts_with('\u{feff}') { start + '\u{feff}'.len_utf8() } else { start };
        let mut line = Self { number: span.line, column: span.column, text: String::new(), marked: 0..0 };
        let mut hidden: Vec<(usize, usize)> = hidden.to_vec();
        if broken {
            hidden.extend(hidden_words(&text[start..end]).iter().map(|(first, stop)| (start + first, start + stop)));
        }
        let (mut from, mut to) = (None, None);
        let mut at = start;
        while at < end {
            from = from.or((at >= span.start).then_some(line.text.len()));
            to = to.or((at >= span.end).then_some(line.text.len()));
            if let Some((_, stop)) = hidden.iter().copied().find(|(first, stop)| (*first..*stop).contains(&at)) {
                if text[at..].starts_with('#') && stop >= end {
                    // A comment at the end: left out instead of masked.
                    line.text.truncate(line.text.trim_end().len());
                    break;
                }
                let inside = (at..stop.min(end)).contains(&span.start);
                from = from.or(inside.then_some(line.text.len()));
                line.text.push_str(MASK);
                at = stop.min(end);
                continue;
            }
            let character = text[at..].chars().next()?;
            line.text.push(character);
            at += character.len_utf8();
        }
        // What was marked may have been left out.
        let shown = line.text.len();
        let from = from.map_or(shown, |from| from.min(shown));
        line.marked = from..to.map_or(shown, |to| to.clamp(from, shown));
        Some(line)
    }
}
