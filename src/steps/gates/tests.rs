use super::*;
use crate::model::inventory::{Place, read};
use crate::resources::process::{Failure, Member};

fn cluster(clustering: &str, hosts: u8) -> Cluster {
    let hosts: String = (1..=hosts).map(|host| format!("  is-{host}: {{ address: 10.0.0.{host} }}\n")).collect();
    let text = format!(
        "version: 1\ncluster: iam\nproduct: {{ name: wso2carbon, version: 4.9.1, home: /opt/wso2 }}\nhosts:\n{hosts}{clustering}"
    );
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    read(&text, &place).unwrap().clusters[0].clone()
}

const WKA: &str = "clustering: { scheme: wka }\n";

/// A node that serves; it has seen these others joining.
fn serves(own: u8, elected: bool, seen: &[u8]) -> NodeState {
    let member = |host: &u8| Member { address: format!("10.0.0.{host}:4000"), id: format!("u-{host}") };
    NodeState {
        life: Life::Ready { started_in: Some(12) },
        pid: Some(700 + u32::from(own)),
        uptime: Some(20),
        clustering: true,
        local_member: Some(member(&own)),
        members: seen.iter().map(member).collect(),
        elected: elected.then(|| format!("u-{own}")),
        listens: vec![9443, 9763, 4000],
        started_with: None,
        wanted: None,
    }
}

fn with(life: Life) -> NodeState {
    NodeState { life, members: Vec::new(), elected: None, ..serves(1, false, &[]) }
}

fn failed() -> NodeState {
    let tail = vec!["ERROR x".to_owned(), "Caused by: y".to_owned()];
    with(Life::Failed(Failure { code: "start-failed", cause: "y".into(), hint: Some("mend y".into()), tail }))
}

fn absent() -> NodeState {
    NodeState { pid: None, ..with(Life::Absent) }
}

fn starting() -> NodeState {
    with(Life::Starting { seconds: 7, waits_for: "port 9443".into() })
}

fn asked(gate: Gate, cluster: &Cluster, states: &[Option<NodeState>], of: usize) -> Verdict {
    let profile = Profile::find("wso2carbon", "4.9.1").unwrap();
    let nodes = cluster.hosts.iter().zip(states);
    let all: Vec<GateNode<'_>> =
        nodes.map(|(host, state)| GateNode { host, profile: &profile, state: state.as_ref() }).collect();
    judge(gate, cluster, &all, &cluster.hosts[of].name)
}

fn waits(verdict: &Verdict, text: &str) {
    assert!(matches!(verdict, Verdict::Waiting(said) if said.contains(text)), "{verdict:?} does not wait for {text}");
}

fn fails<'v>(verdict: &'v Verdict, code: &str) -> &'v AssessError {
    match verdict {
        Verdict::Failed(error) if error.code == code => error,
        other => panic!("{other:?} is not {code}"),
    }
}

#[test]
fn a_node_is_ready_when_it_serves_and_a_failed_one_is_told_at_once() {
    let one = cluster("", 1);
    let ready = |state: NodeState| asked(Gate::Ready, &one, &[Some(state)], 0);
    assert_eq!(ready(serves(1, true, &[])), Verdict::Passed("ready, started in 12 s".into()));
    waits(&ready(starting()), "7 s old, waits for port 9443");
    waits(&asked(Gate::Ready, &one, &[None], 0), "could not be looked at");
    let verdict = ready(failed());
    let error = fails(&verdict, "start-failed");
    assert_eq!(error.cause, "y; the log ends with\n  | ERROR x\n  | Caused by: y");
    assert_eq!(error.hint.as_deref(), Some("mend y"));
    fails(&ready(absent()), "node-ended");
}

#[test]
fn nodes_are_joined_when_of_each_two_one_has_seen_the_other_and_one_coordinates() {
    let three = cluster(WKA, 3);
    let joined = |states: [NodeState; 3], of| asked(Gate::Joined, &three, &states.map(Some), of);
    let whole = || [serves(1, true, &[2, 3]), serves(2, false, &[3]), serves(3, false, &[])];
    assert_eq!(joined(whole(), 2), Verdict::Passed("3 members, is-1 coordinates".into()));
    // The one in the middle has not seen the last.
    let [first, mut second, third] = whole();
    second.members.clear();
    waits(&joined([first, second, third], 0), "is-2 and is-3 have not seen one another");
    // A rolling first start: only those that run count.
    let [mut first, mut second, _] = whole();
    (first.members, second.members) = (vec![], vec![]);
    assert_eq!(joined([first, absent(), absent()], 0), Verdict::Passed("1 member, is-1 coordinates".into()));
    waits(&joined([starting(), second, absent()], 0), "does not serve yet");
    fails(&joined([failed(), absent(), absent()], 0), "start-failed");
    waits(&asked(Gate::Joined, &three, &[Some(serves(1, true, &[])), None, None], 0), "is-2 could not be looked at");
}

