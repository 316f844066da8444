//! A run that is interrupted, in every stage and in every way: the next one ends well.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command};
use std::sync::mpsc::{TryRecvError, channel};
use std::time::Duration;

use crate::place::{Ground, eventually};

/// How a run ends before its time.
#[derive(Debug, Clone, Copy)]
enum Cut {
    CtrlC,
    Kill,
    Connection,
}

#[test]
fn a_run_that_is_interrupted_in_every_stage_is_ended_by_the_next_one() {
    let stages = stages();
    assert!(stages.len() >= 3, "{stages:?}");
    // Each round cuts every stage once; after three rounds, every stage was cut in every way.
    for round in 0..3 {
        let Some(ground) = Ground::clean() else { return };
        ground.inventory(&["--kernel", "4.5.1"]);
        for (index, stage) in stages.iter().enumerate() {
            cut_in(&ground, stage, [Cut::CtrlC, Cut::Kill, Cut::Connection][(round + index) % 3]);
        }
        ground.hactl(0, &["apply", "--lock-wait", "60"]);
        ground.two_joined_nodes_serve();
        ground.nothing_to_do(&[]);
        for host in ["is-1", "is-2", "lb-1"] {
            let words = ["find", "/opt", "/etc", "/var/lib/hactl", "-name", ".hactl*", "-o", "-name", "*.part"];
            assert_eq!(ground.on(host, &words), "", "nothing is left over on {host}");
        }
    }
}

/// Applies, and cuts the run off when the first host has finished something in a stage. A run in which that stage has
/// nothing to do says nothing of it, and ends by itself.
fn cut_in(ground: &Ground, stage: &str, cut: Cut) {
    let mut child = ground.command(&["apply", "--lock-wait", "60"]).spawn().unwrap();
    let (said, reached) = channel();
    let (stderr, mark) = (child.stderr.take().unwrap(), format!("  {stage}"));
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.contains(&mark) {
                said.send(()).ok();
            }
        }
    });
    // While nodes start, minutes pass without a word: that stage is cut when the first process of the product is there.
    let begun = || {
        let starts = stage.starts_with("Start") && !ground.pids("is-1").is_empty();
        starts || reached.try_recv() != Err(TryRecvError::Empty)
    };
    eventually(stage, Duration::from_secs(300), begun);
    if child.try_wait().unwrap().is_none() {
        cut_now(ground, &child, cut);
    }
    let output = child.wait_with_output().unwrap();
    reader.join().unwrap();
    eprintln!("cut by {cut:?} in {stage}: {}", output.status);
}

fn cut_now(ground: &Ground, child: &Child, cut: Cut) {
    let signal = |signal: &str| {
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    };
    match cut {
        Cut::CtrlC => signal("-INT"),
        Cut::Kill => signal("-KILL"),
        Cut::Connection => {
            for host in ["is-1", "is-2", "lb-1"] {
                ground.on(host, &["pkill", "-KILL", "-f", "^sshd: ops"]);
            }
        }
    }
}

/// The stages of the playbook, by their names.
fn stages() -> Vec<String> {
    let playbook = include_str!("../../playbooks/apply.yaml");
    let names = playbook.lines().filter_map(|line| line.trim().strip_prefix("- { name: "));
    names.map(|rest| rest.split(',').next().unwrap().to_owned()).collect()
}
