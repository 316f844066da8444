//! What clients see.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use super::client::request;
use super::{Ground, KINDS, until};

#[test]
fn it_serves_both_ports_and_a_second_run_has_nothing_to_do() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        let plan = ground.expect(2, &["plan", "--limit", "lb-1"]);
        assert!(plan.stdout.contains("sso.example.com") && !plan.stdout.contains("PRIVATE KEY"), "{}", plan.stdout);
        assert!(!ground.configuration().exists(), "a plan changes nothing");
        ground.apply(0);
        ground.is_converged();
        let answer = ground.get("/x?y=1", &[]);
        let name = answer.header("X-Hactl-Node").unwrap();
        assert_eq!((answer.status, name), (200, if answer.body == "127.0.0.2" { "is-1" } else { "is-2" }));
        assert_eq!(answer.head.matches("X-Hactl-Node").count() + answer.head.matches("x-hactl-node").count(), 1);
        let heads: String = ground.nodes.iter().flat_map(super::node::Node::heads).collect();
        let heads = heads.to_lowercase();
        assert!(heads.contains("get /x?y=1 "), "{heads}");
        for wanted in [
            "host: sso.example.com",
            "x-forwarded-host: sso.example.com",
            "x-forwarded-proto: http",
            "x-forwarded-for: 127.0.0.1",
        ] {
            assert!(heads.contains(wanted), "{wanted} is not in {heads}");
        }
        assert!(!heads.contains("connection: upgrade"), "only who asks for it is upgraded: {heads}");
        // There is no node behind the HTTPS port of this ground, so the balancer's own answer is what is seen.
        let answer = ground.get_https("/");
        assert!([502, 503].contains(&answer.status), "{answer:?}");
        let files = crate::cluster::files_below(&ground.at("balancer"));
        let keys: Vec<_> = files.iter().filter(|file| file.extension().is_some_and(|end| end == "key")).collect();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
        if kind == "nginx" {
            assert_eq!(
                ground.get("/", &[("Host", "elsewhere.example.com")]).status,
                410,
                "the other site still serves"
            );
        }
    }
}

#[test]
fn a_client_stays_with_its_node_and_others_are_spread() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let spread = ground.answered(12, &[]);
        assert!(spread.iter().all(|count| *count > 2), "{kind}: {spread:?}");
        for _ in 0..2 {
            let first = ground.get("/", &[]);
            let set = first.header("Set-Cookie").unwrap();
            assert!(set.contains("HttpOnly") && !set.contains("Secure"), "{set}");
            let cookie = set.split(';').next().unwrap();
            assert!(!cookie.contains("is-"), "it tells nothing: {cookie}");
            for _ in 0..8 {
                let again = ground.get("/", &[("Cookie", cookie)]);
                assert_eq!((again.body.as_str(), again.header("Set-Cookie")), (first.body.as_str(), None), "{kind}");
            }
        }
        ground.write_inventory("  sticky: ip_hash\n");
        ground.apply(0);
        let spread = ground.answered(8, &[]);
        assert!(spread.contains(&8), "{kind}: one address, one node: {spread:?}");
        ground.write_inventory("  sticky: none\n  show_node: false\n");
        ground.apply(0);
        let answer = ground.get("/", &[]);
        assert!(answer.header("Set-Cookie").is_none(), "{answer:?}");
        let spread = ground.answered(8, &[]);
        assert!(spread.iter().all(|count| *count > 1), "{kind}: {spread:?}");
        assert_ne!(ground.get("/", &[]).header("X-Hactl-Node"), Some("is-1"), "it can be switched off");
        ground.is_converged();
    }
}

#[test]
fn a_web_socket_passes_in_both_directions() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let mut stream = ground.connect();
        let asked = "GET /socket HTTP/1.1\r\nHost: sso.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(asked.as_bytes()).unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            said.push(byte[0]);
        }
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("HTTP/1.1 101"), "{kind}: {said}");
        for word in ["ping", "pong"] {
            stream.write_all(word.as_bytes()).unwrap();
            let mut echo = [0; 4];
            stream.read_exact(&mut echo).unwrap();
            assert_eq!(&echo, word.as_bytes());
        }
    }
}

#[test]
fn the_health_path_is_closed_in_every_spelling_that_a_server_would_take_for_it() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.write_inventory("  management: { hostname: console.example.com, node: is-2 }\n");
        ground.apply(0);
        for path in [
            "/api/health-check/v1.0/health",
            "/api/health-check",
            "//api//health-check/",
            "/api;x=1/health-check/v1.0/health",
            "/api/;x/health-check/",
            "/;/api/health-check;y",
            "/api/./health-check/",
            "/x/../api/health-check/",
            "/x/..;/api/health-check/",
            "/x/%2e%2e;/api/health-check/",
            "/%61pi/health%2dcheck/",
            "/carbon/admin/login.jsp",
        ] {
            assert_eq!(ground.get(path, &[]).status, 404, "{kind}: {path}");
        }
        let seen: Vec<String> = ground.nodes.iter().flat_map(super::node::Node::heads).collect();
        assert!(seen.iter().all(|head| !head.contains("api") && !head.contains("carbon")), "{seen:?}");
        for path in ["/api/health-checks", "/api/identity", "/carbonate", "/a..b", "/x;y=..z/"] {
            assert_eq!(ground.get(path, &[]).status, 200, "{kind}: {path}");
        }
        let answer = ground.get("/carbon/", &[("Host", "console.example.com")]);
        let there = format!("https://console.example.com:{}/carbon/", ground.https);
        assert_eq!((answer.status, answer.header("Location")), (301, Some(there.as_str())), "{kind}");
    }
}

#[test]
fn a_post_that_a_node_may_have_seen_is_not_sent_again() {
    for kind in KINDS {
        let Some(ground) = Ground::start(kind) else { return };
        ground.apply(0);
        let answer = ground.send(&request("POST", "/die", &[("Content-Length", "0")]));
        assert!([502, 503].contains(&answer.status), "{kind}: {answer:?}");
        until("the request", || !ground.nodes.iter().all(|node| node.heads().is_empty()));
        let seen: usize =
            ground.nodes.iter().map(|node| node.heads().iter().filter(|head| head.contains("/die")).count()).sum();
        assert_eq!(seen, 1, "{kind}");
    }
}
