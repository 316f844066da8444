//! Whatever ends a run in the middle: nothing is half done, and the next run converges.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Cluster, SHIPPED};

/// Waits until `what` holds; a test that waits for ever is a test that fails.
pub(super) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come true within 30 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn kill_9_at_any_moment_leaves_whole_files_and_the_next_run_converges() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    cluster.expect(0, &["apply"]);
    let (wanted, begun) = (cluster.toml(0), Instant::now());
    cluster.expect(0, &["plan"]);
    // The moments are spread over three times what a plan takes: an apply looks, locks, mends and looks again.
    let whole = begun.elapsed() * 3;
    let moments = 16;
    let mut cut_short = 0;
    for moment in 0..moments {
        for index in 0..2 {
            fs::write(cluster.toml_file(index), SHIPPED).unwrap();
        }
        let mut child = cluster.command(&["apply"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + whole * moment / moments;
        while Instant::now() < end && child.try_wait().unwrap().is_none() {
            let now = cluster.toml(0);
            assert!(now == SHIPPED || now == wanted, "half written:\n{now}");
        }
        cut_short += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        cluster.expect(0, &["apply", "--lock-wait", "30"]);
        assert_eq!(
            (cluster.toml(0), cluster.toml(1).replace("10.0.0.2\"\n", "10.0.0.1\"\n").len()),
            (wanted.clone(), wanted.len())
        );
        cluster.is_converged();
    }
    // A run that was killed after its last mend leaves its lock; the next one that has something to do takes it over.
    fs::write(cluster.toml_file(0), SHIPPED).unwrap();
    cluster.expect(0, &["apply"]);
    assert_eq!(cluster.expect(0, &["lock", "status"]).stdout, "is-1  free\nis-2  free\n");
    assert!(cut_short > moments / 3, "only {cut_short} of {moments} runs were cut short");
}

#[test]
fn ctrl_c_finishes_what_runs_and_gives_the_locks_back() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    // The mend of the first stage is the fourth exec (look, lock, upload, mend): it waits until we have interrupted.
    cluster.hook(0, 4, "touch reached; while [ ! -e go ]; do sleep 0.01; done");
    let child = cluster.command(&["apply"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the mend", || cluster.servers[0].file("reached").exists());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    fs::write(cluster.servers[0].file("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(said.contains("interrupted: finishing what runs"), "{said}");
    assert_eq!(cluster.toml(0), SHIPPED, "the next stage was not begun");
    let locks = cluster.expect(0, &["lock", "status"]);
    assert_eq!(locks.stdout, "is-1  free\nis-2  free\n");
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
}

/// A playbook with one command that lasts, and leaves something behind that lasts too.
pub(super) fn long_command(cluster: &Cluster) -> std::path::PathBuf {
    let file = cluster.servers[0].file("long.yaml");
    let mark = cluster.servers[0].folder().display().to_string();
    let run = format!("exec 9<{mark}/authorized_keys; sleep 98765 & touch {mark}/reached; sleep 98765");
    let step = format!(
        "stages:\n  - name: Last\n    on: all\n    steps:\n      - command: {{ run: '{run}', unless: 'false' }}\n"
    );
    fs::write(&file, step).unwrap();
    file
}

/// Does any process of this machine still have the file open that the long command has opened?
pub(super) fn is_running(cluster: &Cluster) -> bool {
    let mark = cluster.servers[0].file("authorized_keys");
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("fd/9"));
    all.filter_map(|open| fs::read_link(open).ok()).any(|open| open == mark)
}

#[test]
fn nothing_runs_on_a_host_when_the_run_that_started_it_is_gone() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let playbook = long_command(&cluster);
    let arguments = ["apply", "--playbook", playbook.to_str().unwrap(), "--limit", "is-1"];
    for (signal, times) in [("-KILL", 1), ("-INT", 2)] {
        let reached = cluster.servers[0].file("reached");
        drop(fs::remove_file(&reached));
        let mut child = cluster.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("the command", || reached.exists());
        assert!(is_running(&cluster), "the test looks in the right place");
        for _ in 0..times {
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            std::thread::sleep(Duration::from_millis(300));
        }
        child.wait().unwrap();
        eventually("the end of what the run had started", || !is_running(&cluster));
    }
    // A deadline ends it there, too.
    let late = [&arguments[..], &["--timeout", "2"]].concat();
    let done = cluster.expect(1, &late);
    assert!(done.stdout.contains("[deadline]"), "{}", done.stdout);
    eventually("the end of what was late", || !is_running(&cluster));
}