#[test]
fn two_singles_that_serve_are_no_cluster() {
    let two = cluster(WKA, 2);
    let joined = |one, other| asked(Gate::Joined, &two, &[Some(one), Some(other)], 0);
    waits(&joined(serves(1, true, &[]), serves(2, true, &[])), "have not seen one another");
    // They have seen one another, and both say that they coordinate.
    waits(&joined(serves(1, true, &[2]), serves(2, true, &[1])), "is-1 and is-2 each were elected");
    // After a split the one comes back under a new id: what it was elected as is gone.
    let mut first = serves(1, true, &[2]);
    first.members[0].id = "u-2-again".into();
    assert_eq!(joined(first, serves(2, true, &[1])), Verdict::Passed("2 members, is-1 coordinates".into()));
    waits(&joined(serves(1, false, &[2]), serves(2, false, &[])), "no node was elected");
    // Others of the same network are not peers.
    waits(&joined(serves(1, true, &[7]), serves(2, false, &[])), "have not seen one another");
}

#[test]
fn a_membership_port_that_another_program_has_is_told_and_so_is_a_node_without_clustering() {
    let two = cluster(WKA, 2);
    let mut moved = serves(1, true, &[]);
    moved.listens = vec![9443, 9763, 4001];
    moved.local_member = Some(Member { address: "10.0.0.1:4001".into(), id: "u-1".into() });
    let verdict = asked(Gate::Joined, &two, &[Some(moved), Some(absent())], 0);
    let error = fails(&verdict, "member-port-taken");
    assert!(error.cause.contains("membership port 4000; it took 4001"), "{error:?}");
    let mut alone = serves(1, false, &[]);
    alone.clustering = false;
    fails(&asked(Gate::Joined, &two, &[Some(alone.clone()), Some(absent())], 0), "not-clustered");
    let plain = cluster("", 2);
    let verdict = asked(Gate::Joined, &plain, &[Some(alone), Some(absent())], 0);
    assert_eq!(verdict, Verdict::Passed("no clustering is asked for".into()));
}

#[test]
fn the_last_node_that_serves_is_not_taken_down() {
    let two = cluster(WKA, 2);
    let others = |one: Option<NodeState>, other: Option<NodeState>| asked(Gate::OthersReady, &two, &[one, other], 0);
    let up = || Some(serves(1, true, &[]));
    assert_eq!(others(up(), Some(serves(2, false, &[]))), Verdict::Passed("is-2 serves".into()));
    for (other, how) in [
        (Some(absent()), "does not run"),
        (Some(starting()), "is still starting"),
        (Some(failed()), "has failed"),
        (None, "could not be looked at"),
    ] {
        let verdict = others(up(), other.clone());
        let error = fails(&verdict, "last-node");
        assert_eq!(error.cause, format!("is-1 is the last node that serves: is-2 {how}"));
        assert_eq!(others(Some(absent()), other.clone()), Verdict::Passed("it does not serve".into()));
        // One that can't be looked at may be the one that serves.
        fails(&others(None, other), "last-node");
    }
    let one = cluster("", 1);
    assert_eq!(asked(Gate::OthersReady, &one, &[up()], 0), Verdict::Passed("it is the only node".into()));
}

#[test]
fn a_deadline_knows_the_scheme_and_the_inventory() {
    let profile = Profile::find("wso2carbon", "4.9.1").unwrap();
    let seconds = |text: &str, gate| {
        let cluster = cluster(text, 2);
        deadline(gate, &cluster, &cluster.hosts[0], &profile).as_secs()
    };
    assert_eq!((seconds(WKA, Gate::Ready), seconds(WKA, Gate::Joined)), (300, 90));
    let multicast = "clustering: { scheme: multicast }\n";
    assert_eq!((seconds(multicast, Gate::Ready), seconds(multicast, Gate::Joined)), (360, 150));
    let quick = "clustering: { scheme: multicast, multicast: { timeout: 5 } }\n";
    assert_eq!(seconds(quick, Gate::Ready), 305);
}

#[test]
fn the_blocked_way_is_named_with_its_direction_and_port() {
    let two = cluster(WKA, 2);
    let profile = Profile::find("wso2carbon", "4.9.1").unwrap();
    let all: Vec<GateNode<'_>> =
        two.hosts.iter().map(|host| GateNode { host, profile: &profile, state: None }).collect();
    let names: Vec<&HostName> = two.hosts.iter().map(|host| &host.name).collect();
    let explain =
        |answers: [&str; 2]| explain_not_joined(&two, &all, &[(names[0], answers[0]), (names[1], answers[1])]);
    let error = explain(["server 10.0.0.2 4000 silent \n", "server 10.0.0.1 4000 open \n"]);
    assert_eq!(error.code, "member-port-blocked");
    assert!(error.cause.ends_with("blocked: is-1 -> is-2 at 10.0.0.2:4000: no answer within 3 s"), "{error:?}");
    let closed = "server 10.0.0.1 4000 closed connect: Connection refused\n";
    let error = explain(["server 10.0.0.2 4000 open \n", closed]);
    assert!(error.cause.ends_with("blocked: is-2 -> is-1 at 10.0.0.1:4000: Connection refused"), "{error:?}");
    let open = ["server 10.0.0.2 4000 open \n", "server 10.0.0.1 4000 open \n"];
    assert_eq!(explain(open).code, "not-joined");
    assert!(
        explain(["server 10.0.0.2 4000 untried there is no bash\n", ""]).cause.contains("could be tried: is-1 -> is-2")
    );
    let mut script = crate::model::Script::new();
    blocked_ports_script(&two, &two.hosts[0], &profile, &mut script);
    assert!(script.text().ends_with("hactl_server 10.0.0.2 4000\n"), "each peer, and not the node itself");
}
