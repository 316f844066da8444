//! The rules about hosts: asked in one exec per host, judged over all of them.

use std::sync::Arc;
use std::time::Instant;

use super::ask::ask;
use super::each::on_each;
use super::fleet::Fleet;
use super::node::Node;
use super::report::FindingReport;
use super::report::milliseconds_since;
use super::{Event, Events, Failure, HostReport, Outcome, Phase, Report, Stop};
use crate::model::Script;
use crate::model::inventory::Severity;
use crate::resources::Seen;
use crate::steps::preflight::{Clock, Facts, PREFLIGHT, Rule, Subject, rules};
use crate::steps::{Finding, check};

/// What came of one host.
pub(super) struct Judged {
    pub(super) node: Arc<Node>,
    /// What the rules say of it, or why it could not be asked.
    pub(super) findings: Result<Vec<FindingReport>, Failure>,
    milliseconds: u64,
}

/// What one host answered.
struct Answer {
    /// What each rule's probe printed, and why it could not; `None` where the rule does not apply.
    said: Vec<Option<Result<String, String>>>,
    clock: Option<Clock>,
}

/// Asks every host once, and judges every rule that `takes` names. Changes nothing, takes no lock.
pub async fn preflight(fleet: &Fleet, takes: impl Fn(&str) -> bool, events: &Events, stop: &Stop) -> Report {
    let begun = Instant::now();
    fleet.announce("preflight", None, events);
    let wanted: Vec<&'static Rule> = rules().filter(|rule| takes(rule.id)).collect();
    let judged = ask_all(&fleet.nodes, fleet, &wanted, events, stop).await;
    let hosts = judged.into_iter().map(report).collect();
    fleet.close().await;
    let static_ones = findings_of_the_inventory(fleet);
    Report {
        version: 1,
        command: "preflight",
        cluster: fleet.cluster.name.clone(),
        run: None,
        hosts,
        stages: Vec::new(),
        findings: static_ones.into_iter().filter(|finding| takes(finding.rule)).collect(),
        proof: None,
        interrupted: stop.asked(),
        milliseconds: milliseconds_since(begun),
    }
}

/// What the rules that need no host say: the same as `hactl validate`.
fn findings_of_the_inventory(fleet: &Fleet) -> Vec<FindingReport> {
    let mut profiles: Vec<&Subject> = Vec::new();
    for subject in fleet.nodes.iter().filter_map(|node| node.subject.as_ref()) {
        if !profiles.iter().any(|known| known.profile.name == subject.profile.name) {
            profiles.push(subject);
        }
    }
    let mut findings = Vec::new();
    for finding in profiles.iter().flat_map(|subject| check(&fleet.cluster, &subject.profile)) {
        let finding = FindingReport::from(finding);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

fn report(judged: Judged) -> HostReport {
    let Judged { node, findings, milliseconds } = judged;
    let (outcome, findings) = match findings {
        Err(failure) => (Outcome::Unknown(failure), Vec::new()),
        Ok(findings) => (outcome_of(&findings), findings),
    };
    let failures = match &outcome {
        Outcome::Unknown(failure) => vec![failure.clone()],
        _ => Vec::new(),
    };
    HostReport {
        host: node.name.clone(),
        outcome,
        failures,
        made: 0,
        items: Vec::new(),
        node: None,
        looked_at: 0,
        execs: node.execs(),
        findings,
        milliseconds,
    }
}

fn outcome_of(findings: &[FindingReport]) -> Outcome {
    match failures(findings).next() {
        Some(failure) => Outcome::Failed(failure),
        None => Outcome::Passed { warnings: findings.len() },
    }
}

/// The findings that stop a run, as what went wrong on the host.
pub(super) fn failures(findings: &[FindingReport]) -> impl Iterator<Item = Failure> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| {
        let failure = Failure::new(finding.rule, finding.cause.clone());
        Failure { step: Some(PREFLIGHT), hint: finding.hint.clone(), ..failure }
    })
}

