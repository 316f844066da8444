//! Which algorithms are used: hactl's own choice, and that of the user's configuration. Pure.

use russh::keys::Algorithm;
use russh::{Preferred, cipher, kex, mac};

use crate::transport::Algorithms;
use crate::transport::known_hosts::matches;

/// What an algorithm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum Kind {
    /// `KexAlgorithms`
    KeyExchange,
    /// `Ciphers`
    Cipher,
    /// `MACs`
    Mac,
    /// `HostKeyAlgorithms`
    HostKey,
    /// `PubkeyAcceptedAlgorithms`
    UserKey,
}

/// In the order of speed; all of them are those of current OpenSSH, and none rests on SHA-1.
const CIPHERS: [cipher::Name; 6] = [
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

/// Through NIST curves, where a hardened server has taken out the others.
const KEY_EXCHANGES: [kex::Name; 9] = [
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G14_SHA256,
];

/// How the name of a certificate's algorithm ends.
const CERTIFICATE: &str = "-cert-v01@openssh.com";

/// The names of a list that hactl knows. It may be all that is wanted, or change hactl's own list by `+`, `-` or `^`, as
/// in an ssh_config. The error completes the sentence “`LIST` …”.
pub(in crate::transport) fn known(kind: Kind, list: &str) -> Result<Vec<String>, String> {
    let change = list.chars().next().filter(|sign| "+-^".contains(*sign));
    let words: Vec<&str> = list.trim_start_matches(['+', '-', '^']).split(',').map(str::trim).collect();
    let named = || words.iter().filter(|name| is_known(kind, name)).map(|name| (*name).to_owned());
    let own = || usual(kind).into_iter();
    let mut names: Vec<String> = match change {
        Some('+') => own().chain(named()).collect(),
        Some('^') => named().chain(own()).collect(),
        Some(_) => own().filter(|name| !words.iter().any(|word| matches(word.as_bytes(), name.as_bytes()))).collect(),
        None => named().collect(),
    };
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    if names.is_empty() {
        return Err(format!("leaves none of the algorithms that hactl knows: {}", usual(kind).join(", ")));
    }
    Ok(names)
}

fn is_known(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::KeyExchange => key_exchange(name).is_some(),
        Kind::Cipher => cipher_of(name).is_some(),
        Kind::Mac => mac_of(name).is_some(),
        Kind::HostKey => host_key(name).is_some(),
        Kind::UserKey => key_of(name).is_some(),
    }
}

/// What hactl uses by itself.
fn usual(kind: Kind) -> Vec<String> {
    fn names<T: AsRef<str>>(list: &[T]) -> Vec<String> {
        list.iter().map(|name| name.as_ref().to_owned()).collect()
    }
    match kind {
        Kind::KeyExchange => names(&KEY_EXCHANGES),
        Kind::Cipher => names(&CIPHERS),
        Kind::Mac => names(&Preferred::DEFAULT.mac),
        Kind::HostKey | Kind::UserKey => {
            let plain = names(&key_kinds());
            let certificates = plain.iter().map(|name| certificate_name(name));
            certificates.collect::<Vec<_>>().into_iter().chain(plain).collect()
        }
    }
}

/// `ssh-ed25519-cert-v01@openssh.com` for `ssh-ed25519`.
fn certificate_name(name: &str) -> String {
    format!("{}{CERTIFICATE}", name.trim_end_matches("@openssh.com"))
}

fn key_exchange(name: &str) -> Option<kex::Name> {
    // These are no exchanges: they tell what a client or a server can do.
    let told = [
        kex::EXTENSION_SUPPORT_AS_CLIENT,
        kex::EXTENSION_SUPPORT_AS_SERVER,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        kex::NONE,
    ];
    kex::Name::try_from(name).ok().filter(|name| !told.contains(name))
}

fn cipher_of(name: &str) -> Option<cipher::Name> {
    cipher::Name::try_from(name).ok().filter(|_| !["none", "clear"].contains(&name))
}

fn mac_of(name: &str) -> Option<mac::Name> {
    mac::Name::try_from(name).ok().filter(|_| name != "none")
}

/// The kind of key of an algorithm's name, which may be that of its certificates.
fn key_of(name: &str) -> Option<Algorithm> {
    let plain = match name.strip_suffix(CERTIFICATE) {
        Some(kind) if kind.starts_with("sk-") => format!("{kind}@openssh.com"),
        Some(kind) => kind.to_owned(),
        None => name.to_owned(),
    };
    Algorithm::new(&plain).ok().filter(|kind| !matches!(kind, Algorithm::Dsa | Algorithm::Other(_)))
}

/// The same for a host's key, which is judged here and not by an agent.
fn host_key(name: &str) -> Option<Algorithm> {
    key_of(name).filter(|kind| Preferred::DEFAULT.key.contains(kind))
}

/// The kinds of host keys that are taken.
pub(super) fn key_kinds() -> Vec<Algorithm> {
    Preferred::DEFAULT.key.iter().filter(|kind| **kind != Algorithm::Rsa { hash: None }).cloned().collect()
}

