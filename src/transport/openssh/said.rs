//! What `ssh` says on standard error while it connects and afterwards, at `LogLevel DEBUG1`.
//!
//! Pure: lines in, knowledge out. The words are those of OpenSSH 7.6 to 10 in the C locale.

use std::collections::VecDeque;

use super::channels::Channels;
use crate::transport::heard::heard;

/// How many lines of its messages are kept.
const LINES: usize = 64;

/// How far it got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It has read its configuration, or looks the name up.
    #[default]
    Begun,
    /// It waits for the host to accept a connection.
    Dialing,
    /// The connection is made.
    Reached,
    /// What is there speaks SSH.
    Spoken,
    /// Keys are exchanged, and the host's is trusted.
    Exchanged,
    /// The user is let in.
    LetIn,
    /// Commands may come.
    Ready,
}

/// The key that the host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its kind, such as `ssh-ed25519`.
    pub(super) kind: String,
    pub(super) fingerprint: String,
    /// The fingerprint of the authority behind its certificate.
    pub(super) authority: Option<String>,
}

/// All that was said so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) stage: Stage,
    /// What is no debugging output: the last lines of it.
    words: VecDeque<String>,
    pub(super) shown: Option<Shown>,
    /// The key files that were offered, and the other methods that were tried.
    offered: Vec<String>,
    /// How many keys were offered that the agent alone holds.
    of_agent: usize,
    /// The methods that the server takes.
    pub(super) takes: Option<String>,
    /// The address that it connects to.
    pub(super) to: Option<String>,
    /// Does that stand for a name?
    pub(super) looked_up: bool,
    /// Where a proxy leads to, as `[host]:port`; the host is then not dialled.
    pub(super) proxied: Option<String>,
    /// The first line that came instead of the version of an SSH server.
    pub(super) greeting: Option<String>,
    pub(super) channels: Channels,
    /// How many bytes had come when it was given up because there was no end of them.
    pub(super) flood: Option<u64>,
}

impl Said {
    /// Takes in a line.
    pub(super) fn hear(&mut self, line: &str) {
        let line = line.trim_end();
        match line.strip_prefix("debug1: ") {
            Some(debug) => self.debug(debug),
            None => self.word(line),
        }
    }

    fn reach(&mut self, stage: Stage) {
        if self.stage < Stage::LetIn && stage >= Stage::LetIn {
            // What was said before, by the server too, tells nothing of what comes now.
            self.words.clear();
        }
        self.stage = self.stage.max(stage);
    }

    fn debug(&mut self, line: &str) {
        let starts = |text: &str| line.starts_with(text);
        if let Some(target) = line.strip_prefix("Connecting to ") {
            self.dial(target);
            self.reach(Stage::Dialing);
        } else if let Some(command) = line.strip_prefix("Executing proxy command: ") {
            self.proxied = Some(through(command).unwrap_or_default());
            self.reach(Stage::Dialing);
        } else if starts("Connection established") {
            self.reach(Stage::Reached);
        } else if let Some(version) = line.strip_prefix("Remote protocol version ") {
            // One that nobody speaks any more is as good as none.
            match version.starts_with("2.") || version.starts_with("1.99") {
                true => self.reach(Stage::Spoken),
                false => self.greet(&format!("SSH-{}", version.replacen(", remote software version ", "-", 1))),
            }
        } else if let Some(text) = line.strip_prefix("kex_exchange_identification: banner line ") {
            self.greet(text.split_once(": ").map_or(text, |(_, text)| text));
        } else if let Some(text) = line.strip_prefix("ssh_exchange_identification: ") {
            // As OpenSSH had it before 8.0.
            self.greet(text);
        } else if let Some(key) = line.strip_prefix("Server host key: ") {
            self.shown = shown(key);
        } else if let Some(key) = line.strip_prefix("Server host certificate: ") {
            self.shown = shown(key);
        } else if starts("SSH2_MSG_NEWKEYS received") {
            self.reach(Stage::Exchanged);
        } else if starts("Authentication succeeded") {
            self.reach(Stage::LetIn);
        } else if starts("Entering interactive session") {
            self.reach(Stage::Ready);
        } else if let Some(methods) = line.strip_prefix("Authentications that can continue: ") {
            self.takes = Some(heard(&methods.replace(',', ", ")));
        } else if let Some(key) = line.strip_prefix("Offering public key: ") {
            self.offer(key);
        } else if let Some(key) = line.strip_prefix("Offering ") {
            // `RSA public key: …`, as older versions have it.
            self.offer(key.split_once(": ").map_or(key, |(_, name)| name));
        } else if let Some(method) = line.strip_prefix("Next authentication method: ").filter(|m| *m != "publickey") {
            self.try_method(method);
        } else {
            self.channels.debug(line);
        }
    }

