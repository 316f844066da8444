//! O04, O05, O08: the clock, the size of the machine, the name service.

use super::{Facts, Rule, Subject, Verdict, always};
use crate::model::Script;
use crate::steps::node::product_hosts;

pub(super) static RULES: &[Rule] = &[
    // Every preflight reads the clock before its first and after its last probe.
    Rule { id: "O04", applies: always, probe: |_, _| {}, judge: clocks },
    Rule { id: "O05", applies: always, probe: ask_limits, judge: limits },
    Rule { id: "O08", applies: always, probe: ask_resolver, judge: resolver },
];

/// How far a host's clock is ahead of the controller's, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    ahead: f64,
    /// The true value lies within this many seconds of `ahead`.
    uncertainty: f64,
}

impl Clock {
    /// Shell that prints the host's clock.
    pub const ASK: &'static str = "date +%s.%N";

    /// `first` and `last` are what [`Self::ASK`] printed at the begin and the end of a script that was sent not before
    /// `before` and had answered by `after`, in seconds by the controller's clock. `None` when one of them is no time.
    pub fn between(first: &str, last: &str, before: f64, after: f64) -> Option<Self> {
        let ((first, grain), (last, _)) = (read(first)?, read(last)?);
        // What the host did not spend in the script was spent on the way: before or after it, nobody knows.
        let on_the_way = ((after - before) - (last - first)).max(0.0);
        let ahead = first + grain / 2.0 - before - on_the_way / 2.0;
        Some(Self { ahead, uncertainty: f64::midpoint(on_the_way, grain) })
    }

    /// By how much it is ahead, in seconds.
    pub fn ahead(self) -> f64 {
        self.ahead
    }

    /// Within how many seconds of that the true value lies.
    pub fn uncertainty(self) -> f64 {
        self.uncertainty
    }

    /// By how much it is surely ahead of `other`; negative when it is behind.
    fn ahead_of(self, other: Self) -> f64 {
        let difference = self.ahead - other.ahead;
        let sure = (difference.abs() - self.uncertainty - other.uncertainty).max(0.0);
        sure.copysign(difference)
    }
}

/// A time in seconds, and how finely it was told: busybox knows no nanoseconds.
fn read(text: &str) -> Option<(f64, f64)> {
    let text = text.trim();
    let whole = text.split('.').next()?;
    match text.parse::<f64>() {
        Ok(time) if text.contains('.') && !text.ends_with('.') => Some((time, 0.0)),
        _ => Some((whole.parse().ok()?, 1.0)),
    }
}

/// Clocks that differ by more than this let tokens be refused now and then, in seconds.
const NOTABLE: f64 = 1.0;
/// Clocks that differ by more than this let tokens be refused all the time, in seconds.
const BAD: f64 = 30.0;

fn clocks(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let mut known: Vec<(&Facts<'_>, Clock)> = facts.iter().filter_map(|facts| Some((facts, facts.clock?))).collect();
    let own = Clock { ahead: 0.0, uncertainty: 0.0 };
    // The one in the middle is right; of two, the one that is nearer to the controller's.
    known.sort_by(|(_, one), (_, other)| one.ahead.total_cmp(&other.ahead));
    let middle = match known.as_slice() {
        [(_, one), (_, other)] if one.ahead.abs() > other.ahead.abs() => 1,
        all => all.len().saturating_sub(1) / 2,
    };
    let Some((reference, right)) = known.get(middle).copied() else { return Vec::new() };
    let hint = "let chrony or systemd-timesyncd keep the clocks of all nodes";
    let judge = |(facts, clock): (&Facts<'_>, Clock)| {
        let difference = clock.ahead_of(right);
        let off = clock.ahead_of(own);
        let direction = |seconds: f64| if seconds > 0.0 { "ahead of" } else { "behind" };
        if difference.abs() > NOTABLE {
            let name = &reference.subject.host.name;
            let cause = format!("the clock is {:.1} s {} that of {name}", difference.abs(), direction(difference));
            return Some(if difference.abs() > BAD {
                facts.error(format!("{cause}: tokens of the one are not valid on the other"), hint)
            } else {
                facts.warning(cause, hint)
            });
        }
        // It may as well be the controller's clock that is wrong: no reason to stop.
        (off.abs() > NOTABLE).then(|| {
            let cause = format!("the clock is {:.1} s {} this machine's", off.abs(), direction(off));
            facts.warning(cause, hint)
        })
    };
    known.iter().copied().filter_map(judge).collect()
}

fn ask_limits(of: &Subject, script: &mut Script) {
    script.call("hactl_limits", &[of.product.home.as_str()]);
}

fn limits(facts: &[Facts<'_>]) -> Vec<Verdict> {
    facts.iter().filter_map(limits_of).collect()
}

fn limits_of(facts: &Facts<'_>) -> Option<Verdict> {
    let first = |text: &str| text.split(' ').next().and_then(|word| word.parse::<u64>().ok());
    let number = |key: &'static str| facts.value(key).and_then(first);
    let mut small = Vec::new();
    if let Some(processors) = number("processors").filter(|count| *count < 4) {
        small.push(format!("{processors} of 4 processors"));
    }
    // A machine that is sold with 4 GB shows less: the kernel keeps some of it.
    if let Some(memory) = number("memory").filter(|kilobytes| *kilobytes < 3_600_000) {
        small.push(format!("{} of 4 GB of memory", tenths(memory)));
    }
    if let Some(disk) = number("disk").filter(|kilobytes| *kilobytes < 10_000_000) {
        small.push(format!("{} of 10 GB free where the product is", tenths(disk)));
    }
    if let Some(files) = number("files").filter(|count| *count < 65_535) {
        small.push(format!("{files} of 65535 open files (nofile)"));
    }
    (!small.is_empty()).then(|| {
        let cause = format!("less than the product asks for: {}", small.join(", "));
        facts.warning(cause, "give the host more, or the product less to do")
    })
}

/// Kilobytes as gigabytes with one digit behind the point, rounded down.
fn tenths(kilobytes: u64) -> String {
    format!("{}.{}", kilobytes / 1_000_000, kilobytes / 100_000 % 10)
}

fn ask_resolver(of: &Subject, script: &mut Script) {
    // The server looks up whoever calls it: a peer's address is as good as any.
    let peer = product_hosts(&of.cluster).find(|host| host.name != of.host.name).unwrap_or(&of.host);
    script.call("hactl_resolver", &[&peer.member_address]);
}

fn resolver(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let silent = facts.value("resolver") == Some("silent");
        silent.then(|| {
            let cause = "the name service does not answer within 2 s: every login waits for it, since the server looks its callers up";
            facts.warning(cause, "mend /etc/resolv.conf, or write the callers into /etc/hosts")
        })
    };
    facts.iter().filter_map(judge).collect()
}
