//! Logs that were fetched whole, to be merged.

use crate::orchestration::exec::{End, Log, News, Printed};

/// How logs are merged.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Merge {
    /// How much of each is kept, in bytes; no host sends more, unless it does not do what it was asked to.
    pub(in crate::cli) most_bytes: usize,
    /// Nothing older than so many milliseconds.
    pub(in crate::cli) since: Option<i64>,
}

pub(super) struct Fetched {
    merge: Merge,
    bytes: Vec<Vec<u8>>,
    /// The calls that are over.
    pub(super) over: Vec<(usize, End, u64)>,
}

/// The line with the host's clock comes besides what was asked for.
const CLOCK_LINE: usize = 4096;

impl Fetched {
    pub(super) fn new(calls: usize, merge: Merge) -> Self {
        Self { merge, bytes: vec![Vec::new(); calls], over: Vec::new() }
    }

    /// Keeps news for the end; returns what is news now.
    pub(super) fn take(&mut self, call: usize, news: News) -> Option<News> {
        match news {
            News::Lines(Printed::Stdout, text) => {
                let kept = self.bytes.get_mut(call)?;
                let room = (self.merge.most_bytes + CLOCK_LINE).saturating_sub(kept.len()).min(text.bytes.len());
                kept.extend_from_slice(&text.bytes[..room]);
                let left_out = text.bytes.len() - room;
                (left_out > 0).then_some(News::LeftOut(left_out as u64))
            }
            News::Over { end, milliseconds } => {
                self.over.push((call, end, milliseconds));
                None
            }
            other => Some(other),
        }
    }

    pub(super) fn logs(&self) -> Vec<Log<'_>> {
        let mut logs: Vec<Log<'_>> = self.bytes.iter().map(|bytes| Log::read(bytes)).collect();
        if let Some(milliseconds) = self.merge.since {
            logs.iter_mut().for_each(|log| log.since(milliseconds));
        }
        logs
    }
}