    fn greet(&mut self, line: &str) {
        if self.stage < Stage::Spoken {
            self.greeting.get_or_insert_with(|| heard(line));
        }
    }

    fn word(&mut self, line: &str) {
        if self.channels.word(line) {
            return;
        }
        if line.starts_with("Authenticated to ") {
            self.reach(Stage::LetIn);
        } else if !line.is_empty() && !line.starts_with("@@@") && !line.starts_with("Transferred: ") {
            keep(&mut self.words, heard(line));
        }
    }

    /// `NAME [ADDRESS] port 22.`
    fn dial(&mut self, target: &str) {
        let words: Vec<&str> = target.trim_end_matches('.').split(' ').collect();
        if let [name, address, "port", port] = words.as_slice() {
            let address = address.trim_matches(['[', ']']);
            self.looked_up = *name != address;
            self.to =
                Some(if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") });
        }
    }

    fn offer(&mut self, key: &str) {
        // The file's name or the key's comment, and then its kind, its fingerprint and where it comes from.
        let name = key.split(" SHA256:").next().unwrap_or(key);
        let name = name.rsplit_once(' ').map_or(name, |(name, _)| name);
        if key.ends_with(" agent") && !key.contains(" explicit") {
            self.of_agent += 1;
        } else {
            self.try_method(name);
        }
    }

    fn try_method(&mut self, name: &str) {
        if self.offered.len() < LINES && !self.offered.iter().any(|known| known == name) {
            self.offered.push(name.to_owned());
        }
    }

    /// What was tried, in words.
    pub(super) fn tried(&self) -> String {
        let keys = match self.of_agent {
            0 => None,
            1 => Some("agent (1 key)".to_owned()),
            count => Some(format!("agent ({count} keys)")),
        };
        let all: Vec<String> = keys.into_iter().chain(self.offered.iter().cloned()).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    }

    /// The last line of its messages that holds `text`.
    pub(super) fn line_with(&self, text: &str) -> Option<&str> {
        self.words.iter().rev().find(|line| line.contains(text)).map(String::as_str)
    }

    /// Its last message that tells something.
    pub(super) fn telling(&self) -> Option<&str> {
        let dull = ["Bytes per second: ", "Killed by signal ", "Connection to ", "Disconnected from "];
        let telling = self.words.iter().rev().find(|line| !dull.iter().any(|start| line.starts_with(start)));
        telling.map(String::as_str)
    }

    /// Its last message.
    pub(super) fn last(&self) -> Option<&str> {
        self.telling().or(self.words.back().map(String::as_str))
    }

    /// Why the connection has ended.
    pub(super) fn parting(&self) -> Option<&str> {
        let said = [
            "not responding",
            "Received disconnect",
            "losed by",
            "Broken pipe",
            "reset by",
            "Corrupted MAC",
            "Connection corrupted",
            "timed out",
        ];
        said.iter().find_map(|text| self.line_with(text)).map(plain)
    }
}

/// What the server itself has said, in `Received disconnect from 10.0.0.1 port 22:11: going down`; else all of the line.
pub(super) fn plain(line: &str) -> &str {
    let rest = line.strip_prefix("Received disconnect from ").and_then(|rest| rest.split_once(" port "));
    rest.and_then(|(_, rest)| rest.splitn(3, ':').nth(2)).map_or(line, str::trim)
}

pub(super) fn keep<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == LINES {
        all.pop_front();
    }
    all.push_back(one);
}