/// Kinds of host keys as the user's configuration wants them, or all: plain ones, and those of certificates.
pub(super) fn host_keys(wanted: &Algorithms) -> (Vec<Algorithm>, Vec<Algorithm>) {
    let Some(names) = &wanted.host_keys else { return (key_kinds(), key_kinds()) };
    let (certificates, plain): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| name.ends_with(CERTIFICATE));
    let kinds = |names: Vec<&String>| names.iter().filter_map(|name| host_key(name)).collect();
    (kinds(plain), kinds(certificates))
}

/// What is offered to the server, but for its key.
pub(super) fn preferred(wanted: &Algorithms) -> Preferred {
    fn chosen<T: Copy>(names: Option<&Vec<String>>, find: fn(&str) -> Option<T>, own: &[T]) -> Vec<T> {
        names.map_or_else(|| own.to_vec(), |names| names.iter().filter_map(|name| find(name)).collect())
    }
    let mut exchanges = chosen(wanted.key_exchanges.as_ref(), key_exchange, &KEY_EXCHANGES);
    exchanges.extend([kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT]);
    Preferred {
        kex: exchanges.into(),
        cipher: chosen(wanted.ciphers.as_ref(), cipher_of, &CIPHERS).into(),
        mac: chosen(wanted.macs.as_ref(), mac_of, &Preferred::DEFAULT.mac).into(),
        ..Preferred::DEFAULT
    }
}

/// May a key of the user be offered, by what `PubkeyAcceptedAlgorithms` says? An RSA key signs in several ways.
pub(super) fn takes_key(wanted: &Algorithms, kind: &Algorithm, certified: bool) -> bool {
    let Some(names) = &wanted.user_keys else { return true };
    let same = |other: Algorithm| match (&other, kind) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        (other, kind) => other == kind,
    };
    names.iter().any(|name| name.ends_with(CERTIFICATE) == certified && key_of(name).is_some_and(same))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_is_wanted_or_changes_what_is_usual() {
        for (kind, list, first, last) in [
            (Kind::Cipher, "aes256-ctr,unheard-of,aes128-ctr", "aes256-ctr", "aes128-ctr"),
            (Kind::Cipher, "+aes256-cbc", "aes128-gcm@openssh.com", "aes256-cbc"),
            (Kind::Cipher, "^aes256-ctr", "aes256-ctr", "aes192-ctr"),
            (Kind::Cipher, "-aes*", "chacha20-poly1305@openssh.com", "chacha20-poly1305@openssh.com"),
            (
                Kind::KeyExchange,
                "sntrup761x25519-sha512,ecdh-sha2-nistp256",
                "ecdh-sha2-nistp256",
                "ecdh-sha2-nistp256",
            ),
            (Kind::KeyExchange, "+diffie-hellman-group14-sha1", "curve25519-sha256", "diffie-hellman-group14-sha1"),
            (Kind::HostKey, "+ssh-rsa", "ssh-ed25519-cert-v01@openssh.com", "ssh-rsa"),
            (Kind::UserKey, "rsa-sha2-512", "rsa-sha2-512", "rsa-sha2-512"),
            (Kind::Mac, "hmac-sha2-512,umac-64@openssh.com", "hmac-sha2-512", "hmac-sha2-512"),
        ] {
            let names = known(kind, list).unwrap();
            assert_eq!((names.first().unwrap().as_str(), names.last().unwrap().as_str()), (first, last), "{list}");
        }
        for (kind, list) in [
            (Kind::Cipher, "none"),
            (Kind::Cipher, "-*"),
            (Kind::KeyExchange, "ext-info-c,sntrup761x25519-sha512"),
            (Kind::HostKey, "ssh-dss"),
            (Kind::Mac, ""),
        ] {
            assert!(known(kind, list).unwrap_err().starts_with("leaves none"), "{list}");
        }
    }

    #[test]
    fn certificates_and_plain_host_keys_are_told_apart() {
        let names = known(Kind::HostKey, "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-256").unwrap();
        let (plain, certificates) = host_keys(&Algorithms { host_keys: Some(names), ..Algorithms::default() });
        assert_eq!(certificates, [Algorithm::Ed25519]);
        assert_eq!(plain.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["rsa-sha2-256"]);
        assert_eq!(host_keys(&Algorithms::default()).0, key_kinds());
    }

    #[test]
    fn a_key_of_the_user_is_offered_where_its_kind_is_wanted() {
        let wanted = Algorithms {
            user_keys: Some(vec!["rsa-sha2-512".into(), "ssh-ed25519-cert-v01@openssh.com".into()]),
            ..Algorithms::default()
        };
        assert!(takes_key(&wanted, &Algorithm::Rsa { hash: None }, false));
        assert!(takes_key(&wanted, &Algorithm::Ed25519, true) && !takes_key(&wanted, &Algorithm::Ed25519, false));
        assert!(takes_key(&Algorithms::default(), &Algorithm::Ed25519, false));
    }
}
