//! Does a configuration tell names apart? Where it does not, one answer of the client holds for all of them. Pure.

use super::subset::words::{line, split};

/// Is there anything that may hold for one name and not for another, or mean another thing for it?
pub(super) fn tells_names_apart(text: &str) -> bool {
    let is = |rest: &str, word: &str| split(rest).is_ok_and(|words| words == [word]);
    text.lines().filter_map(line).any(|(keyword, rest)| match keyword.as_str() {
        "host" => !is(rest, "*"),
        "match" => !is(rest, "all"),
        // What the DNS knows of each, if it is asked for that.
        _ if keyword.starts_with("canonical") => true,
        // A token: the client puts some of them in before it answers.
        _ => keyword == "hostname" || rest.contains('%'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_conditions_tokens_and_the_dns() {
        for text in [
            "",
            "# Host a\n",
            "Include conf.d/*\nHost *\n  SendEnv LC_*\n  HashKnownHosts yes\n",
            "host=\"*\"\nUser me\nMatch all\nPort 23",
        ] {
            assert!(!tells_names_apart(text), "{text}");
        }
        for text in [
            "Host is-*",
            "Host * !is-1",
            "Host a *",
            "Host \"*",
            "Match final all",
            "Match exec true",
            "IdentityFile ~/.ssh/%h",
            "HostName gate",
            "CanonicalizeHostname yes",
            "CanonicalDomains example.com",
        ] {
            assert!(tells_names_apart(text), "{text}");
        }
    }
}
