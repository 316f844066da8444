//! The embedded lab as a program: it runs, it is broken and mended, and nothing of it is left.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests: they start the program itself, and fail by panicking"
)]

mod desk;

use std::fs;
use std::time::{Duration, Instant};

use desk::{Desk, processes_with, until};

#[test]
fn the_demo_is_green_within_its_time_and_leaves_nothing() {
    let desk = Desk::new();
    let began = Instant::now();
    let output = desk.hactl(&["lab", "demo", "--seed", "41"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("everything was as it should be"), "{said}");
    for text in ["did you mean `nginx`", "O01", "O03", "D08", "nothing to do", "edited.by.hand.example"] {
        assert!(said.contains(text), "`{text}` is not in\n{said}");
    }
    // A debug build on a machine that builds other things besides; a release build takes a third of it.
    assert!(began.elapsed() < Duration::from_secs(180), "it took {:?}", began.elapsed());
    let left: Vec<_> = fs::read_dir(desk.folder()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    until("its processes have ended", || processes_with(desk.folder()).is_empty());
}

#[test]
fn equal_seeds_give_equal_labs_but_never_equal_keys_to_log_in_with() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let desk = Desk::new();
        let lab = desk.up(42);
        let file = |name: &str| fs::read_to_string(lab.folder().join(name)).unwrap();
        let place = lab.folder().display().to_string();
        seen.push((file("keys/known_hosts"), file("inventory.yaml").replace(&place, ""), file("keys/id_ed25519")));
    }
    assert_eq!((&seen[0].0, &seen[0].1), (&seen[1].0, &seen[1].1));
    assert_ne!(seen[0].2, seen[1].2, "whoever guesses the seed must not be able to log in");
}

#[test]
fn nodes_end_with_their_lab_even_when_it_is_killed() {
    let desk = Desk::new();
    let mut lab = desk.up(43);
    desk.expect(0, &["apply", "-q", "lab/inventory.yaml"]);
    assert!(processes_with(&lab.folder()).len() >= 4, "two nodes with their shells, and the balancer");
    lab.kill();
    until("what the lab had started has ended", || processes_with(&lab.folder()).is_empty());
    let done = desk.expect(1, &["lab", "break", "stop-database", "--folder", "lab"]);
    assert!(done.contains("does not run"), "{done}");
    desk.expect(0, &["lab", "down", "--folder", "lab"]);
    assert!(!lab.folder().exists());
}

#[test]
fn what_is_broken_is_seen_and_mended() {
    let desk = Desk::new();
    let lab = desk.up(44);
    desk.expect(0, &["apply", "-q", "lab/inventory.yaml"]);
    desk.expect(0, &["lab", "break", "wrong-password", "is-2", "--folder", "lab"]);
    let plan = desk.expect(2, &["plan", "-q", "lab/inventory.yaml"]);
    assert!(plan.contains("database.shared_db.password: changed") && plan.contains("restart"), "{plan}");
    desk.expect(0, &["apply", "-q", "lab/inventory.yaml"]);
    // A node that starts while its membership port is blocked serves and is alone, and nothing in its log complains.
    desk.expect(0, &["lab", "break", "block-membership", "is-2", "--folder", "lab"]);
    let home = lab.folder().join("hosts/is-2/opt/wso2carbon-4.9.1");
    let pid = fs::read_to_string(home.join("wso2carbon.pid")).unwrap();
    let process = std::path::Path::new("/proc").join(pid.trim_matches(|sign: char| !sign.is_ascii_digit()));
    desk.expect(0, &["lab", "break", "kill-node", "is-2", "--folder", "lab"]);
    // The start script starts nothing beside a process that is still ending.
    until("the killed one is gone", || !process.exists());
    let log = home.join("repository/logs/wso2carbon.log");
    let elected = |log: &str| log.matches("Elected this member").count();
    let before = fs::read_to_string(&log).unwrap();
    let start = format!("JAVA_HOME={0}/../jdk-17 {0}/bin/wso2server.sh start", home.display());
    assert!(desk.on_host(&lab, "is-2", &start).success());
    until("it coordinates a cluster of its own", || elected(&fs::read_to_string(&log).unwrap()) > elected(&before));
    until("it says that it has started", || fs::read_to_string(&log).unwrap()[before.len()..].contains("started in"));
    let after = fs::read_to_string(&log).unwrap();
    assert!(!after[before.len()..].contains("WARN") && !after[before.len()..].contains("ERROR"), "{after}");
    desk.expect(0, &["lab", "break", "open-membership", "is-2", "--folder", "lab"]);
    until("the two have merged", || fs::read_to_string(&log).unwrap()[after.len()..].contains("Member joined ["));
    desk.expect(0, &["apply", "-q", "lab/inventory.yaml"]);
    desk.expect(0, &["lab", "down", "--folder", "lab"]);
    assert!(!lab.folder().exists());
    until("its processes have ended", || processes_with(&lab.folder()).is_empty());
}

