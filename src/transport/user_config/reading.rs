//! From keywords and values to what they mean for a connection. Pure.

use std::path::PathBuf;
use std::time::Duration;

use super::Query;
use super::error::{UserConfigError, unreadable_value, unsupported};
use super::found::{Agent, Hop, HostConfig, Passed, Way};
use super::keywords::{Fate, fate, is_off};
use super::settings::{Setting, Settings};
use super::tokens::{Here, Tokens};
use crate::model::inventory::JumpHost;
use crate::transport::link::{AddressFamily, Algorithms};
use crate::transport::ssh::algorithms::{Kind, known};

/// What is `set` for a name, and what that means.
///
/// # Errors
/// When a value cannot be read, or asks for what hactl does not do.
pub(super) fn read(set: &Settings, query: &Query, here: &Here, source: &str) -> Result<HostConfig, UserConfigError> {
    let passed = judged(set)?;
    let of_name = Tokens { here, name: &query.name, address: &query.name, user: "", port: 22, key_alias: "" };
    let hostname =
        set.first("hostname").map(|setting| put(setting, of_name.percent(&setting.text(), "h"))).transpose()?;
    let (user, host_key_alias) = (text(set, "user"), text(set, "hostkeyalias"));
    let port = parsed(set, "port")?;
    let address = query.address.as_ref().or(hostname.as_ref()).unwrap_or(&query.name);
    let tokens = Tokens {
        here,
        name: &query.name,
        address,
        user: query.user.as_ref().or(user.as_ref()).unwrap_or(&here.user),
        port: query.port.or(port).unwrap_or(22),
        key_alias: host_key_alias.as_ref().unwrap_or(address),
    };
    let keys = set.first("pubkeyauthentication").is_none_or(|setting| !is_off(&setting.text()));
    let found = HostConfig {
        source: source.to_owned(),
        identities: if keys { files(set, "identityfile", &tokens)? } else { Some(Vec::new()) },
        identities_only: yes(set, "identitiesonly")?,
        certificates: files(set, "certificatefile", &tokens)?.unwrap_or_default(),
        agent: if keys { agent(set, &tokens)? } else { Some(Agent::None) },
        way: way(set, &tokens)?,
        user_known_hosts: files(set, "userknownhostsfile", &tokens)?,
        global_known_hosts: files(set, "globalknownhostsfile", &tokens)?,
        connect_timeout: seconds(set, "connecttimeout")?,
        keepalive: seconds(set, "serveraliveinterval")?,
        keepalives: parsed(set, "serveralivecountmax")?,
        address_family: family(set)?,
        bind_address: text(set, "bindaddress"),
        algorithms: algorithms(set)?,
        warnings: warnings(set),
        passed,
        address: hostname,
        user,
        port,
        host_key_alias,
    };
    Ok(found)
}

/// Takes out what has no effect, and refuses what cannot be honoured.
fn judged(set: &Settings) -> Result<Vec<Passed>, UserConfigError> {
    let mut passed = Vec::new();
    for setting in &set.0 {
        let (keyword, value) = (setting.keyword.clone(), setting.text());
        match fate(&keyword) {
            Some(Fate::Honoured) => {}
            Some(Fate::Passed(reason)) => passed.push(Passed { keyword, value, reason }),
            Some(Fate::Refused(_)) if is_off(&value) => {}
            Some(Fate::Refused(why)) => return Err(unsupported(&setting.shown(), why)),
            None => return Err(unsupported(&setting.shown(), "hactl does not know this keyword")),
        }
    }
    Ok(passed)
}

fn warnings(set: &Settings) -> Vec<String> {
    let lax = set
        .first("stricthostkeychecking")
        .map(Setting::text)
        .filter(|value| !["yes", "true", "ask"].contains(&value.as_str()));
    let warning = |value| {
        format!(
            "StrictHostKeyChecking {value} of your ssh_config is not followed: hactl refuses hosts whose keys it does not know"
        )
    };
    lax.map(|value| if value == "false" { "no".to_owned() } else { value }).map(warning).into_iter().collect()
}

/// A value after its tokens were put in, or why they could not be.
fn put<T>(setting: &Setting, value: Result<T, String>) -> Result<T, UserConfigError> {
    value.map_err(|why| unreadable_value(setting, &why))
}

fn text(set: &Settings, keyword: &str) -> Option<String> {
    set.first(keyword).map(Setting::text).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("none"))
}

fn parsed<T: std::str::FromStr>(set: &Settings, keyword: &str) -> Result<Option<T>, UserConfigError> {
    let parse = |setting: &Setting| {
        put(setting, setting.text().parse().map_err(|_| "is no number that can stand there".to_owned()))
    };
    set.first(keyword).map(parse).transpose()
}

