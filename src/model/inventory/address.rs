//! Addresses: what may stand in one, and when two are the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The one spelling of an address that can be compared: DNS names in lower case without a final dot, IP addresses in
/// their usual form, IPv4 inside IPv6 as IPv4.
pub(super) fn canonical(address: &str) -> String {
    let (bare, zone) = match address.split_once('%') {
        Some((bare, zone)) => (bare, format!("%{zone}")),
        None => (address, String::new()),
    };
    match without_zeros(bare).parse::<IpAddr>() {
        Ok(ip) => format!("{}{zone}", ip.to_canonical()),
        Err(_) => address.trim_end_matches('.').to_ascii_lowercase(),
    }
}

/// `192.168.002.001` as `192.168.2.1`; anything else as it is.
fn without_zeros(address: &str) -> String {
    let parts: Vec<&str> = address.split('.').collect();
    let numbers =
        parts.len() == 4 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !numbers {
        return address.to_owned();
    }
    let short = parts.iter().map(|part| match part.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    });
    short.collect::<Vec<_>>().join(".")
}

/// Is this an IP address?
pub fn is_ip(address: &str) -> bool {
    let (bare, _) = address.split_once('%').unwrap_or((address, ""));
    bare.parse::<IpAddr>().is_ok()
}

/// What is wrong with an IP address that no host can be reached at.
pub(super) fn no_host(address: &str) -> Option<(&'static str, String)> {
    let ip: IpAddr = canonical(address).parse().ok()?;
    let no_host = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    no_host
        .then(|| ("is not the address of one host", "write the one at which this machine reaches the host".to_owned()))
}

/// What is wrong with an address, and what to write instead; `None` when nothing is.
pub fn fault(address: &str) -> Option<(&'static str, String)> {
    if is_ip(address) {
        return None;
    }
    if let Some((user, host)) = address.split_once('@') {
        return Some(("holds a user", format!("write `{host}` here, and `user: {user}` under `ssh`")));
    }
    if let Some((_, rest)) = address.split_once("://") {
        let host = rest.split(['/', ':', '?']).next().unwrap_or(rest);
        return Some(("is a URL", format!("write the host alone: `{host}`")));
    }
    if let Some(bare) = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && bare.parse::<Ipv6Addr>().is_ok()
    {
        return Some(("has brackets", format!("write `{bare}`")));
    }
    if let Some((host, length)) = address.split_once('/')
        && length.parse::<u8>().is_ok()
    {
        return Some(("is a network", format!("write the host's own address, such as `{host}`")));
    }
    if let Some((host, port)) = address.rsplit_once(':')
        && port.parse::<u16>().is_ok()
        && !host.contains(':')
    {
        return Some(("holds a port", format!("write `{host}` here, and `port: {port}` under `ssh`")));
    }
    let plain = without_zeros(address);
    if plain != address && is_ip(&plain) {
        return Some(("has leading zeros, which some programs read as octal", format!("write `{plain}`")));
    }
    let numeric = address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = address.strip_suffix('.').unwrap_or(address);
    if numeric || name.len() > 253 || !name.split('.').all(label) {
        return Some((
            "is neither an IP address nor a DNS name",
            "write an address such as `192.168.2.1`, or a name such as `is-1.example.com`".to_owned(),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_canonical_spelling() {
        for (one, other) in [
            ("192.168.2.1", "192.168.002.001"),
            ("192.168.2.1", "::ffff:192.168.2.1"),
            ("fd00:0:0:0:0:0:0:1", "FD00::1"),
            ("IS-1.Example.com.", "is-1.example.com"),
            ("fe80:0::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
        assert_ne!(canonical("fe80::1%eth0"), canonical("fe80::1%eth1"));
        assert_ne!(canonical("192.168.2.10"), canonical("192.168.2.1"));
    }

    #[test]
    fn what_is_no_address_is_named() {
        for good in ["192.168.2.1", "::1", "fe80::1%eth0", "localhost", "is_1.example.com.", "1and1.com", "a"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for (bad, reason) in [
            ("ops@is-1", "user"),
            ("https://is-1:9443/", "URL"),
            ("is-1:22", "port"),
            ("[fd00::1]", "brackets"),
            ("192.168.2.0/24", "network"),
            ("192.168.02.1", "zeros"),
            ("192.168.2", "neither"),
            ("192.168.2.256", "neither"),
            ("is 1", "neither"),
            ("-is", "neither"),
            ("a..b", "neither"),
            ("", "neither"),
        ] {
            assert!(fault(bad).is_some_and(|(what, _)| what.contains(reason)), "{bad}");
        }
        for nobody in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:255.255.255.255"] {
            assert!(no_host(nobody).is_some(), "{nobody}");
        }
        assert!(no_host("192.168.2.1").is_none() && no_host("fe80::1%eth0").is_none() && no_host("is-1").is_none());
    }
}