#[test]
fn the_balancer_obeys_the_files_that_hactl_writes_and_refuses_what_it_does_not_know() {
    let desk = Desk::new();
    let lab = desk.up(45);
    desk.expect(0, &["apply", "-q", "--step", "load-balancer", "lab/inventory.yaml"]);
    let folder = lab.folder().join("hosts/lb-1/etc/nginx");
    let judge =
        |main: &std::path::Path| desk.on_host(&lab, "lb-1", &format!("nginx -t -c {}", main.display())).success();
    assert!(judge(&folder.join("nginx.conf")));
    let site = folder.join("conf.d/hactl-lab.conf");
    let good = fs::read_to_string(&site).unwrap();
    for (from, to) in [
        ("proxy_redirect off;", "proxy_redirekt off;"),
        ("proxy_redirect off;", "proxy_redirect off"),
        ("location / {", "location / {{"),
        ("$hactl_lab_node always", "$hactl_lab_nodes always"),
        ("listen ", "listen 1:2:"),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&site, good.replacen(from, to, 1)).unwrap();
        assert!(!judge(&folder.join("nginx.conf")), "{to}");
    }
    fs::write(&site, &good).unwrap();
    // The real one takes them too, where there is one: ours knows no word that it does not. It opens its log even for a test.
    if !fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0) {
        return desk::skip("only root can let the real nginx open its log");
    }
    let Ok(real) = std::process::Command::new("nginx").arg("-t").arg("-c").arg(folder.join("nginx.conf")).output()
    else {
        assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none_or(|value| value != "1"), "there is no nginx");
        desk::skip("there is no nginx to compare with");
        return;
    };
    assert!(real.status.success(), "{}", String::from_utf8_lossy(&real.stderr));
}

#[test]
fn a_folder_that_is_no_lab_is_left_alone() {
    let desk = Desk::new();
    fs::create_dir(desk.folder().join("lab")).unwrap();
    fs::write(desk.folder().join("lab/mine"), "").unwrap();
    let up = desk.expect(1, &["lab", "up", "--folder", "lab", "--seed", "46"]);
    assert!(up.contains("is not empty, and not a lab"), "{up}");
    let down = desk.expect(1, &["lab", "down", "--folder", "lab"]);
    assert!(down.contains("is not a lab"), "{down}");
    fs::write(desk.folder().join("lab/lab.json"), "{}").unwrap();
    desk.expect(1, &["lab", "down", "--folder", "lab"]);
    assert!(desk.folder().join("lab/mine").is_file());
}

#[test]
fn only_the_key_of_the_lab_opens_its_hosts() {
    let desk = Desk::new();
    let lab = desk.up(47);
    desk.expect(
        0,
        &[
            "plan",
            "-q",
            "--skip-step",
            "product-pack,database-schema,start-nodes",
            "--limit",
            "lb-1",
            "--step",
            "preflight",
            "lab/inventory.yaml",
        ],
    );
    let keys = lab.folder().join("keys");
    fs::remove_file(keys.join("id_ed25519")).unwrap();
    let other = Desk::new();
    let stranger = other.up(48);
    fs::copy(stranger.folder().join("keys/id_ed25519"), keys.join("id_ed25519")).unwrap();
    let refused = desk.expect(3, &["status", "lab/inventory.yaml"]);
    assert!(refused.contains("unknown"), "{refused}");
}
