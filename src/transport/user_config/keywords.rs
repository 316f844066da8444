//! Every keyword of ssh_config(5), and what becomes of it here. Pure.

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// hactl does what it asks for.
    Honoured,
    /// It has no effect on what hactl does, or only a laxer one; for this reason.
    Passed(&'static str),
    /// Without it the host would be reached in another way than the user wants; for this reason.
    Refused(&'static str),
}

/// Those that are honoured.
const HONOURED: [&str; 25] = [
    "addressfamily",
    "bindaddress",
    "certificatefile",
    "ciphers",
    "connecttimeout",
    "globalknownhostsfile",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "kexalgorithms",
    "macs",
    "port",
    "proxycommand",
    "proxyjump",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
    "pubkeyauthentication",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
];

/// Those that have no effect, by the reason.
const PASSED: [(&str, &[&str]); 10] = [
    (
        "hactl never lends the agent or the screen to a host",
        &["forwardagent", "forwardx11", "forwardx11timeout", "forwardx11trusted", "xauthlocation"],
    ),
    (
        "hactl opens no forwards",
        &[
            "clearallforwardings",
            "dynamicforward",
            "exitonforwardfailure",
            "gatewayports",
            "localforward",
            "permitremoteopen",
            "remoteforward",
            "streamlocalbindmask",
            "streamlocalbindunlink",
            "tunnel",
            "tunneldevice",
        ],
    ),
    (
        "hactl runs its own commands, without a terminal",
        &[
            "channeltimeout",
            "enableescapecommandline",
            "escapechar",
            "forkafterauthentication",
            "localcommand",
            "obscurekeystroketiming",
            "permitlocalcommand",
            "remotecommand",
            "requesttty",
            "sendenv",
            "sessiontype",
            "setenv",
            "stdinnull",
        ],
    ),
    ("hactl keeps one connection for a run and shares no other", &["controlmaster", "controlpath", "controlpersist"]),
    (
        "hactl has its own way of trying again, of reporting and of sending",
        &[
            "batchmode",
            "compression",
            "compressionlevel",
            "connectionattempts",
            "fingerprinthash",
            "ignoreunknown",
            "ipqos",
            "loglevel",
            "logverbose",
            "rekeylimit",
            "syslogfacility",
            "tcpkeepalive",
            "versionaddendum",
            "visualhostkey",
            "warnweakcrypto",
        ],
    ),
    (
        "hactl checks every host's key against the known_hosts files, and writes none",
        &["checkhostip", "hashknownhosts", "nohostauthenticationforlocalhost", "updatehostkeys", "verifyhostkeydns"],
    ),
    (
        "hactl logs in with keys, and with the password that the inventory names",
        &[
            "challengeresponseauthentication",
            "enablesshkeysign",
            "gssapiauthentication",
            "gssapiclientidentity",
            "gssapidelegatecredentials",
            "gssapikexalgorithms",
            "gssapikeyexchange",
            "gssapirenewalforcesrekey",
            "gssapiserveridentity",
            "gssapitrustdns",
            "hostbasedacceptedalgorithms",
            "hostbasedauthentication",
            "hostbasedkeytypes",
            "kbdinteractiveauthentication",
            "kbdinteractivedevices",
            "numberofpasswordprompts",
            "passwordauthentication",
            "preferredauthentications",
        ],
    ),
    (
        "keys on tokens are reached through the agent, to which hactl adds none",
        &["addkeystoagent", "pkcs11provider", "securitykeyprovider", "smartcarddevice", "usekeychain"],
    ),
    (
        "the client has done it already when it is asked, and other files are not read by it",
        &["canonicaldomains", "canonicalizefallbacklocal", "canonicalizemaxdots", "canonicalizepermittedcnames", "tag"],
    ),
    ("hactl takes the kinds of keys that its own cryptography knows", &["casignaturealgorithms", "requiredrsasize"]),
];

/// Those without which the host would be reached otherwise than the user wants.
const REFUSED: [(&str, &str); 6] = [
    ("bindinterface", "a source address can be chosen by BindAddress"),
    ("canonicalizehostname", "only OpenSSH's client knows how"),
    ("knownhostscommand", "hosts' keys are read from files alone"),
    ("proxyusefdpass", "hactl talks to a ProxyCommand over its standard input and output"),
    ("refuseconnection", "the configuration forbids the connection"),
    ("revokedhostkeys", "revoked keys are those that known_hosts files mark as @revoked"),
];

/// What becomes of a keyword, in lower case; `None` when it is none that is known here.
pub(super) fn fate(keyword: &str) -> Option<Fate> {
    if HONOURED.contains(&keyword) {
        return Some(Fate::Honoured);
    }
    if let Some((reason, _)) = PASSED.iter().find(|(_, keywords)| keywords.contains(&keyword)) {
        return Some(Fate::Passed(reason));
    }
    REFUSED.iter().find(|(known, _)| *known == keyword).map(|(_, reason)| Fate::Refused(reason))
}

/// Does this value ask for nothing?
pub(super) fn is_off(value: &str) -> bool {
    ["", "no", "false", "none"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// May the keyword stand several times, each adding to those before?
pub(super) fn adds_up(keyword: &str) -> bool {
    ["certificatefile", "dynamicforward", "identityfile", "localforward", "remoteforward", "sendenv"].contains(&keyword)
}

/// Is the value the rest of the line as it stands, for a shell to read?
pub(super) fn is_command(keyword: &str) -> bool {
    ["knownhostscommand", "localcommand", "proxycommand", "remotecommand"].contains(&keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_keyword_has_two_fates() {
        let mut all: Vec<&str> = HONOURED.into_iter().chain(REFUSED.iter().map(|(keyword, _)| *keyword)).collect();
        all.extend(PASSED.iter().flat_map(|(_, keywords)| keywords.iter().copied()));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|keyword| *keyword == keyword.to_ascii_lowercase()));
    }

    #[test]
    fn each_fate_is_found() {
        assert_eq!(fate("proxyjump"), Some(Fate::Honoured));
        assert!(matches!(fate("forwardagent"), Some(Fate::Passed(_))));
        assert!(matches!(fate("revokedhostkeys"), Some(Fate::Refused(_))));
        assert_eq!(fate("prot"), None);
    }
}
