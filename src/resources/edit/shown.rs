//! What a plan shows of values: never a secret, neither a whole one nor one inside a URL.

/// A value before or after a change, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// Its spelling, with passwords inside masked.
    Clear(String),
    /// A secret, or the value of a key that sounds like one.
    Hidden,
}

impl Shown {
    /// A text in quotes, unless its name says that it is a secret.
    pub(super) fn text(name: &str, text: &str) -> Self {
        // Masked before it is quoted: an escaped quote must not end the part that is masked.
        if is_sensitive(name) { Self::Hidden } else { Self::Clear(format!("{:?}", masked(text))) }
    }
}

/// The line of a plan for one value that becomes another.
pub(super) fn change(what: &str, old: Option<Shown>, new: Shown) -> String {
    match (old, new) {
        (None, Shown::Clear(new)) => format!("{what}: (new) {new}"),
        (None, Shown::Hidden) => format!("{what}: added"),
        (Some(Shown::Clear(old)), Shown::Clear(new)) if old == new => {
            format!("{what}: changed in a part that is not shown")
        }
        (Some(Shown::Clear(old)), Shown::Clear(new)) => format!("{what}: {old} -> {new}"),
        (Some(_), _) => format!("{what}: changed"),
    }
}

/// Does the name of a key, attribute or element say that its value is a secret?
pub(super) fn is_sensitive(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let within = ["password", "passwd", "passphrase", "secret", "token", "credential"];
    let at_end = ["pass", "pwd", "_key", "-key", "privatekey", "secretkey", "encryptionkey", "apikey"];
    lower == "key" || within.iter().any(|word| lower.contains(word)) || at_end.iter().any(|word| lower.ends_with(word))
}

/// The text with the passwords inside URLs and `password=…` parameters replaced by `***`. Rather too much than too little.
pub(super) fn masked(text: &str) -> String {
    masked_user_information(&masked_oracle(&masked_parameters(text)))
}

/// The same for a whole line: nothing but its first word when that says that the rest is a secret.
pub(in crate::resources) fn masked_line(line: &str) -> String {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || "=:".contains(c)).unwrap_or(line.len());
    match line.get(..end) {
        Some(word) if end < line.len() && is_sensitive(word) => format!("{word} {MASK}"),
        _ => masked(line),
    }
}

const MASK: &str = "***";

/// `…password=SECRET&…`: up to the next separator, with XML entities as part of the secret.
fn masked_parameters(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (name, value) = rest.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let word = name.rsplit(|c: char| !c.is_alphanumeric() && !"_-.".contains(c)).next().unwrap_or_default();
        result.push_str(name);
        result.push('=');
        let secret = if is_sensitive(word) { secret_length(value) } else { 0 };
        if secret > 0 {
            result.push_str(MASK);
        }
        rest = value.get(secret..).unwrap_or_default();
    }
    result + rest
}

fn secret_length(value: &str) -> usize {
    if value.starts_with('{') {
        // SQL Server's way to hold separators; `}}` stands for one brace.
        return value.rfind('}').map_or(value.len(), |at| at + 1);
    }
    let mut at = 0;
    while let Some(c) = value.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = value.get(at..).unwrap_or_default();
        let entity = ["&lt;", "&gt;", "&quot;", "&apos;", "&#"].iter().find(|entity| rest.starts_with(**entity));
        if entity.is_some() {
            at += rest.find(';').map_or(rest.len(), |end| end + 1);
        } else if c.is_whitespace() || "&;\"'".contains(c) {
            break;
        } else {
            at += c.len_utf8();
        }
    }
    at
}

/// `jdbc:oracle:thin:USER/SECRET@…`.
fn masked_oracle(text: &str) -> String {
    let Some((before, after)) = text.split_once("jdbc:oracle:") else {
        return text.to_owned();
    };
    match after.rsplit_once('@') {
        Some((user, place)) if user.contains('/') => {
            let name = user.split('/').next().unwrap_or_default();
            format!("{before}jdbc:oracle:{name}/{MASK}@{place}")
        }
        _ => text.to_owned(),
    }
}

/// `scheme://USER:SECRET@…`: up to the last `@`, since a password may hold one.
fn masked_user_information(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        result.push_str(before);
        result.push_str("://");
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (address, others) = after.split_at(end);
        rest = after;
        if let Some((user, place)) = address.rsplit_once('@')
            && let Some((name, _)) = user.split_once(':')
        {
            result.push_str(&format!("{name}:{MASK}@{place}"));
            rest = others;
        }
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_inside_urls_are_masked() {
        for (text, shown) in [
            ("jdbc:mysql://db:3306/ID?user=a&password=p&x=1", "jdbc:mysql://db:3306/ID?user=a&password=***&x=1"),
            ("jdbc:mysql://db/ID?a=b&amp;password=p&lt;q&amp;x=1", "jdbc:mysql://db/ID?a=b&amp;password=***&amp;x=1"),
            ("jdbc:sqlserver://db;password={a;b}}c};x=1", "jdbc:sqlserver://db;password={***;x=1"),
            ("ldap://uid=admin:p@ss@dir:10389/x", "ldap://uid=admin:***@dir:10389/x"),
            ("jdbc:oracle:thin:scott/ti@ger@//db:1521/x", "jdbc:oracle:thin:scott/***@//db:1521/x"),
            ("two http://a:b@c and http://d:e@f", "two http://a:***@c and http://d:***@f"),
            ("trustStorePassword=x", "trustStorePassword=***"),
        ] {
            let shown = shown.replace("{***", "***");
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn what_holds_no_password_is_shown_as_it_is() {
        for text in ["https://$ref{server.hostname}:${carbon.management.port}", "a=b", "", "user@example.com", "x://"] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn a_line_that_begins_with_a_sensitive_word_is_masked() {
        assert_eq!(masked_line("  bind_password: poison # x"), "bind_password ***");
        assert_eq!(masked_line("\twso2 soft nofile 65535"), "wso2 soft nofile 65535");
    }

    #[test]
    fn names_that_sound_like_secrets_are_sensitive() {
        for name in ["password", "key_password", "keystorePass", "key", "client_secret", "accessToken", "private_key"] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["hostname", "key_alias", "bypass_count", "keystore", "monkey", "pass_through"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn a_change_in_the_hidden_part_of_a_url_is_still_told() {
        let shown = |text| Shown::text("url", text);
        assert_eq!(
            change("a.url", Some(shown("x://u:1@h")), shown("x://u:2@h")),
            "a.url: changed in a part that is not shown"
        );
    }
}