/// Where a proxy command of ours leads to: what stands behind its `-W`.
fn through(command: &str) -> Option<String> {
    let (_, rest) = command.split_once(" -W ")?;
    rest.split(' ').next().map(|target| target.trim_matches('\'').to_owned())
}

/// `ssh-ed25519 SHA256:…`, and in a certificate's case ` CA ssh-ed25519 SHA256:…` later on.
fn shown(key: &str) -> Option<Shown> {
    let mut prints =
        key.split_whitespace().filter(|word| word.starts_with("SHA256:")).map(|word| word.trim_end_matches(','));
    let kind = key.split_whitespace().next()?.trim_end_matches("-cert-v01@openssh.com").to_owned();
    Some(Shown { kind, fingerprint: prints.next()?.to_owned(), authority: prints.next().map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of(text: &str) -> Said {
        let mut said = Said::default();
        text.lines().for_each(|line| said.hear(line));
        said
    }

    #[test]
    fn the_stages_follow_one_another() {
        let lines = [
            ("debug1: Reading configuration data /etc/ssh/ssh_config", Stage::Begun),
            ("debug1: Connecting to is-1 [10.0.0.1] port 22.", Stage::Dialing),
            ("debug1: Connection established.", Stage::Reached),
            ("debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2", Stage::Spoken),
            ("debug1: SSH2_MSG_NEWKEYS received", Stage::Exchanged),
            ("Authenticated to is-1 ([10.0.0.1]:22) using \"publickey\".", Stage::LetIn),
            ("debug1: Entering interactive session.", Stage::Ready),
            ("debug1: Connecting to what a banner may say", Stage::Ready),
        ];
        let mut said = Said::default();
        for (line, stage) in lines {
            said.hear(line);
            assert_eq!(said.stage, stage, "{line}");
        }
        assert_eq!((said.to.as_deref(), said.looked_up), (Some("10.0.0.1:22"), true));
        assert_eq!(said.last(), None);
    }

    #[test]
    fn keys_and_methods_are_named() {
        let said = all_of(
            "debug1: Authentications that can continue: publickey,password\r\n\
             debug1: Offering public key: /home/me/my key ED25519 SHA256:abc explicit\n\
             debug1: Offering public key: ops@desk RSA SHA256:def agent\n\
             debug1: Next authentication method: publickey\ndebug1: Next authentication method: password\n\
             ops@is-1: Permission denied (publickey,password).\n",
        );
        assert_eq!(said.tried(), "agent (1 key), /home/me/my key, password");
        assert_eq!(said.takes.as_deref(), Some("publickey, password"));
        assert_eq!(said.last(), Some("ops@is-1: Permission denied (publickey,password)."));
    }

    #[test]
    fn the_key_that_was_shown_is_known_with_its_authority() {
        let said = all_of("debug1: Server host key: ssh-ed25519 SHA256:abc");
        let plain = Shown { kind: "ssh-ed25519".into(), fingerprint: "SHA256:abc".into(), authority: None };
        assert_eq!(said.shown.as_ref(), Some(&plain));
        let said = all_of(
            "debug1: Server host certificate: ssh-ed25519-cert-v01@openssh.com SHA256:abc, serial 0 ID \"h\" CA ssh-ed25519 SHA256:def valid forever",
        );
        assert_eq!(said.shown, Some(Shown { authority: Some("SHA256:def".into()), ..plain }));
    }

    #[test]
    fn where_our_own_proxy_command_leads_is_known() {
        let said = all_of("debug1: Executing proxy command: exec ssh -F none -W '[10.0.0.1]:22' hop");
        assert_eq!(said.proxied.as_deref(), Some("[10.0.0.1]:22"));
    }

    #[test]
    fn a_flood_of_words_is_bounded() {
        let mut said = Said::default();
        for _ in 0..1000 {
            said.hear(&"x".repeat(10_000));
        }
        assert_eq!(said.words.len(), LINES);
        assert!(said.words[0].len() < 400 && said.words[0].ends_with('…'), "{}", said.words[0]);
    }
}
