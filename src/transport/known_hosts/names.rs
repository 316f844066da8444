//! How a line names its hosts: patterns, negated patterns, or the hash of one name.

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Does one of the patterns match, and none of those that begin with `!`? `name` is in lower case.
pub(super) fn matches_any(patterns: &[impl AsRef<str>], name: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        let pattern = pattern.as_ref().to_lowercase();
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => matched |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    matched
}

/// `*` stands for any text and `?` for one character. Linear: only the last `*` is ever gone back to.
pub(in crate::transport) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    in_name = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|c| *c == b'*'))
}

/// Is `hash`, which is `SALT|HMAC-SHA1` in base64, that of this name?
pub(super) fn matches_hash(hash: &str, name: &str) -> bool {
    let parts = hash.split_once('|');
    let decoded = parts.map(|(salt, digest)| (Base64::decode_vec(salt), Base64::decode_vec(digest)));
    let Some((Ok(salt), Ok(digest))) = decoded else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else {
        return false;
    };
    mac.update(name.as_bytes());
    mac.verify_slice(&digest).is_ok()
}

/// The name as it is hidden with a salt: `|1|SALT|HMAC-SHA1`.
pub(super) fn hash(name: &str, salt: &[u8; 20]) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else {
        // A key of any length will do.
        return name.to_owned();
    };
    mac.update(name.as_bytes());
    let digest = mac.finalize().into_bytes();
    format!("|1|{}|{}", Base64::encode_string(salt), Base64::encode_string(&digest))
}

/// Does the name stand for itself alone on a line?
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['!', '|', '#', '@'])
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "*?,".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_negation() {
        for (patterns, name, expected) in [
            ("node1.example.com", "node1.example.com", true),
            ("NODE1.Example.com", "node1.example.com", true),
            ("*.example.com", "node1.example.com", true),
            ("*.example.com", "example.com", false),
            ("node?.example.com", "node1.example.com", true),
            ("node?", "node", false),
            ("*", "anything", true),
            ("**x*", "yyx", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("", "", true),
            ("", "a", false),
            ("*.example.com,!db.example.com", "db.example.com", false),
            ("!db.example.com,*.example.com", "node1.example.com", true),
            ("!db.example.com", "node1.example.com", false),
            ("[127.0.0.1]:2222", "[127.0.0.1]:2222", true),
            ("[*]:2222", "[127.0.0.1]:2222", true),
        ] {
            let list: Vec<&str> = patterns.split(',').collect();
            assert_eq!(matches_any(&list, name), expected, "{patterns} against {name}");
        }
    }

    #[test]
    fn a_hash_matches_its_name_alone() {
        // Written by `ssh-keygen -H` for `node1.example.com`.
        let hash = "gDYsL+BFXx9jamRdmE5yN6bB8fU=|TdqML7IR7cIdNt+NCWjZlaZOD3s=";
        assert!(matches_hash(hash, "node1.example.com"));
        assert!(!matches_hash(hash, "node2.example.com"));
        for broken in ["", "|", "x", "AAAA|AAAA", "é|é"] {
            assert!(!matches_hash(broken, "node1.example.com"), "{broken}");
        }
    }
}
