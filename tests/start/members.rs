//! Two nodes, each in a network namespace of its own, with the membership port between them blocked and opened again.

use std::fs;
use std::time::{Duration, Instant};

use hactl::model::inventory::Cluster;
use hactl::model::profile::Profile;
use hactl::model::{HostName, Script};
use hactl::resources::Resource;
use hactl::resources::process::NodeState;
use hactl::steps::gates::{Gate, GateNode, Verdict, blocked_ports_script, deadline, explain_not_joined, judge};

use crate::node::{Node, cluster, process};
use crate::tools::{is_asked_for, is_root, java_home, output, skip, try_output, until};

/// Two namespaces with a wire between them.
struct Wire {
    names: [String; 2],
}

impl Wire {
    fn lay() -> Result<Self, String> {
        if !is_root() {
            return Err("this is not root, which network namespaces need".to_owned());
        }
        let mark = std::process::id() % 10_000;
        let wire = Self { names: [format!("hs{mark}a"), format!("hs{mark}b")] };
        for name in &wire.names {
            try_output("ip", &["netns", "add", name])?;
        }
        let [a, b] = &wire.names;
        try_output("ip", &["-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b])?;
        for (name, address) in [(a, "10.83.7.1/24"), (b, "10.83.7.2/24")] {
            for words in [
                ["-n", name, "link", "set", "lo", "up"].as_slice(),
                &["-n", name, "addr", "add", address, "dev", "eth0"],
                &["-n", name, "link", "set", "eth0", "up"],
            ] {
                try_output("ip", words)?;
            }
        }
        try_output("ip", &["netns", "exec", a, "nft", "add", "table", "ip", "hactl"])?;
        Ok(wire)
    }

    fn nft(&self, node: usize, words: &[&str]) {
        output("ip", &[&["netns", "exec", &self.names[node], "nft"], words].concat());
    }

    /// Drops what comes to the membership ports.
    fn block(&self) {
        for node in [0, 1] {
            self.nft(node, &["add", "table", "ip", "hactl"]);
            self.nft(node, &["add", "chain", "ip", "hactl", "in", "{ type filter hook input priority 0; }"]);
            self.nft(
                node,
                &["add", "rule", "ip", "hactl", "in", "iifname", "eth0", "tcp", "dport", "4000-4010", "drop"],
            );
        }
    }

    fn open(&self) {
        for node in [0, 1] {
            self.nft(node, &["delete", "table", "ip", "hactl"]);
        }
    }

    fn inside(&self, node: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.names[node]].map(str::to_owned).to_vec()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in &self.names {
            drop(try_output("ip", &["netns", "del", name]));
        }
    }
}

/// The two nodes as the engine sees them.
struct Pair {
    wire: Wire,
    nodes: [Node; 2],
    cluster: Cluster,
    profile: Profile,
    processes: [Box<dyn Resource>; 2],
}

impl Pair {
    fn make(kernel: &'static str) -> Result<Self, String> {
        let wire = Wire::lay()?;
        let mut nodes = [Node::unpack(kernel, 0)?, Node::unpack(kernel, 0)?];
        let java = java_home().ok_or("there is no java")?;
        let mut hosts = String::new();
        for (index, node) in nodes.iter_mut().enumerate() {
            node.inside = wire.inside(index);
            let address = format!("10.83.7.{}", index + 1);
            let shipped = fs::read_to_string(node.configuration()).unwrap();
            node.configure(&format!(
                "{shipped}\n[clustering]\nmembership_scheme = \"wka\"\ndomain = \"pair\"\nlocal_member_host = \"{address}\"\nlocal_member_port = \"4000\"\nmembers = [\"10.83.7.1:4000\", \"10.83.7.2:4000\"]\n"
            ));
            let product = node.product(java.to_str().unwrap(), "");
            hosts += &format!("  is-{}: {{ address: {address}, product: {product} }}\n", index + 1);
        }
        let cluster = cluster(&format!(
            "version: 1\ncluster: pair\nhosts:\n{hosts}clustering: {{ scheme: wka, domain: pair }}\n"
        ));
        let processes = [process(&cluster, &cluster.hosts[0]), process(&cluster, &cluster.hosts[1])];
        let profile = Profile::find("wso2carbon", kernel).unwrap();
        Ok(Self { wire, nodes, cluster, profile, processes })
    }

    fn look(&self) -> [NodeState; 2] {
        [0, 1].map(|index| self.nodes[index].look(&*self.processes[index]).0)
    }

    fn judge(&self, gate: Gate, states: &[NodeState; 2], of: usize) -> Verdict {
        let all = self.all(states);
        judge(gate, &self.cluster, &all, &self.cluster.hosts[of].name)
    }

