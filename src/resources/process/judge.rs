//! How far a node is, from what the look told.

use super::read::{Answer, Holder, Told};
use super::{Failure, Life, LogFacts, Member, NodeState, Process, duration};

/// A node, and what is not good about it though it runs.
pub(super) struct Judged {
    pub(super) node: NodeState,
    pub(super) warnings: Vec<String>,
}

pub(super) fn judge(process: &Process, told: &Told) -> Judged {
    let mut warnings = Vec::new();
    let life = life(process, told, &mut warnings);
    let log = &process.facts.log;
    let first = told.processes.first();
    if let (Some(first), Some(file)) = (first, &told.pid_file)
        && file.whose != "own"
    {
        warnings.push(format!(
            "{} names process {}, and the product is process {}: its own script can't stop it",
            process.pid_file.file_name(),
            file.pid,
            first.pid
        ));
    }
    let mut node = NodeState {
        life,
        pid: first.map(|seen| seen.pid),
        uptime: first.map(|seen| seen.seconds),
        clustering: false,
        local_member: None,
        members: Vec::new(),
        elected: None,
        listens: told.listens.clone(),
        started_with: told.fingerprint.clone(),
        wanted: Some(told.wanted.clone()).filter(|wanted| !wanted.is_empty()),
    };
    if first.is_some() {
        membership(&mut node, told, log);
    }
    Judged { node, warnings }
}

fn life(process: &Process, told: &Told, warnings: &mut Vec<String>) -> Life {
    let log = &process.facts.log;
    let started = told.lines("started").last();
    let Some(first) = told.processes.first() else {
        // A start that has left nothing but its log. One that has come through was ended by somebody.
        let ended = started.is_some() || told.lines("stops").next().is_some();
        if ended || told.lines("begins").next().is_none() {
            return Life::Absent;
        }
        let cause = reason(process, told).unwrap_or_else(|| ("it said nothing of why".to_owned(), None));
        return failed(told, "start-failed", format!("the process has ended while it started: {}", cause.0), cause.1);
    };
    let port = told.ports.iter().find(|(_, holder)| *holder != Holder::Own);
    let trouble = reason(process, told);
    let Some(started) = started else {
        if let Some((reason, hint)) = trouble {
            let holder = match port {
                Some((port, Holder::Other(holder))) if code(told) == "port-taken" => {
                    format!("; port {port} is held by {holder}")
                }
                _ => String::new(),
            };
            return failed(told, code(told), format!("it will never serve: {reason}{holder}"), hint);
        }
        let limit = u64::from(process.start_timeout);
        if first.seconds > limit {
            let cause = format!("it is {} old and has not said `{}` yet", duration(first.seconds), log.started);
            let hint = "see its log; where it is only slow, set `product.start_timeout`";
            return failed(told, "not-ready", cause, Some(hint.to_owned()));
        }
        return Life::Starting { seconds: first.seconds, waits_for: format!("`{}` in its log", log.started) };
    };
    match port {
        Some((port, Holder::Other(holder))) => {
            let cause = format!("it says that it has started, and port {port} is held by {holder}");
            let hint = "stop that program, or set `product.port_offset`; then run again";
            return failed(told, "port-taken", cause, Some(hint.to_owned()));
        }
        Some((port, _)) => {
            if let Some((reason, hint)) = trouble {
                return failed(told, code(told), format!("it does not listen at port {port}: {reason}"), hint);
            }
            return Life::Starting { seconds: first.seconds, waits_for: format!("port {port} to be its own") };
        }
        None => {}
    }
    if let Some((reason, _)) = trouble {
        warnings.push(format!("it serves, and its start was not clean: {reason}"));
    }
    match waits_for(process, told.answer.as_ref()) {
        Some(waits_for) => Life::Starting { seconds: first.seconds, waits_for },
        None => {
            if told.answer.as_ref().is_some_and(|answer| answer.untried) {
                warnings
                    .push("there is no curl, nor bash with timeout, on this host to ask the product with".to_owned());
            }
            let number = started.split(log.started.as_str()).nth(1).unwrap_or_default();
            Life::Ready { started_in: number.split_whitespace().next().and_then(|number| number.parse().ok()) }
        }
    }
}

