//! The directives that the lab's nginx knows: where each may stand, and with how many words. Any other one is an error.

use super::read::Directive;

/// Where a directive may stand, as letters: `m`ain, `e`vents, `h`ttp, `u`pstream, `s`erver, `l`ocation; then the fewest
/// and the most words, and whether it has a block.
const KNOWN: &[(&str, &str, usize, usize, bool)] = &[
    ("user", "m", 1, 2, false),
    ("worker_processes", "m", 1, 1, false),
    ("pid", "m", 1, 1, false),
    ("error_log", "mhsl", 1, 2, false),
    ("events", "m", 0, 0, true),
    ("http", "m", 0, 0, true),
    ("worker_connections", "e", 1, 1, false),
    ("access_log", "hsl", 1, 3, false),
    ("default_type", "hsl", 1, 1, false),
    ("sendfile", "hsl", 1, 1, false),
    ("tcp_nopush", "hsl", 1, 1, false),
    ("server_tokens", "hsl", 1, 1, false),
    ("keepalive_timeout", "hslu", 1, 2, false),
    ("map", "h", 2, 2, true),
    ("upstream", "h", 1, 1, true),
    ("server", "h", 0, 0, true),
    ("server", "u", 1, 8, false),
    ("zone", "u", 1, 2, false),
    ("ip_hash", "u", 0, 0, false),
    ("keepalive", "u", 1, 1, false),
    ("listen", "s", 1, 8, false),
    ("server_name", "s", 1, 16, false),
    ("ssl_certificate", "hs", 1, 1, false),
    ("ssl_certificate_key", "hs", 1, 1, false),
    ("ssl_protocols", "hs", 1, 4, false),
    ("ssl_session_cache", "hs", 1, 2, false),
    ("client_max_body_size", "hsl", 1, 1, false),
    ("large_client_header_buffers", "hs", 2, 2, false),
    ("location", "s", 1, 2, true),
    ("return", "sl", 1, 2, false),
    ("proxy_pass", "l", 1, 1, false),
    ("proxy_http_version", "hsl", 1, 1, false),
    ("proxy_set_header", "hsl", 2, 2, false),
    ("proxy_hide_header", "hsl", 1, 1, false),
    ("proxy_redirect", "hsl", 1, 2, false),
    ("proxy_buffer_size", "hsl", 1, 1, false),
    ("proxy_buffers", "hsl", 2, 2, false),
    ("proxy_connect_timeout", "hsl", 1, 1, false),
    ("proxy_send_timeout", "hsl", 1, 1, false),
    ("proxy_read_timeout", "hsl", 1, 1, false),
    ("proxy_next_upstream", "hsl", 1, 12, false),
    ("proxy_next_upstream_tries", "hsl", 1, 1, false),
    ("proxy_ssl_server_name", "hsl", 1, 1, false),
    ("proxy_ssl_name", "hsl", 1, 1, false),
    ("proxy_ssl_verify", "hsl", 1, 1, false),
    ("proxy_ssl_verify_depth", "hsl", 1, 1, false),
    ("proxy_ssl_trusted_certificate", "hsl", 1, 1, false),
    ("add_header", "hsl", 2, 3, false),
];

/// Checks every directive by its name, its place and its words.
///
/// # Errors
/// In nginx's words.
pub(super) fn check(all: &[Directive], place: char) -> Result<(), String> {
    for one in all {
        let Directive { name, words, block, at } = one;
        if !KNOWN.iter().any(|(known, ..)| known == name) {
            return Err(format!("unknown directive \"{name}\" {at}"));
        }
        let here = KNOWN.iter().find(|(known, places, ..)| known == name && places.contains(place));
        let Some((_, _, fewest, most, has_block)) = here else {
            return Err(format!("\"{name}\" directive is not allowed here {at}"));
        };
        if block.is_some() && !has_block {
            return Err(format!("directive \"{name}\" is not terminated by \";\" {at}"));
        }
        if block.is_none() && *has_block {
            return Err(format!("directive \"{name}\" has no opening \"{{\" {at}"));
        }
        if !(fewest..=most).contains(&&words.len()) {
            return Err(format!("invalid number of arguments in \"{name}\" directive {at}"));
        }
        let inside = match name.as_str() {
            "events" => 'e',
            "http" => 'h',
            "upstream" => 'u',
            "server" => 's',
            "location" => 'l',
            // Its lines are values, not directives.
            _ => continue,
        };
        check(block.as_deref().unwrap_or_default(), inside)?;
    }
    Ok(())
}