/// Asks these hosts, each in one exec, and judges the rules over all that answered. A host without a product passes.
pub(super) async fn ask_all(
    nodes: &[Arc<Node>],
    fleet: &Fleet,
    wanted: &[&'static Rule],
    events: &Events,
    stop: &Stop,
) -> Vec<Judged> {
    let answers = on_each(nodes, fleet.concurrency, |node| {
        let (wanted, events, stop) = (wanted.to_vec(), events.clone(), stop.clone());
        async move {
            if stop.asked().is_some() {
                return (Err(Failure::new("interrupted", "interrupted before it was looked at")), 0);
            }
            let begun = Instant::now();
            events.send(Event::Host { host: node.name.clone(), phase: Phase::Preflight });
            let answer = match &node.subject {
                Some(subject) => look(&node, subject, &wanted).await.map(Some),
                None => Ok(None),
            };
            (answer, milliseconds_since(begun))
        }
    })
    .await;
    let broken = || (Err(Failure::new("internal", "the task of this host broke off")), 0);
    let answers: Vec<_> = answers.into_iter().map(|(node, answer)| (node, answer.unwrap_or_else(broken))).collect();
    let mut findings: Vec<Vec<FindingReport>> = answers.iter().map(|_| Vec::new()).collect();
    for (index, rule) in wanted.iter().enumerate() {
        let mut facts = Vec::new();
        for (place, (node, (answer, _))) in answers.iter().enumerate() {
            let (Some(subject), Ok(Some(answer))) = (&node.subject, answer) else { continue };
            match answer.said.get(index) {
                Some(Some(Ok(said))) => facts.push(Facts { subject, said, clock: answer.clock }),
                Some(Some(Err(why))) => {
                    findings.get_mut(place).into_iter().for_each(|list| list.push(unasked(rule, why)))
                }
                _ => {}
            }
        }
        for verdict in rule.judge(&facts) {
            let place = answers.iter().position(|(node, _)| node.name == verdict.host);
            if let Some(list) = place.and_then(|place| findings.get_mut(place)) {
                let (severity, cause, hint) = (verdict.severity, verdict.cause, Some(verdict.hint));
                list.push(FindingReport { rule: rule.id, severity, at: None, cause, hint });
            }
        }
    }
    let mut all = Vec::with_capacity(answers.len());
    for ((node, (answer, milliseconds)), findings) in answers.into_iter().zip(findings) {
        let findings = answer.map(|_| findings);
        let outcome = match &findings {
            Ok(findings) => outcome_of(findings),
            Err(failure) => Outcome::Unknown(failure.clone()),
        };
        let host = node.name.clone();
        events.send(Event::HostDone { host, stage: None, outcome, note: None, milliseconds });
        all.push(Judged { node, findings, milliseconds });
    }
    all
}

/// A rule that could not be looked at is no reason to stop, and none to say that all is well.
fn unasked(rule: &Rule, why: &str) -> FindingReport {
    let cause = format!("could not be looked at: {why}");
    let hint = Some("log in as the same user and look by hand, or give it more rights (`ssh.become`)".to_owned());
    FindingReport { rule: rule.id, severity: Severity::Warning, at: None, cause, hint }
}

async fn look(node: &Node, subject: &Subject, wanted: &[&'static Rule]) -> Result<Answer, Failure> {
    let mut prelude = Script::new();
    subject.prelude(&mut prelude);
    let applying: Vec<bool> = wanted.iter().map(|rule| rule.applies(subject)).collect();
    let probe = |rule: &Rule| {
        let mut script = Script::new();
        rule.probe(subject, &mut script);
        // A subshell without a command is a syntax error.
        script.line(":");
        script
    };
    let probes = wanted.iter().zip(&applying).filter(|(_, applies)| **applies).map(|(rule, _)| probe(rule)).collect();
    let answer = ask(node, &prelude, probes).await?;
    let mut seen = answer.seen()?.into_iter();
    let said = applying.into_iter().map(|applies| applies.then(|| seen.next().map(said)).flatten()).collect();
    Ok(Answer { said, clock: answer.clock })
}

/// What a probe printed, or why it could not.
fn said(seen: Seen<'_>) -> Result<String, String> {
    if seen.status == 0 {
        return Ok(String::from_utf8_lossy(seen.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(seen.stderr);
    let why = why.trim().lines().next_back().unwrap_or_default();
    // What the probe itself says begins with `hactl: CODE: `.
    let why = why.strip_prefix("hactl: ").and_then(|rest| rest.split_once(": ")).map_or(why, |(_, why)| why);
    Err(if why.is_empty() { format!("its probe ended with status {}", seen.status) } else { why.to_owned() })
}

impl From<Finding> for FindingReport {
    fn from(finding: Finding) -> Self {
        let error = finding.error;
        let at = (!error.at.is_empty()).then_some(error.at);
        Self { rule: error.code, severity: finding.severity, at, cause: error.cause, hint: error.hint }
    }
}