/// What is wrong with an answer; `None` when it is as it should be.
fn waits_for(process: &Process, answer: Option<&Answer>) -> Option<String> {
    let wanted = &process.facts.readiness;
    let request = format!("{} {}", wanted.method, wanted.path);
    let answer = answer?;
    match answer.status {
        _ if answer.untried => None,
        Some(status) if status == wanted.status && answer.contains => None,
        Some(status) if status == wanted.status => {
            Some(format!("an answer to {request} that holds `{}`, not `{}`", wanted.contains, answer.says))
        }
        Some(status) => Some(format!("{} from {request}, which answers {status}: {}", wanted.status, answer.says)),
        None => Some(format!("an answer to {request}, which has none within 5 s")),
    }
}

fn failed(told: &Told, code: &'static str, cause: String, hint: Option<String>) -> Life {
    let hint = hint.or_else(|| Some("mend what the log complains of, then run again".to_owned()));
    Life::Failed(Failure { code, cause, hint, tail: told.tail.clone() })
}

fn code(told: &Told) -> &'static str {
    let taken = told.log.iter().any(|(_, line)| line.contains("Address already in use"));
    if taken { "port-taken" } else { "start-failed" }
}

/// Why a start fails, in the log's words, and what to do; `None` when the log does not say that it does.
fn reason(process: &Process, told: &Told) -> Option<(String, Option<String>)> {
    let failed = told.lines("failed").next()?;
    let log = &process.facts.log;
    let lines = || told.lines("failed").chain(told.lines("caused"));
    for cause in &process.facts.causes {
        if let Some(line) = lines().find(|line| line.contains(&cause.text)) {
            return Some((said(line, log), Some(cause.hint.clone())));
        }
    }
    // The innermost cause of the first failure is the one that nothing else has caused.
    let caused = told.log.iter().skip_while(|(kind, _)| kind != "caused");
    let innermost = caused.take_while(|(kind, _)| kind == "caused").last();
    Some((said(innermost.map_or(failed, |(_, line)| line), log), None))
}

/// What a line says, without what comes before it.
fn said(line: &str, log: &LogFacts) -> String {
    let line = line.trim();
    let line = line.strip_prefix(log.caused.as_str()).unwrap_or(line);
    // `TID: [-1234] [] [2026-11-21 12:01:25,571] ERROR {class} - text {class}`
    let line = line.split_once("} - ").map_or(line, |(_, text)| text);
    let line = line.rsplit_once(" {").filter(|(_, class)| class.ends_with('}')).map_or(line, |(text, _)| text);
    line.trim().to_owned()
}

fn membership(node: &mut NodeState, told: &Told, log: &LogFacts) {
    for (kind, line) in &told.log {
        match kind.as_str() {
            "clustering" => node.clustering = true,
            "local" => node.local_member = local(line, &log.local_member).or(node.local_member.take()),
            "elected" => node.elected = id(line, &log.elected).map(|(id, _)| id.to_owned()),
            "joined" => {
                if let Some(member) = member(line, &log.member_joined) {
                    node.members.retain(|known| known.address != member.address);
                    node.members.push(member);
                }
            }
            "left" => {
                if let Some((left, _)) = id(line, &log.member_left) {
                    node.members.retain(|known| known.id != left);
                }
            }
            _ => {}
        }
    }
}

/// The id behind `text` and what follows it, in `Member joined [ID]: /10.79.0.2:4000`.
fn id<'l>(line: &'l str, text: &str) -> Option<(&'l str, &'l str)> {
    let (_, rest) = line.split_once(text)?;
    rest.split_once(']')
}

fn member(line: &str, text: &str) -> Option<Member> {
    let (id, rest) = id(line, text)?;
    let (_, address) = rest.split_once('/')?;
    let address = address.split_whitespace().next()?;
    Some(Member { address: address.to_owned(), id: id.to_owned() })
}

fn local(line: &str, text: &str) -> Option<Member> {
    let (id, rest) = id(line, text)?;
    let field = |name: &str| {
        let (_, rest) = rest.split_once(name)?;
        rest.split(',').next().map(str::trim)
    };
    Some(Member { address: format!("{}:{}", field(" Host:")?, field(" Port:")?), id: id.to_owned() })
}
