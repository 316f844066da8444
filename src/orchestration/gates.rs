//! What must hold before a host is touched, and what must come true on it before the next one is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::each::on_each;
use super::fence::{Fences, OnFailure};
use super::fleet::{Fleet, Stage};
use super::look::look_at;
use super::node::Node;
use super::progress::Progress;
use super::run::Run;
use super::sight::{Sight, state_of};
use super::{Event, Failure, Phase};
use crate::model::{HostName, Script};
use crate::resources::AssessError;
use crate::resources::process::NodeState;
use crate::steps::Item;
use crate::steps::gates::{Gate, GateNode, Verdict, blocked_ports_script, deadline, explain_not_joined, judge};

/// How long to wait before a gate is looked at again.
const PAUSE: Duration = Duration::from_secs(1);

/// What came of the gates of a stage on a host: what opened them, or why they stayed shut.
pub(super) type Gated = Result<String, Failure>;

/// What was seen of the product's process on every node; `None` where it could not be told.
struct Nodes(Vec<(Arc<Node>, Option<NodeState>)>);

impl Nodes {
    /// Looks at the process on every node of the product, also on those that the run leaves alone.
    async fn look(fleet: &Fleet) -> Self {
        let nodes: Vec<Arc<Node>> =
            fleet.nodes.iter().chain(&fleet.peers).filter(|node| node.subject.is_some()).cloned().collect();
        let gated: Vec<bool> = fleet.stages.iter().map(|stage| !stage.gate.is_empty()).collect();
        let results = on_each(&nodes, fleet.concurrency, |node| {
            let gated = gated.clone();
            async move {
                let is_gated = |item: &&Item| gated.get(item.stage).copied().unwrap_or_default();
                let items: Vec<&Item> = node.items.iter().filter(is_gated).collect();
                match items.is_empty() {
                    true => None,
                    false => state_of(&look_at(&node, &items, None).await.ok()?).cloned(),
                }
            }
        })
        .await;
        Self(results.into_iter().map(|(node, state)| (node, state.flatten())).collect())
    }

    /// What was seen of them when the run began.
    fn seen(sights: &[Sight]) -> Self {
        let nodes = sights.iter().filter(|sight| sight.node.subject.is_some());
        let state = |sight: &Sight| sight.looked.as_ref().ok().and_then(state_of).cloned();
        Self(nodes.map(|sight| (sight.node.clone(), state(sight))).collect())
    }

    fn gate_nodes(&self) -> Vec<GateNode<'_>> {
        let mut all = Vec::with_capacity(self.0.len());
        for (node, state) in &self.0 {
            let Some(subject) = &node.subject else { continue };
            all.push(GateNode { host: &subject.host, profile: &subject.profile, state: state.as_ref() });
        }
        all
    }

    /// What a gate says of a host. A host without a product passes every gate.
    fn judge(&self, gate: Gate, fleet: &Fleet, name: &HostName) -> Verdict {
        let all = self.gate_nodes();
        match all.iter().any(|node| node.host.name == *name) {
            true => judge(gate, &fleet.cluster, &all, name),
            false => Verdict::Passed(String::new()),
        }
    }
}

/// Notes on every host that is as wanted whether a gate of its stage has still to open.
pub(super) fn note_waiting(sights: &mut [Sight], fleet: &Fleet) {
    let seen = Nodes::seen(sights);
    for (index, stage) in fleet.stages.iter().enumerate() {
        for sight in sights.iter_mut().filter(|sight| sight.is_ready_for_gates(index)) {
            for gate in &stage.gate {
                if let Verdict::Waiting(why) = seen.judge(*gate, fleet, &sight.node.name) {
                    sight.waiting.get_or_insert((index, why));
                }
            }
        }
    }
}

/// Those of a crowd that may be touched now; the others have failed.
pub(super) async fn before(
    stage: &Stage,
    crowd: &[Arc<Sight>],
    hosts: &mut [Progress],
    run: Run<'_>,
) -> Vec<Arc<Sight>> {
    if stage.before.is_empty() {
        return crowd.to_vec();
    }
    let nodes = Nodes::look(run.fleet).await;
    let mut free = Vec::new();
    for sight in crowd {
        let verdicts = stage.before.iter().map(|gate| (*gate, nodes.judge(*gate, run.fleet, &sight.node.name)));
        let shut = verdicts.into_iter().find_map(|(gate, verdict)| match verdict {
            Verdict::Passed(_) => None,
            Verdict::Waiting(why) => Some(AssessError::new(code(gate), why)),
            Verdict::Failed(error) => Some(error),
        });
        match (shut, hosts.iter_mut().find(|host| host.sight.node.name == sight.node.name)) {
            (Some(error), Some(host)) => host.failure = Some(of_gate(stage, run.fleet, error)),
            _ => free.push(sight.clone()),
        }
    }
    free
}

