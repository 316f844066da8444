//! A run as it happens: one live line per host on a terminal, plain lines that begin with the host elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::{Console, DIM, GREEN, RED, YELLOW, styled};
use crate::model::HostName;
use crate::orchestration::{Event, Outcome, Phase};

/// Shows events.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Lines>>);

struct Lines {
    console: Console,
    live: Option<MultiProgress>,
    bars: BTreeMap<HostName, ProgressBar>,
    width: usize,
    /// Lines that wait until a question is answered.
    held: Option<Vec<String>>,
}

/// How often the live lines move.
const TICK: Duration = Duration::from_millis(120);

/// More hosts than this are not given a line each: a screen has no more.
const MOST_LINES: usize = 20;

impl Progress {
    pub(super) fn new(console: &Console) -> Self {
        let live = console.is_live().then(|| MultiProgress::with_draw_target(target()));
        let lines = Lines { console: console.clone(), live, bars: BTreeMap::new(), width: 0, held: None };
        let lines = Arc::new(Mutex::new(lines));
        let drawn = Arc::downgrade(&lines);
        console.draw(move |begins| {
            if let Some(lines) = drawn.upgrade() {
                lines.lock().unwrap_or_else(PoisonError::into_inner).pause(begins);
            }
        });
        Self(lines)
    }

    /// Shows one event.
    pub(super) fn show(&self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).show(event);
    }

    /// Takes the live lines away, before the result is printed.
    pub(super) fn clear(&self) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in std::mem::take(&mut lines.bars).into_values() {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    fn show(&mut self, event: &Event) {
        match event {
            Event::RunStarted { hosts, .. } => self.begin(hosts),
            Event::Host { host, phase } => {
                if let Some(bar) = self.bars.get(host) {
                    bar.set_message(words(*phase));
                }
            }
            Event::Waiting { host, why, .. } => {
                if let Some(bar) = self.bars.get(host) {
                    bar.set_message(format!("waiting: {why}"));
                }
            }
            Event::StageStarted { .. } | Event::StageDone { .. } => {}
            Event::HostDone { host, stage, outcome, note, milliseconds } => {
                let seconds = Duration::from_millis(*milliseconds).as_secs_f64();
                if let Some(bar) = self.bars.get(host) {
                    bar.set_message(shown(outcome));
                }
                // The result says in place and differs; while it runs, only what was done and what went wrong is news.
                let done_in_a_stage = stage.is_some() && matches!(outcome, Outcome::Changed { .. });
                if done_in_a_stage || outcome.is_failure() {
                    let stage = stage.as_deref().map(|stage| format!("{stage}: ")).unwrap_or_default();
                    let note = note.as_deref().map(|note| format!(", {note}")).unwrap_or_default();
                    let line = format!("{host:width$}  {stage}{}{note}", shown(outcome), width = self.width);
                    self.line(&format!("{line}  {}", styled(DIM, format_args!("{seconds:.1} s"))));
                }
            }
            Event::Warning { host: Some(host), text } => {
                self.line(&format!("{host:width$}  warning: {text}", width = self.width));
            }
            Event::Warning { host: None, text } => self.line(&format!("warning: {text}")),
        }
    }

    fn begin(&mut self, hosts: &[HostName]) {
        self.width = hosts.iter().map(|host| host.as_str().len()).max().unwrap_or_default();
        let Some(live) = &self.live else { return };
        let style = ProgressStyle::with_template("{prefix}  {spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        for host in hosts.iter().take(MOST_LINES) {
            let bar = live.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(format!("{host:width$}", width = self.width));
            bar.set_message("waiting");
            bar.enable_steady_tick(TICK);
            self.bars.insert(host.clone(), bar);
        }
    }

    fn line(&mut self, text: &str) {
        match (&mut self.held, &self.live) {
            (Some(held), _) => held.push(text.to_owned()),
            (None, Some(live)) => live.suspend(|| self.console.talk(text)),
            (None, None) => self.console.talk(text),
        }
    }

    /// Leaves the terminal to a question, or takes it back and catches up.
    fn pause(&mut self, begins: bool) {
        if begins {
            self.held = Some(Vec::new());
            // Not `suspend`, under which whoever tells of progress would wait for the answer.
            if let Some(live) = &self.live {
                self.bars.values().for_each(ProgressBar::disable_steady_tick);
                let _ = live.clear();
                live.set_draw_target(ProgressDrawTarget::hidden());
            }
            return;
        }
        if let Some(live) = &self.live {
            live.set_draw_target(target());
            self.bars.values().for_each(|bar| bar.enable_steady_tick(TICK));
        }
        for line in self.held.take().unwrap_or_default() {
            self.line(&line);
        }
    }
}

fn target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(10)
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Look => "looking",
        Phase::Preflight => "checking the rules",
        Phase::Lock => "taking the lock",
        Phase::Upload => "uploading",
        Phase::Mend => "mending",
        Phase::Wait => "waiting until it is ready",
        Phase::LookAgain => "looking again",
    }
}

/// An outcome in its colour.
pub(super) fn shown(outcome: &Outcome) -> String {
    let style = match outcome {
        Outcome::InPlace | Outcome::Passed { warnings: 0 } => GREEN,
        Outcome::Differs { .. } | Outcome::Changed { .. } | Outcome::Passed { .. } => YELLOW,
        Outcome::Failed(_) | Outcome::Unknown(_) | Outcome::NotReached { .. } => RED,
    };
    styled(style, outcome.words())
}