#[test]
fn a_connection_that_dies_in_the_middle_of_a_mend_is_told_and_mended() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    // Between us and sshd stands the login shell, unless it is one that gives way to its last command.
    let kill =
        "p=$PPID; while [ \"$(cat /proc/$p/comm)\" != sshd ]; do p=$(ps -o ppid= -p $p | tr -d ' '); done; kill -9 $p";
    cluster.hook(0, 4, kill);
    let done = cluster.expect(1, &["apply"]);
    assert!(done.stdout.contains("error: is-1:"), "{}", done.stdout);
    assert!(done.stdout.contains("run `hactl apply` again") || done.stdout.contains("hint:"), "{}", done.stdout);
    cluster.expect(0, &["apply", "--lock-wait", "30"]);
    cluster.is_converged();
}

#[test]
fn two_runs_at_once_do_not_mend_the_same_hosts() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    cluster.hook(0, 4, "touch reached; while [ ! -e go ]; do sleep 0.01; done");
    let first = cluster.command(&["apply"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the mend", || cluster.servers[0].file("reached").exists());
    let second = cluster.expect(9, &["apply"]);
    assert!(second.stdout.contains("locked by") && second.stdout.contains("--lock-wait"), "{}", second.stdout);
    let locks = cluster.expect(0, &["lock", "status"]);
    assert!(locks.stdout.contains("is-1  held by") && locks.stdout.contains(": apply, run "), "{}", locks.stdout);
    let waiting =
        cluster.command(&["apply", "--lock-wait", "60"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    fs::write(cluster.servers[0].file("go"), "").unwrap();
    assert!(first.wait_with_output().unwrap().status.success());
    let waited = waiting.wait_with_output().unwrap();
    assert!(waited.status.success(), "{}", String::from_utf8_lossy(&waited.stdout));
    cluster.is_converged();
}

#[test]
fn a_run_that_looked_before_another_mended_looks_once_more() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    // It has looked, and is about to take the locks.
    for index in [0, 1] {
        cluster.hook(index, 2, "touch reached; while [ ! -e go ]; do sleep 0.01; done");
    }
    let late = cluster.command(&["apply"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the locks", || cluster.servers.iter().all(|server| server.file("reached").exists()));
    cluster.expect(0, &["apply"]);
    for server in &cluster.servers {
        fs::write(server.file("go"), "").unwrap();
    }
    let done = late.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("nothing to do"), "{said}");
    cluster.is_converged();
}

#[test]
fn the_lock_of_a_dead_run_on_another_machine_runs_out_by_the_host_s_clock() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let state = cluster.servers[0].file("state");
    fs::create_dir_all(&state).unwrap();
    let lock = |expires: u64| {
        let text = format!(
            "run 01ARZ3NDEKTSV4RRFFQ69G5FAV\nowner ops@elsewhere\nboot b\nprocess 1.1\ncommand apply\ntaken 1\nexpires {expires}\n"
        );
        fs::write(state.join("lock"), text).unwrap();
    };
    lock(99_999_999_999);
    let held = cluster.expect(9, &["apply"]);
    assert!(held.stdout.contains("locked by ops@elsewhere"), "{}", held.stdout);
    cluster.expect(0, &["lock", "release", "--run", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    lock(1);
    let done = cluster.expect(0, &["apply"]);
    assert!(done.stderr.contains("took over the lock of run 01ARZ3NDEKTSV4RRFFQ69G5FAV"), "{}", done.stderr);
    cluster.is_converged();
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_the_next_run_takes_over() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    cluster.hook(0, 4, "touch reached; while [ ! -e go ]; do sleep 0.01; done");
    let child = cluster.command(&["apply"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the mend", || cluster.servers[0].file("reached").exists());
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        // Two signals that come at once are one.
        std::thread::sleep(Duration::from_millis(300));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("stopped at once") && said.contains("hint:"), "{said}");
    fs::write(cluster.servers[0].file("go"), "").unwrap();
    let next = cluster.expect(0, &["apply", "--lock-wait", "30"]);
    assert!(next.stderr.contains("took over the lock"), "{}", next.stderr);
    cluster.is_converged();
}
