//! What goes wrong leaves what was there.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use super::{Ground, KINDS, free_port};

#[test]
fn a_broken_file_of_somebody_else_is_named_and_nothing_is_changed() {
    let Some(ground) = Ground::start("nginx") else { return };
    ground.apply(0);
    let before = ground.text();
    let broken = ground.at("balancer/conf.d/other.conf");
    for (text, advice) in
        [("nonsense on;\n", "other.conf:1"), ("server { listen 127.0.0.1:1 ssl; ssl on }\n", "other.conf")]
    {
        fs::write(&broken, text).unwrap();
        ground.write_inventory("  show_node: false\n");
        let done = ground.apply(1);
        assert!(done.stdout.contains("configuration-refused") && done.stdout.contains(advice), "{}", done.stdout);
        assert!(!done.stdout.contains(".hactl."), "it is told in the words of the real folder: {}", done.stdout);
        assert_eq!(ground.text(), before, "nothing was changed");
        assert!(ground.get("/", &[]).header("X-Hactl-Node").unwrap().starts_with("is-"));
    }
    fs::remove_file(broken).unwrap();
    ground.apply(0);
    assert_eq!(ground.get("/", &[]).header("X-Hactl-Node"), Some("liar"), "the balancer itself adds nothing");
    ground.is_converged();
}

#[test]
fn a_certificate_that_is_none_or_of_another_key_is_refused_with_what_helps() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let good = fs::read(ground.at("sso.crt")).unwrap();
        ground.certificate("other");
        let other = fs::read(ground.at("other.crt")).unwrap();
        for (certificate, advice) in [(&b"no certificate"[..], "PEM certificate"), (&other, "is not the key of")] {
            fs::write(ground.at("sso.crt"), certificate).unwrap();
            let done = ground.apply(1);
            assert!(done.stdout.contains("configuration-refused"), "{kind}: {}", done.stdout);
            assert!(done.stdout.contains(advice), "{kind}: {}", done.stdout);
            assert_eq!(fs::read(ground.at("balancer/ssl/hactl-iam-test.crt")).unwrap(), good);
            assert_eq!(ground.get("/", &[]).status, 200);
        }
        fs::write(ground.at("sso.crt"), good).unwrap();
        ground.is_converged();
    }
}

#[test]
fn a_reload_that_fails_brings_the_old_files_back() {
    for kind in KINDS {
        let Some(mut ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let before = ground.text();
        // The program's own test does not notice that the port is taken; its reload does.
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = std::mem::replace(&mut ground.https, taken.local_addr().unwrap().port());
        ground.write_inventory("");
        let done = ground.apply(1);
        assert!(done.stdout.contains("service-failed"), "{kind}: {}", done.stdout);
        assert!(done.stdout.contains("the old files are back"), "{kind}: {}", done.stdout);
        let said = if kind == "nginx" { "Address already in use" } else { "cannot bind socket" };
        assert!(done.stdout.contains(said) && done.stdout.contains("ss -ltnp"), "{kind}: {}", done.stdout);
        assert_eq!(ground.text(), before);
        assert_eq!(ground.get("/", &[]).status, 200, "what ran before goes on");
        ground.https = free;
        ground.write_inventory("");
        let done = ground.hactl(&["apply", "--limit", "lb-1"]);
        assert_eq!(done.exit, 0, "{}{}", done.stdout, done.stderr);
        ground.https = taken.local_addr().unwrap().port();
        ground.write_inventory("");
        drop(taken);
        ground.apply(0);
        ground.is_converged();
    }
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    for kind in KINDS {
        let Some(mut ground) = Ground::start(kind) else { return };
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = std::mem::replace(&mut ground.https, taken.local_addr().unwrap().port());
        ground.write_inventory("");
        let done = ground.apply(1);
        assert!(done.stdout.contains("service-failed"), "{kind}: {}", done.stdout);
        assert!(!ground.configuration().exists(), "{kind}");
        ground.https = free;
        ground.write_inventory("");
        ground.apply(0);
        ground.is_converged();
    }
}

#[test]
fn what_is_not_hactls_is_never_overwritten() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        let foreign = "# somebody's own\n";
        fs::write(ground.configuration(), foreign).unwrap();
        let done = ground.apply(1);
        assert!(done.stdout.contains("foreign-file") && done.stdout.contains("is not hactl's"), "{}", done.stdout);
        assert_eq!(ground.text(), foreign);
        fs::remove_file(ground.configuration()).unwrap();
        ground.apply(0);
        // A file of another cluster's is foreign too.
        let other = ground.text().replace("(cluster iam-test)", "(cluster other)");
        fs::write(ground.configuration(), &other).unwrap();
        assert!(ground.apply(1).stdout.contains("foreign-file"));
        assert_eq!(ground.text(), other);
    }
}

