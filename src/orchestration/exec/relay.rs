//! From the pieces of a call's output to lines that are told.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep_until};

use super::{CallOptions, Lines, News, Text, Told, nobody_reads};
use crate::transport::{HangUp, Piece, Printed};

/// A line that has not ended is told when nothing came for this long.
const PAUSE: Duration = Duration::from_millis(700);

/// Tells what comes, until nothing more does. Hangs up when nobody listens any more, and reads on: a channel that nobody
/// reads would hold up the connection.
pub(super) async fn relay(
    call: usize,
    mut pieces: Receiver<Piece>,
    options: &CallOptions,
    tell: &Sender<Told>,
    hang_up: &HangUp,
) {
    let (mut stdout, mut stderr) = (Lines::new(options.redactor.clone()), Lines::new(options.redactor.clone()));
    let mut listened_to = true;
    let mut pause: Option<Instant> = None;
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => Some(piece),
            () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => None,
        };
        let lines = |printed, texts: Vec<Text>| texts.into_iter().map(move |text| News::Lines(printed, text));
        let mut news: Vec<News> = Vec::new();
        pause = None;
        let over = matches!(piece, Some(None));
        match piece {
            Some(Some(Piece::Data(printed, data))) => {
                let texts = if printed == Printed::Stdout { stdout.push(&data) } else { stderr.push(&data) };
                news.extend(lines(printed, texts));
                pause = Some(Instant::now() + PAUSE);
            }
            Some(Some(Piece::LeftOut(bytes))) => {
                news.extend(lines(Printed::Stdout, stdout.close().into_iter().collect()));
                news.extend(lines(Printed::Stderr, stderr.close().into_iter().collect()));
                news.push(News::LeftOut(bytes));
            }
            Some(None) => {
                news.extend(lines(Printed::Stdout, stdout.close().into_iter().collect()));
                news.extend(lines(Printed::Stderr, stderr.close().into_iter().collect()));
            }
            None => {
                news.extend(lines(Printed::Stdout, stdout.pause().into_iter().collect()));
                news.extend(lines(Printed::Stderr, stderr.pause().into_iter().collect()));
            }
        }
        for news in news {
            if listened_to {
                listened_to = tokio::select! {
                    sent = tell.send(Told { call, news }) => sent.is_ok(),
                    () = nobody_reads(hang_up) => false,
                };
            }
        }
        if !listened_to {
            hang_up.now();
        }
        if over {
            return;
        }
    }
}
