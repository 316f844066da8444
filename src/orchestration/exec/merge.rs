//! Logs of several hosts, merged by the time of their lines. Pure.

use std::ops::Range;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// What begins the line with the host's own time: seconds since 1970, and how far its clock is from UTC.
pub(super) const CLOCK: &str = "hactl-clock";

/// Where in a line its time may begin at the latest.
const LATEST: usize = 120;

/// A log as it was fetched.
pub struct Log<'a> {
    lines: &'a [u8],
    /// When it was fetched, by the host's clock, in milliseconds.
    now: Option<i64>,
    entries: Vec<Entry>,
}

/// A line with a time, and those after it that have none: a stack trace stays with its message.
struct Entry {
    at: i64,
    bytes: Range<usize>,
}

impl<'a> Log<'a> {
    /// Reads what a host has shown of a log. What comes before its clock is the login shell's.
    pub fn read(shown: &'a [u8]) -> Self {
        let (now, zone, lines) = clock(shown);
        let (mut entries, mut begin) = (Vec::<Entry>::new(), 0);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let end = begin + line.len();
            // Threads write in an order of their own: no entry is earlier than the one before it.
            let after = |at: i64| entries.last().map_or(at, |last| last.at.max(at));
            match (time(line, zone).map(after), entries.last_mut()) {
                (None, Some(last)) => last.bytes.end = end,
                (at, _) => entries.push(Entry { at: at.unwrap_or(i64::MIN), bytes: begin..end }),
            }
            begin = end;
        }
        // What comes before the first time is the end of something just before it.
        if let [first, second, ..] = entries.as_mut_slice()
            && first.at == i64::MIN
        {
            first.at = second.at;
        }
        Self { lines, now, entries }
    }

    /// Leaves out what is older than this, by the host's own clock.
    pub fn since(&mut self, milliseconds: i64) {
        if let Some(now) = self.now {
            self.entries.retain(|entry| entry.at >= now.saturating_sub(milliseconds));
        }
    }
}