#[test]
fn a_main_file_that_does_not_include_ours_is_told() {
    let Some(ground) = Ground::start("nginx") else { return };
    let main = fs::read_to_string(ground.at("balancer/nginx.conf")).unwrap();
    let without = main.lines().filter(|line| !line.contains("conf.d")).collect::<Vec<_>>().join("\n");
    fs::write(ground.at("balancer/nginx.conf"), without).unwrap();
    let done = ground.apply(1);
    assert!(done.stdout.contains("not-included") && done.stdout.contains("include conf.d"), "{}", done.stdout);
    assert!(!ground.configuration().exists());
}

#[test]
fn a_hand_edit_a_wide_key_and_a_balancer_that_died_are_mended() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let (wanted, key) = (
            ground.text(),
            match kind {
                "nginx" => ground.at("balancer/ssl/hactl-iam-test.key"),
                _ => ground.at("balancer/ssl/hactl-iam-test.crt.key"),
            },
        );
        fs::write(ground.configuration(), format!("{wanted}# by hand\n")).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let plan = ground.expect(2, &["plan", "--limit", "lb-1"]);
        assert!(plan.stdout.contains("# by hand") && plan.stdout.contains("mode 644 -> 600"), "{}", plan.stdout);
        ground.apply(0);
        assert_eq!(ground.text(), wanted);
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        ground.is_converged();
        ground.stop();
        let plan = ground.expect(2, &["plan", "--limit", "lb-1"]);
        assert!(plan.stdout.contains(&format!("start {kind}")), "{}", plan.stdout);
        ground.apply(0);
        assert_eq!(ground.get("/", &[]).status, 200);
        ground.is_converged();
    }
}

#[test]
fn a_reload_that_a_dead_run_never_made_is_made_by_the_next_one() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let first = ground.text();
        let note = ground.at(&format!("state/loaded/{kind}-iam-test"));
        let loaded = fs::read(&note).unwrap();
        ground.write_inventory("  show_node: false\n");
        ground.apply(0);
        let second = ground.text();
        ground.write_inventory("");
        ground.apply(0);
        assert_eq!((ground.text(), first != second), (first, true));
        // What a run leaves that dies between its last file and the reload: new files, and a process with the old ones.
        ground.write_inventory("  show_node: false\n");
        fs::write(ground.configuration(), second).unwrap();
        fs::create_dir(ground.at(".hactl.balancer.a1B2c3")).unwrap();
        assert_eq!(ground.get("/", &[]).header("X-Hactl-Node").map(|name| name.starts_with("is-")), Some(true));
        let plan = ground.expect(2, &["plan", "--limit", "lb-1"]);
        assert!(plan.stdout.contains(&format!("reload {kind}")), "{}", plan.stdout);
        ground.apply(0);
        assert_eq!(ground.get("/", &[]).header("X-Hactl-Node"), Some("liar"), "it was reloaded");
        ground.is_converged();
        // A note that speaks of a process that never was counts for nothing.
        fs::write(&note, b"half a no").unwrap();
        ground.apply(0);
        ground.is_converged();
        assert_ne!(fs::read(&note).unwrap(), loaded);
    }
}

#[test]
fn a_balancer_that_moves_to_another_port_gives_the_old_one_up() {
    for kind in KINDS {
        let Some(mut ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let old = std::mem::replace(&mut ground.http, free_port());
        ground.write_inventory("");
        ground.apply(0);
        assert_eq!(ground.get("/", &[]).status, 200, "{kind}");
        assert_ne!(old, ground.http);
        ground.is_converged();
    }
}