/// Waits until every gate of the stage has opened for these hosts, or is known to stay shut.
pub(super) async fn after(stage: &Stage, hosts: Vec<Arc<Node>>, run: Run<'_>) -> Vec<(HostName, Gated)> {
    let mut gated: Vec<(HostName, Gated)> = Vec::new();
    let mut waiting: Vec<(Arc<Node>, Vec<String>)> = hosts.into_iter().map(|node| (node, Vec::new())).collect();
    for gate in &stage.gate {
        for host in &waiting {
            run.events.send(Event::Host { host: host.0.name.clone(), phase: Phase::Wait });
        }
        waiting = wait(*gate, waiting, &mut gated, stage, run).await;
    }
    gated.extend(waiting.into_iter().map(|(node, words)| (node.name.clone(), Ok(words.join(", ")))));
    gated
}

/// Waits for one gate. Those for which it stays shut go to `gated`; the others come back.
async fn wait(
    gate: Gate,
    mut waiting: Vec<(Arc<Node>, Vec<String>)>,
    gated: &mut Vec<(HostName, Gated)>,
    stage: &Stage,
    run: Run<'_>,
) -> Vec<(Arc<Node>, Vec<String>)> {
    let begun = Instant::now();
    let (mut open, mut told) = (Vec::new(), Vec::<(HostName, String)>::new());
    while !waiting.is_empty() {
        let nodes = Nodes::look(run.fleet).await;
        for (node, mut words) in std::mem::take(&mut waiting) {
            let name = node.name.clone();
            let why = match nodes.judge(gate, run.fleet, &name) {
                Verdict::Passed(word) => {
                    words.extend(Some(word).filter(|word| !word.is_empty()));
                    open.push((node, words));
                    continue;
                }
                Verdict::Failed(error) => {
                    gated.push((name, Err(of_gate(stage, run.fleet, error))));
                    continue;
                }
                Verdict::Waiting(why) => why,
            };
            if run.stop.asked().is_some() {
                let error = AssessError::new("interrupted", format!("interrupted while it was waited for: {why}"));
                gated.push((name, Err(of_gate(stage, run.fleet, error.hint("run `hactl apply` again to go on")))));
            } else if begun.elapsed() > patience(gate, &node, run.fleet) {
                let error = give_up(gate, &why, begun.elapsed(), &nodes, run.fleet).await;
                gated.push((name, Err(of_gate(stage, run.fleet, error))));
            } else {
                if !told.contains(&(name.clone(), why.clone())) {
                    run.events.send(Event::Waiting { host: name.clone(), gate, why: why.clone() });
                    told.push((name, why));
                }
                waiting.push((node, words));
            }
        }
        if !waiting.is_empty() {
            tokio::select! { () = tokio::time::sleep(PAUSE) => {} () = run.stop.wait() => {} }
        }
    }
    open
}

fn patience(gate: Gate, node: &Node, fleet: &Fleet) -> Duration {
    let subject = node.subject.as_ref();
    subject.map_or(Duration::ZERO, |subject| deadline(gate, &fleet.cluster, &subject.host, &subject.profile))
}

/// Why a gate did not open in time, as far as it can be found out.
async fn give_up(gate: Gate, why: &str, after: Duration, seen: &Nodes, fleet: &Fleet) -> AssessError {
    let late = format!("{why}, {} s after it was first waited for", after.as_secs());
    if gate != Gate::Joined {
        return AssessError::new(code(gate), late).hint("look into the product's log on that host");
    }
    let nodes: Vec<Arc<Node>> = fleet.nodes.iter().chain(&fleet.peers).cloned().collect();
    let answers = on_each(&nodes, fleet.concurrency, |node| {
        let cluster = fleet.cluster.clone();
        async move {
            let subject = node.subject.as_ref()?;
            let mut script = Script::new();
            blocked_ports_script(&cluster, &subject.host, &subject.profile, &mut script);
            let fences = Fences::new();
            let reply = node.run(&fences.join(&Script::new(), [&script], OnFailure::GoOn)).await.ok()?;
            let seen = fences.split(&reply.stdout, &reply.stderr, 1).first().copied().flatten()?;
            Some((node.name.clone(), String::from_utf8_lossy(seen.stdout).into_owned()))
        }
    })
    .await;
    let answers: Vec<_> = answers.into_iter().filter_map(|(_, answer)| answer.flatten()).collect();
    let told: Vec<(&HostName, &str)> = answers.iter().map(|(name, said)| (name, said.as_str())).collect();
    let AssessError { code, cause, hint } = explain_not_joined(&fleet.cluster, &seen.gate_nodes(), &told);
    AssessError { code, cause: format!("{late}: {cause}"), hint }
}

/// The code of a gate that did not open in time.
fn code(gate: Gate) -> &'static str {
    match gate {
        Gate::Ready => "not-ready",
        Gate::Joined => "not-joined",
        Gate::OthersReady => "others-not-ready",
    }
}

/// A gate's failure, as one of the step that the stage is about.
fn of_gate(stage: &Stage, fleet: &Fleet, error: AssessError) -> Failure {
    let AssessError { code, cause, hint } = error;
    let process = fleet.nodes.iter().flat_map(|node| &node.items);
    let item = process.into_iter().find(|item| fleet.stage_name(item.stage) == stage.name);
    Failure { step: item.and_then(|item| item.steps.first().copied()), hint, ..Failure::new(code, cause) }
}
