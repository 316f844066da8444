//! From the pieces of a call's output to lines that are told.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep_until};

use super::begin::Begin;
use super::follow::{Place, Places, Shown};
use super::{CallOptions, Lines, News, Text, Told, nobody_reads};
use crate::transport::{HangUp, Piece, Printed};

/// A line that has not ended is told when nothing came for this long.
const PAUSE: Duration = Duration::from_millis(700);

/// Tells what comes of a call.
pub(super) struct Relay<'a> {
    call: usize,
    tell: &'a Sender<Told>,
    hang_up: &'a HangUp,
    stdout: Lines,
    stderr: Lines,
    /// Where what is followed stands.
    places: Option<Places>,
    /// Has the connection that is read brought anything of the followed log?
    has_turned: bool,
    /// Is it not the first?
    is_again: bool,
    /// May something be missing before what comes next?
    missed: bool,
    listened_to: bool,
}

impl<'a> Relay<'a> {
    pub(super) fn new(call: usize, options: &CallOptions, tell: &'a Sender<Told>, hang_up: &'a HangUp) -> Self {
        let lines = || Lines::new(options.redactor.clone());
        let (stdout, stderr) = (lines(), lines());
        let (places, has_turned, is_again, missed, listened_to) = (None, false, false, false, true);
        Self { call, tell, hang_up, stdout, stderr, places, has_turned, is_again, missed, listened_to }
    }

    /// The same for a log that is followed.
    pub(super) fn following(self, places: Places) -> Self {
        Self { places: Some(places), ..self }
    }

    /// Up to where the followed log was shown.
    pub(super) fn seen(&self) -> Option<Place> {
        self.places.as_ref()?.seen()
    }

    /// Another connection is tried. Has the last one come to show anything?
    pub(super) fn next_connection(&mut self) -> bool {
        if let Some(places) = &mut self.places {
            places.broke_off();
        }
        self.is_again = true;
        std::mem::take(&mut self.has_turned)
    }

    /// Tells what comes, until nothing more does. Hangs up when nobody listens any more, and reads on: a channel that
    /// nobody reads would hold up the connection. Returns what came on both streams, where the script never said that it
    /// runs.
    pub(super) async fn relay(&mut self, mut pieces: Receiver<Piece>) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut begin_out, mut begin_err) = (Begin::default(), Begin::default());
        let mut pause: Option<Instant> = None;
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => Some(piece),
                () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => None,
            };
            pause = None;
            let over = matches!(piece, Some(None));
            let news = match piece {
                Some(Some(Piece::Data(printed, data))) => {
                    pause = Some(Instant::now() + PAUSE);
                    match printed {
                        Printed::Stdout => self.shown(&begin_out.own(&data)),
                        Printed::Stderr => lines(Printed::Stderr, self.stderr.push(&begin_err.own(&data))),
                    }
                }
                Some(Some(Piece::LeftOut(bytes))) => {
                    begin_out.was_missed();
                    begin_err.was_missed();
                    if let Some(places) = &mut self.places {
                        places.passed(bytes);
                    }
                    let mut news = self.closed();
                    news.push(News::LeftOut(bytes));
                    news
                }
                Some(None) => self.closed(),
                None => {
                    let mut news = lines(Printed::Stdout, self.stdout.pause());
                    news.extend(lines(Printed::Stderr, self.stderr.pause()));
                    news
                }
            };
            self.pass_on(news).await;
            if over {
                let begun = begin_out.has_begun();
                return (!begun).then(|| (begin_out.into_before(), begin_err.into_before()));
            }
        }
    }

    /// What standard output holds, without the lines about places in it.
    fn shown(&mut self, data: &[u8]) -> Vec<News> {
        let Some(places) = &mut self.places else { return lines(Printed::Stdout, self.stdout.push(data)) };
        let mut news = Vec::new();
        for shown in places.take(data) {
            match shown {
                Shown::Bytes(bytes) => news.extend(lines(Printed::Stdout, self.stdout.push(&bytes))),
                Shown::Missed => self.missed = true,
                Shown::Turned => {
                    // The last line of the file before stays one of its own.
                    news.extend(lines(Printed::Stdout, self.stdout.close()));
                    let first = !std::mem::replace(&mut self.has_turned, true);
                    let missed = std::mem::take(&mut self.missed);
                    if first && self.is_again {
                        news.push(News::Again { missed });
                    }
                }
            }
        }
        news
    }

    fn closed(&mut self) -> Vec<News> {
        let mut news = lines(Printed::Stdout, self.stdout.close());
        news.extend(lines(Printed::Stderr, self.stderr.close()));
        news
    }

    async fn pass_on(&mut self, news: Vec<News>) {
        for news in news {
            if self.listened_to {
                self.listened_to = tokio::select! {
                    sent = self.tell.send(Told { call: self.call, news }) => sent.is_ok(),
                    () = nobody_reads(self.hang_up) => false,
                };
            }
        }
        if !self.listened_to {
            self.hang_up.now();
        }
    }
}

fn lines(printed: Printed, texts: impl IntoIterator<Item = Text>) -> Vec<News> {
    texts.into_iter().map(|text| News::Lines(printed, text)).collect()
}