/// All entries, the oldest first; of those of the same time, the first log's first. `tell` gets the log's place in the
/// list and the bytes of the entry.
pub fn merge(logs: &[Log<'_>], mut tell: impl FnMut(usize, &[u8])) {
    let mut next: Vec<usize> = vec![0; logs.len()];
    loop {
        let heads = logs.iter().zip(&next).enumerate();
        let heads =
            heads.filter_map(|(place, (log, next))| log.entries.get(*next).map(|entry| (entry.at, place, entry)));
        let Some((_, place, entry)) = heads.min_by_key(|(at, place, _)| (*at, *place)) else { return };
        if let Some(next) = next.get_mut(place) {
            *next += 1;
        }
        tell(place, logs.get(place).and_then(|log| log.lines.get(entry.bytes.clone())).unwrap_or_default());
    }
}

/// The host's time in milliseconds, its offset, and what comes after the line that tells them.
fn clock(shown: &[u8]) -> (Option<i64>, Offset, &[u8]) {
    let mut begin = 0;
    for line in shown.split_inclusive(|byte| *byte == b'\n').take(200) {
        begin += line.len();
        let words: Vec<&str> = std::str::from_utf8(line).unwrap_or_default().split_whitespace().collect();
        if let [CLOCK, seconds, offset] = words.as_slice() {
            let now = seconds.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
            let rest = shown.get(begin..).unwrap_or_default();
            return (now, zone(offset).unwrap_or(Offset::UTC), rest);
        }
    }
    (None, Offset::UTC, shown)
}

/// Such as `+0530`.
fn zone(text: &str) -> Option<Offset> {
    let number: i32 = text.parse().ok()?;
    Offset::from_seconds((number / 100) * 3600 + (number % 100) * 60).ok()
}

/// The time of a line: `2026-11-21 10:00:00,123` of the host's own zone, or `21/Nov/2026:10:00:00 +0000` as access logs
/// have it.
fn time(line: &[u8], own: Offset) -> Option<i64> {
    let head = line.get(..LATEST).unwrap_or(line);
    let head = match std::str::from_utf8(head) {
        Ok(head) => head,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
    };
    let starts = head.char_indices().filter(|(at, character)| {
        let before = head.get(..*at).and_then(|before| before.chars().next_back());
        character.is_ascii_digit() && before.is_none_or(|before| !before.is_ascii_alphanumeric() && before != '.')
    });
    starts.filter_map(|(at, _)| head.get(at..)).find_map(|text| of_log(text, own).or_else(|| of_access_log(text)))
}

fn number<T: std::str::FromStr>(text: &str, range: Range<usize>) -> Option<T> {
    text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

fn has(text: &str, at: usize, one_of: &str) -> bool {
    text.as_bytes().get(at).is_some_and(|byte| one_of.as_bytes().contains(byte))
}

fn of_log(text: &str, own: Offset) -> Option<i64> {
    let shaped = [(4, "-"), (7, "-"), (10, " T"), (13, ":"), (16, ":")].iter().all(|(at, of)| has(text, *at, of));
    let milliseconds: i32 = number(text, 20..23).filter(|_| has(text, 19, ",.")).unwrap_or(0);
    let date = DateTime::new(
        number(text, 0..4)?,
        number(text, 5..7)?,
        number(text, 8..10)?,
        number(text, 11..13)?,
        number(text, 14..16)?,
        number(text, 17..19)?,
        milliseconds * 1_000_000,
    );
    at(date.ok().filter(|_| shaped)?, own)
}

fn of_access_log(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let shaped = [(2, "/"), (6, "/"), (11, ":")].iter().all(|(at, of)| has(text, *at, of));
    let month = MONTHS.iter().position(|month| text.get(3..6) == Some(month))?;
    let date = DateTime::new(
        number(text, 7..11)?,
        i8::try_from(month).ok()? + 1,
        number(text, 0..2)?,
        number(text, 12..14)?,
        number(text, 15..17)?,
        number(text, 18..20)?,
        0,
    );
    at(date.ok().filter(|_| shaped)?, text.get(21..26).and_then(zone)?)
}

fn at(date: DateTime, offset: Offset) -> Option<i64> {
    Some(date.to_zoned(TimeZone::fixed(offset)).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(logs: &[&[u8]]) -> Vec<(usize, String)> {
        let logs: Vec<Log<'_>> = logs.iter().map(|log| Log::read(log)).collect();
        let mut told = Vec::new();
        merge(&logs, |place, bytes| told.push((place, String::from_utf8_lossy(bytes).into_owned())));
        told
    }

    #[test]
    fn the_times_of_the_products_logs_are_read() {
        let utc = |line: &str| time(line.as_bytes(), Offset::UTC);
        let noon = Some(1_795_262_400_000);
        assert_eq!(utc("TID: [-1234] [] [2026-11-21 12:00:00,000]  INFO {org.wso2.Main} - x"), noon);
        assert_eq!(utc("[2026-11-21 12:00:00,000] [0af-33]  WARN {x} - y"), noon);
        assert_eq!(utc("2026-11-21T12:00:00.000Z INFO"), noon);
        assert_eq!(utc("10.20.30.40 - - [21/Nov/2026:17:30:00 +0530] \"GET / HTTP/1.1\" 200 1 \"-\""), noon);
        assert_eq!(time(b"[2026-11-21 17:30:00,250]", zone("+0530").unwrap()), noon.map(|at| at + 250));
        assert_eq!(utc("    at org.wso2.Main.run(Main.java:12)"), None);
        assert_eq!(utc("[2026-13-41 12:00:00,000]"), None);
        assert_eq!(utc(""), None);
    }

    #[test]
    fn entries_come_by_time_with_their_stack_traces_and_by_each_host_s_own_clock() {
        let one = b"motd\nhactl-clock 1795262400 +0000\n  end of something\n[2026-11-21 12:00:01,000] ERROR a\n\tat x\n\tat y\n[2026-11-21 12:00:03,000] INFO c\n";
        let two = b"hactl-clock 1795262400 +0100\n[2026-11-21 13:00:02,000] INFO b\nlast";
        let told = merged(&[one, two]);
        let wanted = [
            (0, "  end of something\n"),
            (0, "[2026-11-21 12:00:01,000] ERROR a\n\tat x\n\tat y\n"),
            (1, "[2026-11-21 13:00:02,000] INFO b\nlast"),
            (0, "[2026-11-21 12:00:03,000] INFO c\n"),
        ];
        assert_eq!(told, wanted.map(|(place, text)| (place, text.to_owned())));
        let mut recent = Log::read(two);
        recent.since(1000);
        assert_eq!(recent.entries.len(), 1);
        let mut older = Log::read(b"hactl-clock 1795262400 +0000\n[2026-11-21 11:00:00,000] INFO b\n");
        older.since(60_000);
        assert_eq!(older.entries.len(), 0);
    }

    proptest! {
        #[test]
        fn merging_loses_nothing_and_keeps_each_host_s_order(
            logs in proptest::collection::vec(
                proptest::collection::vec((0u8..60, 0usize..3, any::<bool>()), 0..20), 0..5
            )
        ) {
            let texts: Vec<Vec<u8>> = logs.iter().map(|entries| {
                let lines = entries.iter().map(|(second, more, timed)| {
                    let head = if *timed { format!("[2026-11-21 12:00:{second:02},000] x\n") } else { "no time\n".to_owned() };
                    head + &"\tat somewhere\n".repeat(*more)
                });
                lines.collect::<String>().into_bytes()
            }).collect();
            let views: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            let told = merged(&views);
            for (place, text) in texts.iter().enumerate() {
                let own: String = told.iter().filter(|(from, _)| *from == place).map(|(_, text)| text.as_str()).collect();
                prop_assert_eq!(own.as_bytes(), text.as_slice());
            }
        }

        #[test]
        fn any_bytes_are_a_log(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let told = merged(&[&bytes]);
            let again: String = told.into_iter().map(|(_, text)| text).collect();
            prop_assert!(again.len() >= bytes.len() || bytes.windows(11).any(|window| window == CLOCK.as_bytes()));
        }
    }
}
