//! Fingerprints of hosts' keys, as `ssh-keygen -lf` prints them.

use base64ct::{Base64Unpadded, Encoding as _};

/// What is wrong with a fingerprint, and what to write instead; `None` when it can be that of a key.
pub(super) fn fault(text: &str) -> Option<(&'static str, &'static str)> {
    const PRINT: &str = "`ssh-keygen -lf KEY.pub` prints it; it begins with `SHA256:`";
    let Some(digest) = text.strip_prefix("SHA256:") else {
        let pairs: Vec<&str> = text.strip_prefix("MD5:").unwrap_or(text).split(':').collect();
        if pairs.len() == 16 && pairs.iter().all(|pair| pair.len() == 2) {
            return Some(("is an MD5 fingerprint, which can be forged", PRINT));
        }
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") {
            return Some(("is a key and not its fingerprint", PRINT));
        }
        return Some(("is not a fingerprint", PRINT));
    };
    if digest.ends_with('=') {
        return Some(("ends with `=`, which OpenSSH's fingerprints do not", "leave out the `=` at its end"));
    }
    // Compared as text later, so there must be one way only to write it: the decoder refuses the others.
    match Base64Unpadded::decode_vec(digest) {
        Ok(bytes) if bytes.len() == 32 => None,
        _ => Some(("is not a whole fingerprint: 43 letters, digits, `+` or `/` follow `SHA256:`", PRINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_ssh_keygen_prints_and_nothing_else() {
        let good = "SHA256:oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPWE";
        assert_eq!(fault(good), None);
        for (wrong, says) in [
            ("", "not a fingerprint"),
            ("SHA256:", "not a whole"),
            ("sha256:oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPWE", "not a fingerprint"),
            ("oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPWE", "not a fingerprint"),
            ("SHA256:oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPWE=", "ends with `=`"),
            ("SHA256:oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPW", "not a whole"),
            // Its last letter holds bits that belong to no byte: another spelling of the one above.
            ("SHA256:oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPWF", "not a whole"),
            ("SHA256:oCWQW+n6N8cFw7hxBVQPYqWxJVyQLcWNhoxAuWkRPW!", "not a whole"),
            ("MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "MD5"),
            ("16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "MD5"),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAZTiUWsHiE6vnf7fps52lm+URRjJ7o652rQDyL7QG+R", "a key"),
        ] {
            let (what, hint) = fault(wrong).unwrap();
            assert!(what.contains(says), "{wrong}: {what}");
            assert!(!hint.is_empty());
        }
    }
}