fn yes(set: &Settings, keyword: &str) -> Result<Option<bool>, UserConfigError> {
    let Some(setting) = set.first(keyword) else { return Ok(None) };
    match setting.text().to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(Some(true)),
        "no" | "false" => Ok(Some(false)),
        _ => Err(unreadable_value(setting, "is neither yes nor no")),
    }
}

/// A time: seconds, or numbers with units such as `1h30m`. None at all means that there is no limit of the user's.
fn seconds(set: &Settings, keyword: &str) -> Result<Option<Duration>, UserConfigError> {
    let Some(setting) = set.first(keyword) else { return Ok(None) };
    let value = setting.text().to_ascii_lowercase();
    if value == "none" || value == "0" {
        return Ok(None);
    }
    let (mut all, mut number) = (0_u64, String::new());
    for letter in value.chars().chain(value.ends_with(|c: char| c.is_ascii_digit()).then_some('s')) {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = ["s", "m", "h", "d", "w"].iter().position(|unit| unit.starts_with(letter));
        let long = unit.and_then(|unit| [1, 60, 3600, 86_400, 604_800].get(unit));
        let Some((count, long)) = number.parse::<u64>().ok().zip(long) else {
            return Err(unreadable_value(setting, "is no time"));
        };
        all = all.saturating_add(count.saturating_mul(*long));
        number.clear();
    }
    Ok(Some(Duration::from_secs(all.clamp(1, 86_400))))
}

fn files(set: &Settings, keyword: &str, tokens: &Tokens<'_>) -> Result<Option<Vec<PathBuf>>, UserConfigError> {
    let mut found: Option<Vec<PathBuf>> = None;
    for setting in set.all(keyword) {
        let files = found.get_or_insert_default();
        for value in setting.values.iter().filter(|value| !value.eq_ignore_ascii_case("none")) {
            files.push(put(setting, tokens.file(value))?);
        }
        // Of these two the first line alone holds, whatever stands on it.
        if keyword.ends_with("knownhostsfile") {
            break;
        }
    }
    Ok(found)
}

fn agent(set: &Settings, tokens: &Tokens<'_>) -> Result<Option<Agent>, UserConfigError> {
    let Some(setting) = set.first("identityagent") else { return Ok(None) };
    let value = setting.text();
    Ok(match value.as_str() {
        "none" => Some(Agent::None),
        "" | "SSH_AUTH_SOCK" => None,
        value => match value.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            // A variable that is not set names no agent.
            Some(name) => Some((tokens.here.variable)(name).map_or(Agent::None, |path| Agent::Socket(path.into()))),
            None => Some(Agent::Socket(put(setting, tokens.file(value))?)),
        },
    })
}

/// Of the two keywords the first that is set holds, and `none` is set as well.
fn way(set: &Settings, tokens: &Tokens<'_>) -> Result<Way, UserConfigError> {
    let first = set.0.iter().find(|setting| ["proxyjump", "proxycommand"].contains(&setting.keyword.as_str()));
    let Some(setting) = first.filter(|setting| !setting.text().eq_ignore_ascii_case("none")) else {
        return Ok(Way::Direct);
    };
    let value = put(setting, tokens.percent(&setting.text(), "hnpr"))?;
    if setting.keyword == "proxycommand" {
        return Ok(Way::Command(value));
    }
    let hop = |text: &str| hop(text.trim()).ok_or_else(|| unreadable_value(setting, "names no host to jump through"));
    value.split(',').map(hop).collect::<Result<_, _>>().map(Way::Jump)
}

/// `[USER@]NAME[:PORT]`, or the same as a URL.
fn hop(text: &str) -> Option<Hop> {
    let text = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
    let JumpHost { address, user, port, .. } = JumpHost::parse(text)?;
    Some(Hop { name: address?, user, port })
}

fn family(set: &Settings) -> Result<Option<AddressFamily>, UserConfigError> {
    let Some(setting) = set.first("addressfamily") else { return Ok(None) };
    match setting.text().to_ascii_lowercase().as_str() {
        "any" => Ok(Some(AddressFamily::Any)),
        "inet" => Ok(Some(AddressFamily::V4)),
        "inet6" => Ok(Some(AddressFamily::V6)),
        _ => Err(unreadable_value(setting, "is none of any, inet and inet6")),
    }
}

fn algorithms(set: &Settings) -> Result<Algorithms, UserConfigError> {
    let list = |keywords: &[&str], kind| -> Result<Option<Vec<String>>, UserConfigError> {
        let Some(setting) = keywords.iter().find_map(|keyword| set.first(keyword)) else { return Ok(None) };
        put(setting, known(kind, &setting.text())).map(Some)
    };
    Ok(Algorithms {
        key_exchanges: list(&["kexalgorithms"], Kind::KeyExchange)?,
        ciphers: list(&["ciphers"], Kind::Cipher)?,
        macs: list(&["macs"], Kind::Mac)?,
        host_keys: list(&["hostkeyalgorithms"], Kind::HostKey)?,
        user_keys: list(&["pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"], Kind::UserKey)?,
    })
}
