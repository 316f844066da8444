//! The configuration of HAProxy: the whole file.

use std::fmt::Write as _;

use super::closed::DOTS;
use super::front::{Front, HEADER, Scheme};
use crate::model::inventory::{HttpPort, Sticky};

/// A line of a section.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {
        // Writing to a text can't fail.
        let _ = writeln!($out, "    {}", format_args!($($text)*));
    };
}

/// The file without its mark.
pub(super) fn render(front: &Front<'_>, packaged: &[String]) -> String {
    let mut out = String::from("\nglobal\n");
    for own in packaged {
        line!(out, "{own}");
    }
    line!(out, "ssl-default-bind-options ssl-min-ver TLSv1.2");
    line!(out, "# After a reload, the old process ends by then even when a client holds on.");
    line!(out, "hard-stop-after 30m");
    defaults(front, &mut out);
    if let Some(port) = front.http_port {
        out += "\nfrontend http\n";
        binds(front, port, "", &mut out);
        match front.http {
            HttpPort::Redirect => redirects(front, &mut out),
            HttpPort::Proxy => {
                frontend(front, Scheme::Http, &mut out);
                line!(out, "default_backend nodes_http");
            }
        }
    }
    out += "\nfrontend https\n";
    let certificate = quoted(front.certificate);
    binds(front, front.https_port, &format!(" ssl crt {certificate}"), &mut out);
    frontend(front, Scheme::Https, &mut out);
    if front.management.is_some() {
        line!(out, "use_backend management if managed");
    }
    line!(out, "default_backend nodes_https");
    backend(front, Scheme::Https, None, &mut out);
    if front.http_port.is_some() && front.http == HttpPort::Proxy {
        backend(front, Scheme::Http, None, &mut out);
    }
    if let Some((_, node)) = front.management {
        backend(front, Scheme::Https, Some(node), &mut out);
    }
    out
}

fn defaults(front: &Front<'_>, out: &mut String) {
    *out += "\ndefaults\n";
    for own in ["mode http", "log global", "option httplog", "option forwardfor"] {
        line!(out, "{own}");
    }
    line!(out, "# A request goes to another node only when the first one has not accepted the connection.");
    line!(out, "retries 2");
    line!(out, "option redispatch 1");
    line!(out, "timeout connect {}s", front.connect_timeout);
    line!(out, "timeout server {}s", front.read_timeout);
    line!(out, "timeout client {}s", front.read_timeout);
    for own in ["timeout http-request 10s", "timeout http-keep-alive 15s", "timeout queue 10s", "timeout tunnel 1h"] {
        line!(out, "{own}");
    }
}

fn binds(front: &Front<'_>, port: u16, ssl: &str, out: &mut String) {
    for socket in front.sockets(port, ":") {
        line!(out, "bind {socket}{ssl}");
    }
}

fn redirects(front: &Front<'_>, out: &mut String) {
    if let Some((hostname, _)) = front.management {
        line!(out, "acl managed hdr(host),host_only -i {hostname}");
        line!(out, "http-request redirect prefix {} code 301 if managed", front.https_url(hostname));
    }
    line!(out, "http-request redirect prefix {} code 301", front.https_url(front.hostname));
}

fn frontend(front: &Front<'_>, scheme: Scheme, out: &mut String) {
    if let Some((hostname, _)) = front.management {
        line!(out, "acl managed hdr(host),host_only -i {hostname}");
        if scheme == Scheme::Http {
            line!(out, "http-request redirect prefix {} code 301 if managed", front.https_url(hostname));
        }
    }
    // Those that are closed to everybody come first; the others are open under the console's name.
    for (index, pattern) in std::iter::once(DOTS).chain(front.closed.iter().map(String::as_str)).enumerate() {
        let open = if index > front.closed_to_managers.len() { " !managed" } else { "" };
        line!(out, "http-request deny deny_status 404 if{open} {{ path,url_dec -m reg '{pattern}' }}");
    }
    line!(out, "http-request set-header X-Forwarded-Host %[req.hdr(host)]");
    line!(out, "http-request set-header X-Forwarded-Server %[req.hdr(host),host_only]");
    line!(out, "http-request set-header X-Forwarded-Proto {}", scheme.word());
}

fn backend(front: &Front<'_>, scheme: Scheme, first: Option<usize>, out: &mut String) {
    match first {
        None => {
            let _ = writeln!(out, "\nbackend nodes_{}", scheme.word());
        }
        Some(_) => {
            *out += "\n# One node serves the console; the others stand in when it is away.\nbackend management\n"
        }
    }
    let cookie = front.sticky == Sticky::Cookie && first.is_none();
    match front.sticky {
        Sticky::IpHash if first.is_none() => {
            line!(out, "balance source");
            line!(out, "hash-type consistent");
        }
        _ => {
            line!(out, "balance roundrobin");
        }
    }
    if cookie {
        let secure = if scheme == Scheme::Https { " secure attr \"SameSite=None\"" } else { "" };
        line!(out, "cookie {} insert indirect nocache httponly{secure}", front.cookie);
    }
    if let Some(path) = front.health {
        line!(out, "option httpchk");
        line!(out, "http-check send meth GET uri {path} ver HTTP/1.1 hdr Host {}", front.hostname);
        line!(out, "http-check expect status 200");
    }
    if front.show_node {
        line!(out, "http-response set-header {HEADER} %s");
    }
    let tls = match (scheme, front.nodes_ca) {
        (Scheme::Http, _) => String::new(),
        (Scheme::Https, None) => format!(" ssl verify none sni str({})", front.hostname),
        (Scheme::Https, Some(file)) => {
            let name = front.hostname;
            format!(" ssl verify required ca-file {} verifyhost {name} sni str({name})", quoted(file))
        }
    };
    for (index, node) in front.nodes.iter().enumerate() {
        let named = if cookie { format!(" cookie {}", node.id) } else { String::new() };
        let role = if first.is_some_and(|first| first != index) { " backup" } else { "" };
        let drained = if node.drained { " disabled" } else { "" };
        let at = node.at(scheme);
        line!(out, "server {} {at} check inter 2s fall 3 rise 2{tls}{named}{role}{drained}", node.name);
    }
}

/// A path as HAProxy reads it: nothing is special between single quotes.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}
