//! The configuration of nginx, the community edition: one file for its `http` block.

use std::fmt::Write as _;

use super::closed::{DOTS, plain};
use super::front::{Front, HEADER, Scheme};
use crate::model::inventory::{HttpPort, Sticky};

/// The file without its mark.
pub(super) fn render(front: &Front<'_>) -> String {
    let mut out = String::new();
    maps(front, &mut out);
    upstreams(front, Scheme::Https, &mut out);
    let proxied = front.http_port.is_some() && front.http == HttpPort::Proxy;
    if proxied {
        upstreams(front, Scheme::Http, &mut out);
    }
    if let Some((_, node)) = front.management {
        out += "\n# One node serves the console; the others stand in when it is away.\n";
        pinned(front, Scheme::Https, node, &format!("{}_management", front.prefix), &mut out);
    }
    if let Some(port) = front.http_port {
        match front.http {
            HttpPort::Redirect => {
                redirect(front, port, front.hostname, &mut out);
                if let Some((hostname, _)) = front.management {
                    redirect(front, port, hostname, &mut out);
                }
            }
            HttpPort::Proxy => server(front, Scheme::Http, port, front.hostname, &mut out),
        }
    }
    server(front, Scheme::Https, front.https_port, front.hostname, &mut out);
    if let Some((hostname, _)) = front.management {
        if let (Some(port), HttpPort::Proxy) = (front.http_port, front.http) {
            redirect(front, port, hostname, &mut out);
        }
        server(front, Scheme::Https, front.https_port, hostname, &mut out);
    }
    out
}

/// A line of a block, indented by its depth.
macro_rules! line {
    ($out:expr, $depth:expr, $($text:tt)*) => {
        // Writing to a text can't fail.
        let _ = writeln!($out, "{:1$}{2}", "", 4 * $depth, format_args!($($text)*));
    };
}

fn maps(front: &Front<'_>, out: &mut String) {
    let prefix = &front.prefix;
    line!(out, 0, "\nmap $http_upgrade ${prefix}_connection {{ default upgrade; \"\" \"\"; }}");
    let cookie = front.sticky == Sticky::Cookie;
    if front.show_node || cookie {
        *out += "\n# Who has answered: after a retry there are several addresses, and the last one counts.\n";
        line!(out, 0, "map $upstream_addr ${prefix}_node {{");
        line!(out, 1, "default \"\";");
        for node in &front.nodes {
            line!(out, 1, "\"~(^|[ ,]){}:[0-9]+$\" {};", plain(&node.host()), node.name);
        }
        *out += "}\n";
    }
    if cookie {
        let name = &front.cookie;
        *out += "\n# The cookie is set when it does not name the node that has answered.\n";
        line!(out, 0, "map $https ${prefix}_attributes {{ on \"; Secure; SameSite=None\"; default \"\"; }}");
        line!(out, 0, "map \"${prefix}_node:$cookie_{name}\" ${prefix}_cookie {{");
        line!(out, 1, "default \"\";");
        for node in &front.nodes {
            line!(out, 1, "\"{}:{}\" \"\";", node.name, node.id);
            line!(out, 1, "\"~^{}:\" \"{name}={}; Path=/; HttpOnly${prefix}_attributes\";", plain(node.name), node.id);
        }
        *out += "}\n";
    }
}

fn upstreams(front: &Front<'_>, scheme: Scheme, out: &mut String) {
    let name = format!("{}_{}", front.prefix, scheme.word());
    line!(out, 0, "\nupstream {name} {{");
    line!(out, 1, "zone {name} 64k;");
    if front.sticky == Sticky::IpHash {
        line!(out, 1, "ip_hash;");
    }
    for node in &front.nodes {
        line!(out, 1, "{}", member(&node.at(scheme), if node.drained { " down" } else { "" }));
    }
    kept_alive(out);
    *out += "}\n";
    if front.sticky != Sticky::Cookie {
        return;
    }
    for (index, node) in front.nodes.iter().enumerate().filter(|(_, node)| !node.drained) {
        pinned(front, scheme, index, &format!("{name}_{}", node.id), out);
    }
    line!(out, 0, "\nmap $cookie_{} ${name} {{", front.cookie);
    line!(out, 1, "default {name};");
    for node in front.nodes.iter().filter(|node| !node.drained) {
        line!(out, 1, "{} {name}_{};", node.id, node.id);
    }
    *out += "}\n";
}

/// One node, and the others for when it is away.
fn pinned(front: &Front<'_>, scheme: Scheme, first: usize, name: &str, out: &mut String) {
    line!(out, 0, "\nupstream {name} {{");
    line!(out, 1, "zone {name} 64k;");
    for (index, node) in front.nodes.iter().enumerate() {
        let role = if index == first { "" } else { " backup" };
        let drained = if node.drained { " down" } else { "" };
        line!(out, 1, "{}", member(&node.at(scheme), &format!("{role}{drained}")));
    }
    kept_alive(out);
    *out += "}\n";
}

