//! Addresses that mean another machine on each node.

use std::net::IpAddr;

/// Does this name or address mean another machine on each node?
pub(super) fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if ["localhost", "localhost.localdomain"].contains(&host.as_str()) || host.ends_with(".localhost") {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address.map(|address| address.to_canonical()) {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => host.starts_with("127.") && host.chars().all(|c| c.is_ascii_digit() || c == '.'),
    }
}
