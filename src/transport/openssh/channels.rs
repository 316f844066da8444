//! What `ssh` says of the channels of its connection, at `LogLevel DEBUG1`.

use std::collections::{BTreeMap, VecDeque};

use super::said::keep;
use crate::transport::heard::heard;

/// How a command has ended that did not end with a status: what `ssh` hands on tells these apart by nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By a signal, whose name ssh keeps to itself.
    BySignal,
    /// The server has not said how.
    Untold,
}

/// The channels, by their numbers; these are given again when a channel is closed.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// The connections to be opened through this one.
    opening: BTreeMap<u32, String>,
    next: Option<String>,
    /// Those that were not opened: where to, and why.
    failures: VecDeque<(String, String)>,
    /// The commands that run, or have ended without a status so far.
    running: BTreeMap<u32, Ended>,
    /// Those whose channels were closed without one.
    ended: VecDeque<(u32, Ended)>,
}

impl Channels {
    /// Takes in a line of debugging output.
    pub(super) fn debug(&mut self, line: &str) {
        if line.contains("channel_connect_stdio_fwd") {
            self.next = line.rsplit(' ').next().map(str::to_owned);
        } else if let Some(about) = line.strip_prefix("client_input_channel_req: channel ") {
            if let Some((number, rest)) = about.split_once(" rtype ")
                && let Ok(number) = number.parse()
            {
                self.asked(number, rest);
            }
        } else if let Some((number, rest)) = about(line) {
            if rest.starts_with("new ") {
                self.begin(number, rest);
            } else if rest.starts_with("free") {
                self.opening.remove(&number);
                if let Some(ended) = self.running.remove(&number) {
                    keep(&mut self.ended, (number, ended));
                }
            }
        }
    }

    fn begin(&mut self, number: u32, rest: &str) {
        if rest.contains("[client-session]") {
            self.ended.retain(|(known, _)| *known != number);
            self.running.insert(number, Ended::Untold);
        } else if let Some(target) = self.next.take() {
            self.opening.insert(number, target);
        }
    }

    /// The server asks something of a channel: to take note of how its command has ended, for instance.
    fn asked(&mut self, number: u32, what: &str) {
        if what.starts_with("exit-status ") {
            self.running.remove(&number);
        } else if what.starts_with("exit-signal ")
            && let Some(ended) = self.running.get_mut(&number)
        {
            *ended = Ended::BySignal;
        }
    }

    /// Takes in a message. Was it about a connection that was not opened?
    pub(super) fn word(&mut self, line: &str) -> bool {
        let Some((number, rest)) = about(line) else { return false };
        let Some(why) = rest.strip_prefix("open failed: ") else { return false };
        self.running.remove(&number);
        let Some(target) = self.opening.remove(&number) else { return false };
        keep(&mut self.failures, (target, heard(why)));
        true
    }

    /// Why no connection to `target` was opened through this one.
    pub(super) fn failure(&self, target: &str) -> Option<String> {
        let plain = target.replace(['[', ']'], "");
        let found = self.failures.iter().rev().find(|(to, _)| to.replace(['[', ']'], "") == plain);
        found.map(|(_, why)| why.clone())
    }

    /// How the last command on a channel has ended that is closed, if not with a status.
    pub(super) fn ending(&self, number: u32) -> Option<Ended> {
        self.ended.iter().find(|(known, _)| *known == number).map(|(_, ended)| *ended)
    }
}

/// `channel 3: …`.
fn about(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix("channel ")?.split_once(": ")?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of(text: &str) -> Channels {
        let mut channels = Channels::default();
        for line in text.lines() {
            match line.trim_start().strip_prefix("debug1: ") {
                Some(line) => channels.debug(line),
                None => drop(channels.word(line.trim_start())),
            }
        }
        channels
    }

    #[test]
    fn what_was_not_opened_through_it_is_known_by_its_target() {
        let channels = all_of(
            "debug1: channel_connect_stdio_fwd: 127.0.0.1:1\ndebug1: channel 2: new stdio-forward [stdio-forward] (inactive timeout: 0)\n\
             debug1: channel_connect_stdio_fwd ::1:2\ndebug1: channel 3: new [stdio-forward]\n\
             channel 3: open failed: administratively prohibited: open failed\n\
             channel 2: open failed: connect failed: Connection refused\n\
             channel 9: open failed: a banner may say that\n",
        );
        assert_eq!(channels.failure("[127.0.0.1]:1").unwrap(), "connect failed: Connection refused");
        assert_eq!(channels.failure("[::1]:2").unwrap(), "administratively prohibited: open failed");
        assert_eq!(channels.failure("127.0.0.1:3"), None);
    }

    #[test]
    fn a_command_that_ended_without_a_status_is_known_by_its_channel() {
        let channels = all_of(
            "debug1: channel 1: new mux-control [mux-control] (inactive timeout: 0)\n\
             debug1: channel 2: new session [client-session] (inactive timeout: 0)\n\
             debug1: channel 3: new [client-session]\ndebug1: channel 4: new [client-session]\n\
             debug1: client_input_channel_req: channel 2 rtype exit-status reply 0\n\
             debug1: client_input_channel_req: channel 2 rtype eow@openssh.com reply 0\n\
             debug1: client_input_channel_req: channel 3 rtype exit-signal reply 0\n\
             debug1: channel 1: free: mux-control, nchannels 4\ndebug1: channel 2: free: client-session, nchannels 3\n\
             debug1: channel 3: free: client-session, nchannels 2\ndebug1: channel 4: free: client-session, nchannels 1\n",
        );
        let endings = [1, 2, 3, 4].map(|number| channels.ending(number));
        assert_eq!(endings, [None, None, Some(Ended::BySignal), Some(Ended::Untold)]);
    }

    #[test]
    fn a_number_that_is_given_again_is_another_command() {
        let channels = all_of(
            "debug1: channel 2: new [client-session]\ndebug1: channel 2: free: client-session, nchannels 1\n\
             debug1: channel 2: new [client-session]\n",
        );
        assert_eq!(channels.ending(2), None);
        let channels = all_of(
            "debug1: channel 2: new [client-session]\nchannel 2: open failed: resource shortage\n\
             debug1: channel 2: free: client-session, nchannels 1\n",
        );
        assert_eq!(channels.ending(2), None, "that command has never begun");
    }
}