fn member(at: &str, role: &str) -> String {
    format!("server {at} max_fails=3 fail_timeout=10s{role};")
}

/// Shorter than the nodes keep them, so that no request meets a connection that is just being closed.
fn kept_alive(out: &mut String) {
    line!(out, 1, "keepalive 32;");
    line!(out, 1, "keepalive_timeout 15s;");
}

fn listen(front: &Front<'_>, port: u16, ssl: &str, hostname: &str, out: &mut String) {
    *out += "\nserver {\n";
    for socket in front.sockets(port, "") {
        line!(out, 1, "listen {socket}{ssl};");
    }
    line!(out, 1, "server_name {hostname};");
}

fn redirect(front: &Front<'_>, port: u16, hostname: &str, out: &mut String) {
    listen(front, port, "", hostname, out);
    line!(out, 1, "return 301 {}$request_uri;", front.https_url(hostname));
    *out += "}\n";
}

fn server(front: &Front<'_>, scheme: Scheme, port: u16, hostname: &str, out: &mut String) {
    let prefix = &front.prefix;
    let managed = front.management.is_some_and(|(name, _)| name == hostname);
    listen(front, port, if scheme == Scheme::Https { " ssl" } else { "" }, hostname, out);
    if scheme == Scheme::Https {
        line!(out, 1, "ssl_certificate {};", quoted(front.certificate));
        line!(out, 1, "ssl_certificate_key {};", quoted(front.key));
        line!(out, 1, "ssl_protocols TLSv1.2 TLSv1.3;");
        line!(out, 1, "ssl_session_cache shared:{prefix}:5m;");
    }
    line!(out, 1, "client_max_body_size 100m;");
    line!(out, 1, "large_client_header_buffers 4 32k;");
    let closed = if managed { &front.closed_to_managers } else { &front.closed };
    for pattern in std::iter::once(DOTS).chain(closed.iter().map(String::as_str)) {
        line!(out, 1, "location ~ \"{pattern}\" {{ return 404; }}");
    }
    line!(out, 1, "location / {{");
    let target = match (managed, front.sticky) {
        (true, _) => format!("{prefix}_management"),
        (false, Sticky::Cookie) => format!("${prefix}_{}", scheme.word()),
        (false, _) => format!("{prefix}_{}", scheme.word()),
    };
    line!(out, 2, "proxy_pass {}://{target};", scheme.word());
    if scheme == Scheme::Https {
        line!(out, 2, "proxy_ssl_server_name on;");
        line!(out, 2, "proxy_ssl_name {};", front.hostname);
        match front.nodes_ca {
            Some(file) => {
                line!(out, 2, "proxy_ssl_verify on;");
                line!(out, 2, "proxy_ssl_verify_depth 4;");
                line!(out, 2, "proxy_ssl_trusted_certificate {};", quoted(file));
            }
            None => {
                line!(out, 2, "proxy_ssl_verify off;");
            }
        }
    }
    proxied(front, managed, out);
    line!(out, 1, "}}");
    *out += "}\n";
}

fn proxied(front: &Front<'_>, managed: bool, out: &mut String) {
    let prefix = &front.prefix;
    line!(out, 2, "proxy_http_version 1.1;");
    for (name, value) in [
        ("Host", "$http_host"),
        ("X-Forwarded-Host", "$http_host"),
        ("X-Forwarded-Server", "$host"),
        ("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
        ("X-Forwarded-Proto", "$scheme"),
        ("Upgrade", "$http_upgrade"),
        ("Connection", &format!("${prefix}_connection")),
    ] {
        line!(out, 2, "proxy_set_header {name} {value};");
    }
    line!(out, 2, "proxy_redirect off;");
    line!(out, 2, "proxy_buffer_size 16k;");
    line!(out, 2, "proxy_buffers 8 16k;");
    line!(out, 2, "proxy_connect_timeout {}s;", front.connect_timeout);
    line!(out, 2, "proxy_send_timeout {}s;", front.read_timeout);
    line!(out, 2, "proxy_read_timeout {}s;", front.read_timeout);
    line!(out, 2, "# Without `non_idempotent`: a POST that a node may have seen is never sent to another one.");
    line!(out, 2, "proxy_next_upstream error timeout;");
    line!(out, 2, "proxy_next_upstream_tries {};", front.nodes.len().clamp(1, 3));
    if front.show_node {
        line!(out, 2, "proxy_hide_header {HEADER};");
        line!(out, 2, "add_header {HEADER} ${prefix}_node always;");
    }
    if front.sticky == Sticky::Cookie && !managed {
        line!(out, 2, "add_header Set-Cookie ${prefix}_cookie always;");
    }
}

/// A path as nginx reads it.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}