    fn all<'a>(&'a self, states: &'a [NodeState; 2]) -> [GateNode<'a>; 2] {
        [0, 1].map(|index| GateNode {
            host: &self.cluster.hosts[index],
            profile: &self.profile,
            state: Some(&states[index]),
        })
    }

    fn start(&mut self, index: usize) {
        self.nodes[index].apply(&*self.processes[index]);
        self.nodes[index].ready(&*self.processes[index]);
    }

    /// Polls until the gate is passed for both.
    fn joined(&self, limit: Duration) -> String {
        until("both nodes are joined", limit, || {
            let states = self.look();
            let said = [0, 1].map(|of| match self.judge(Gate::Joined, &states, of) {
                Verdict::Passed(said) => Some(said),
                Verdict::Waiting(_) => None,
                Verdict::Failed(error) => panic!("{error:?}"),
            });
            said.into_iter().collect::<Option<Vec<_>>>().and_then(|said| said.into_iter().next())
        })
    }
}

fn two_nodes(kernel: &'static str) {
    if !is_asked_for() {
        return;
    }
    let mut pair = match Pair::make(kernel) {
        Ok(pair) => pair,
        Err(why) => return skip(&format!("two nodes of kernel {kernel} can't be started: {why}")),
    };
    // 17: blocked from the start: two nodes that serve, and are no cluster.
    pair.wire.block();
    pair.start(0);
    let states = pair.look();
    assert_eq!(pair.judge(Gate::Joined, &states, 0), Verdict::Passed("1 member, is-1 coordinates".to_owned()));
    pair.start(1);
    let states = pair.look();
    assert!(states.iter().all(|state| state.is_ready() && state.elected.is_some()), "{states:#?}");
    for of in [0, 1] {
        assert_eq!(pair.judge(Gate::Ready, &states, of), ready(&states[of]));
        assert_eq!(
            pair.judge(Gate::Joined, &states, of),
            Verdict::Waiting("is-1 and is-2 have not seen one another".to_owned())
        );
    }
    let answers = [0, 1].map(|index| {
        let mut script = Script::new();
        blocked_ports_script(&pair.cluster, &pair.cluster.hosts[index], &pair.profile, &mut script);
        pair.nodes[index].script(&script)
    });
    let names: Vec<&HostName> = pair.cluster.hosts.iter().map(|host| &host.name).collect();
    let told: Vec<(&HostName, &str)> = names.iter().copied().zip(answers.iter().map(String::as_str)).collect();
    let error = explain_not_joined(&pair.cluster, &pair.all(&states), &told);
    assert_eq!(error.code, "member-port-blocked", "{error:?}");
    for way in ["is-1 -> is-2 at 10.83.7.2:4000: no answer", "is-2 -> is-1 at 10.83.7.1:4000: no answer"] {
        assert!(error.cause.contains(way), "{error:?}");
    }

    // Opened again: they find one another without being touched, within the gate's own deadline.
    pair.wire.open();
    let begin = Instant::now();
    let limit = deadline(Gate::Joined, &pair.cluster, &pair.cluster.hosts[0], &pair.profile);
    assert!(limit >= Duration::from_secs(90));
    let said = pair.joined(limit);
    eprintln!("{kernel}: merged after {:?}: {said}", begin.elapsed());
    let after = pair.look();
    assert_eq!(states.map(|state| state.pid), after.map(|state| state.pid));

    // 16: a restart as a rollout does it.
    let both = pair.look();
    assert_eq!(pair.judge(Gate::OthersReady, &both, 1), Verdict::Passed("is-1 serves".to_owned()));
    let text = fs::read_to_string(pair.nodes[1].configuration()).unwrap();
    pair.nodes[1].configure(&format!("{text}\n[nothing]\nx = 1\n"));
    pair.nodes[1].apply(&*pair.processes[1]);
    let meanwhile = pair.look();
    let Verdict::Failed(error) = pair.judge(Gate::OthersReady, &meanwhile, 0) else { panic!("{meanwhile:#?}") };
    assert_eq!(error.code, "last-node");
    let state = pair.nodes[1].ready(&*pair.processes[1]);
    assert!(state.elected.is_none(), "{state:#?}");
    eprintln!("{kernel}: joined again: {}", pair.joined(limit));
}

fn ready(state: &NodeState) -> Verdict {
    let hactl::resources::process::Life::Ready { started_in: Some(seconds) } = &state.life else {
        panic!("{state:#?}")
    };
    Verdict::Passed(format!("ready, started in {seconds} s"))
}

#[test]
fn two_nodes_of_kernel_4_9_are_a_cluster_only_when_they_have_seen_one_another() {
    two_nodes("4.9.1-m1");
}
