//! The judgement on keys and certificates, as a table over the text of known_hosts files.

use super::*;

const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAZTiUWsHiE6vnf7fps52lm+URRjJ7o652rQDyL7QG+R";
const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICMBhTHoq4B4LzEnlKqkZ46dMG4/6oh3gp76ribCvGmn";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAzQmIL34NfXD4jzw75hcBw096PlqS/KGiDKPwOct6/b6XvHWATOxzEhTZmD0Io++tUMRrAGjsdxjwx8TWMIb9s=";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQD4KIQt89TjIrH6+70rDeqBGujXtyYIcH1FR5Mq4HjtrK/8/kWoWE9BWim4Qm3Yp9L8UGMIjHdJjU73gph7+wA3vWhwCSYH7Z90uuhPXl9RqMyr7tbf6prGAPB0wd253WlNC8U2LQKaHfD24eY/b9GNzq5FCH774aQ4RuIv51D7RID219CUj7oBqIq28OZ1WHnj7aEKDTyEqjU9Uu3ZaSVtmNTaneH8SU2bxDZcVhEiZnBbtrvw4aNIBI9o4IZy41G9LiD6McXGUiA4+93XAAYj8FFlFRhkerfyg+42yIlaMxP21xkTsKuTdkZhODn29IsR1cW9A9pONFc0zGvdB1Db";
const CA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDNAZfriXTRNrU/jUh0L+Kv6VI6sSAulrxcLNDDVRA2x";
const OTHER_CA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKb6kMGz7yQ52W/22Z6hUYoFU53hMG8YXcAq487gG2V0";
/// Certificates of ONE by CA, all valid from 2020 to 2030.
const GOOD: &str = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIDnlg2C2Tju8e9N91yrrXcCigbCliZTcsHn8OfSoMQYZAAAAIAZTiUWsHiE6vnf7fps52lm+URRjJ7o652rQDyL7QG+RAAAAAAAAAAAAAAACAAAABGdvb2QAAAAuAAAAEW5vZGUxLmV4YW1wbGUuY29tAAAAFSouY2x1c3Rlci5leGFtcGxlLmNvbQAAAABeC+EAAAAAAHDb2IAAAAAAAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIDNAZfriXTRNrU/jUh0L+Kv6VI6sSAulrxcLNDDVRA2xAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEBnOY8cGzLtwWmHJee1w8HeiYrKzdVa/7hOKI9kbq6Eas0BPKaywxICTYK+Rv6iPqn+suIRaAUN5E1+6VsgufcF";
const FOR_NOBODY: &str = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIJ4e8jZf5VLAHBL6qS90vSZictRTtqjpFsARJyNuvc1YAAAAIAZTiUWsHiE6vnf7fps52lm+URRjJ7o652rQDyL7QG+RAAAAAAAAAAAAAAACAAAABm5vaG9zdAAAAAAAAAAAXgvhAAAAAABw29iAAAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACAzQGX64l00Ta1P41IdC/ir+lSOrEgLpa8XCzQw1UQNsQAAAFMAAAALc3NoLWVkMjU1MTkAAABA/9YgyewX29ms4mzgljVZzi2eSlUD+2AYGNe1zy8Jhkd7+MxYz6mc9u9juMd2yPWRahRJuVDHLaj9u3Agul2qDg==";
const OF_A_USER: &str = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAICbWG8Rf9m0wQuUCQrsFPfRO+3Qf/EEz15vZrdvidKQ7AAAAIAZTiUWsHiE6vnf7fps52lm+URRjJ7o652rQDyL7QG+RAAAAAAAAAAAAAAABAAAABHVzZXIAAAAVAAAAEW5vZGUxLmV4YW1wbGUuY29tAAAAAF4L4QAAAAAAcNvYgAAAAAAAAACCAAAAFXBlcm1pdC1YMTEtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIDNAZfriXTRNrU/jUh0L+Kv6VI6sSAulrxcLNDDVRA2xAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEBREIkLH3XjOlFzw1Svlu8mmXirvcJSLcapZ8TDp1ez7XAtk1hJje9TqpJndEvbp0VE3vIhnWqeWwvNpBxHP+UB";
const WITH_OPTION: &str = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIIEseYse7+oxsBJjfs2b50YIgQE+wtKXtuD0UfaVw8/hAAAAIAZTiUWsHiE6vnf7fps52lm+URRjJ7o652rQDyL7QG+RAAAAAAAAAAAAAAACAAAABGNyaXQAAAAVAAAAEW5vZGUxLmV4YW1wbGUuY29tAAAAAF4L4QAAAAAAcNvYgAAAAB8AAAAScG9pc29uQGV4YW1wbGUuY29tAAAABQAAAAF4AAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIDNAZfriXTRNrU/jUh0L+Kv6VI6sSAulrxcLNDDVRA2xAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEBNpzGhyr71C0BIzDlU8GB3iN/X05vEgryamcnop+yfLAg3xR9lcJUmANLwMYQDcYZHcgQg92t0NSTKcL8zCrAL";
const IN_2019: u64 = 1_577_836_799;
const IN_2025: u64 = 1_750_000_000;
const IN_2030: u64 = 1_893_456_000;

const HOST: &str = "node1.example.com";
const FILE: &str = "/home/ops/.ssh/known_hosts";

fn files(host: &str, port: u16, alias: Option<&str>, text: &str) -> KnownHosts {
    let mut known = KnownHosts::new(host, port, alias);
    known.add(Path::new(FILE), text);
    known
}

fn key(text: &str) -> KeyData {
    PublicKey::from_openssh(text).unwrap().key_data().clone()
}

/// A verdict in a word, with the line that it speaks of.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Known => "known".to_owned(),
        Verdict::Unknown { others } if others.is_empty() => "unknown".to_owned(),
        Verdict::Unknown { others } => format!("unknown, another kind on {}", others[0].line),
        Verdict::NotPinned => "not pinned".to_owned(),
        Verdict::Changed { recorded } => format!("changed from {}", recorded.line),
        Verdict::Revoked { recorded } => format!("revoked on {}", recorded.line),
        Verdict::BadCertificate { authority, flaw } => format!("bad, authority on {}: {}", authority.line, flaw.reason),
    }
}

fn fill(text: &str) -> String {
    // Longer words first, so that none is found within another.
    [("OTHER_CA", OTHER_CA), ("ECDSA", ECDSA), ("RSA", RSA), ("CA", CA), ("ONE", ONE), ("TWO", TWO)].iter().fold(
        text.to_owned(),
        |text, (word, key)| {
            text.split('\n')
                .map(|line| match line.strip_suffix(word) {
                    Some(start) if start.ends_with([' ', '\t']) => format!("{start}{key}"),
                    _ => line.to_owned(),
                })
                .collect::<Vec<_>>()
                .join("\n")
        },
    )
}

#[test]
fn keys_are_judged_by_the_lines_about_the_host() {
    for (text, shown, expected) in [
        ("", ONE, "unknown"),
        ("node1.example.com ONE", ONE, "known"),
        ("node1.example.com ONE", TWO, "changed from 1"),
        ("NODE1.Example.COM ONE", ONE, "known"),
        ("node2.example.com ONE", ONE, "unknown"),
        ("node2.example.com,node1.example.com,10.0.0.1 ONE", ONE, "known"),
        // Several keys of one kind: any of them will do.
        ("node1.example.com ONE\nnode1.example.com TWO", TWO, "known"),
        ("node1.example.com RSA\nnode1.example.com TWO", ONE, "changed from 2"),
        ("# old\n\n  \nnode1.example.com ECDSA", ONE, "unknown, another kind on 4"),
        ("node1.example.com RSA", RSA, "known"),
        ("*.example.com ONE", ONE, "known"),
        ("node?.example.com ONE", ONE, "known"),
        ("*.example.com,!node1.* ONE", ONE, "unknown"),
        ("!node1.*,*.example.com ONE", ONE, "unknown"),
        ("* ONE", TWO, "changed from 1"),
        ("\t node1.example.com \t  ONE", ONE, "known"),
        // A revocation wins, wherever it stands and however the host is named.
        ("node1.example.com ONE\n@revoked * ONE", ONE, "revoked on 2"),
        ("@revoked\tnode1.example.com\tONE\nnode1.example.com ONE", ONE, "revoked on 1"),
        ("@revoked * TWO\nnode1.example.com ONE", ONE, "known"),
        ("@revoked node2.example.com ONE\nnode1.example.com ONE", ONE, "known"),
        // An authority is no host, and what nobody understands says nothing.
        ("@cert-authority * ONE", ONE, "unknown"),
        ("@new-marker * ONE", ONE, "unknown"),
        ("node1.example.com ssh-ed25519", ONE, "unknown"),
        ("node1.example.com ssh-ed25519 !!!", ONE, "unknown"),
        ("node1.example.com 1024 35 1234567890", ONE, "unknown"),
        ("#node1.example.com ONE", ONE, "unknown"),
        // The salt and hash of `node1.example.com`, as `ssh-keygen -H` wrote them.
        ("|1|HASH ONE", ONE, "known"),
        ("|1|HASH ONE", TWO, "changed from 1"),
        ("|1|broken ONE", ONE, "unknown"),
    ] {
        let text = fill(text).replace("HASH", "gDYsL+BFXx9jamRdmE5yN6bB8fU=|TdqML7IR7cIdNt+NCWjZlaZOD3s=");
        let known = files(HOST, 22, None, &text);
        assert_eq!(word(&known.check_key(&key(shown))), expected, "{text}");
    }
}

#[test]
fn a_comment_on_the_line_or_a_windows_line_end_changes_nothing() {
    let known = files(HOST, 22, None, &format!("{HOST} {ONE} root@node1 # new\r\n{HOST} {RSA}\r\n"));
    assert_eq!(known.check_key(&key(ONE)), Verdict::Known);
    assert_eq!(known.check_key(&key(RSA)), Verdict::Known);
}

#[test]
fn the_port_is_part_of_the_name_unless_it_is_the_usual_one() {
    for (line, port, alias, expected) in [
        ("[node1.example.com]:2222 ONE", 2222, None, "known"),
        ("[node1.example.com]:2222 TWO", 2222, None, "changed from 1"),
        ("[node1.example.com]:2222 ONE", 2223, None, "unknown"),
        ("[node1.example.com]:2222 ONE", 22, None, "unknown"),
        ("[*.example.com]:2222 ONE", 2222, None, "known"),
        // Without a port a line can vouch, but another server on the same host may have another key.
        ("node1.example.com ONE", 2222, None, "known"),
        ("node1.example.com TWO", 2222, None, "unknown"),
        ("@revoked node1.example.com ONE", 2222, None, "revoked on 1"),
        ("Alias ONE", 2222, Some("ALIAS"), "known"),
        ("[alias]:2222 ONE", 2222, Some("alias"), "unknown"),
        ("node1.example.com ONE", 22, Some("alias"), "unknown"),
    ] {
        let known = files(HOST, port, alias, &fill(line));
        assert_eq!(word(&known.check_key(&key(ONE))), expected, "{line} {port} {alias:?}");
    }
    let known = files("::1", 2222, None, &fill("[::1]:2222 ONE"));
    assert_eq!((known.name(), known.check_key(&key(ONE))), ("[::1]:2222", Verdict::Known));
}

#[test]
fn certificates_are_judged_by_the_authorities() {
    let long_ago = format!("{HOST} {TWO}\n@cert-authority *.example.com {CA}");
    for (text, certificate, now, expected) in [
        ("@cert-authority *.example.com CA", GOOD, IN_2025, "known"),
        (
            "@cert-authority *.example.com CA",
            GOOD,
            IN_2019,
            "bad, authority on 1: it is not valid before 2020-01-01T00:00:00Z",
        ),
        (
            "@cert-authority *.example.com CA",
            GOOD,
            IN_2030,
            "bad, authority on 1: it has expired at 2030-01-01T00:00:00Z",
        ),
        ("@cert-authority *.example.com CA", FOR_NOBODY, IN_2025, "bad, authority on 1: it names no host"),
        (
            "@cert-authority *.example.com CA",
            OF_A_USER,
            IN_2025,
            "bad, authority on 1: it is a user's certificate and not a host's",
        ),
        (
            "@cert-authority *.example.com CA",
            WITH_OPTION,
            IN_2025,
            "bad, authority on 1: it holds the critical option poison@example.com, which a host's must not",
        ),
        ("@cert-authority *.example.com OTHER_CA\n@cert-authority *.example.com CA", GOOD, IN_2025, "known"),
        // Without an authority that we know, the key in it counts.
        ("@cert-authority *.example.com OTHER_CA", GOOD, IN_2025, "unknown"),
        ("@cert-authority *.other.org CA", GOOD, IN_2025, "unknown"),
        ("node1.example.com ONE", GOOD, IN_2025, "known"),
        ("node1.example.com TWO", GOOD, IN_2025, "changed from 1"),
        ("@cert-authority *.example.com CA\nnode1.example.com ONE", GOOD, IN_2030, "known"),
        (&long_ago, GOOD, IN_2025, "known"),
        ("@cert-authority * CA\n@revoked * CA", GOOD, IN_2025, "revoked on 2"),
        ("@cert-authority * CA\n@revoked * ONE", GOOD, IN_2025, "revoked on 2"),
    ] {
        let known = files(HOST, 22, None, &fill(text));
        let certificate = Certificate::from_openssh(certificate).unwrap();
        assert_eq!(word(&known.check_certificate(&certificate, now)), expected, "{text}");
    }
}

#[test]
fn a_certificate_is_for_its_hosts_alone() {
    let certificate = Certificate::from_openssh(GOOD).unwrap();
    for (host, port, expected) in [
        ("node1.example.com", 22, "known"),
        ("Node1.Example.com", 2222, "known"),
        ("a.cluster.example.com", 22, "known"),
        (
            "node2.example.com",
            22,
            "bad, authority on 1: it is for node1.example.com, *.cluster.example.com and not for node2.example.com",
        ),
    ] {
        let known = files(host, port, None, &fill("@cert-authority *.example.com CA"));
        assert_eq!(word(&known.check_certificate(&certificate, IN_2025)), expected, "{host}");
    }
}

#[test]
fn a_certificate_that_was_tampered_with_is_refused() {
    let mut bytes = Certificate::from_openssh(GOOD).unwrap().to_bytes().unwrap();
    let at = bytes.windows(5).position(|window| window == b"node1").unwrap();
    bytes[at + 4] = b'2';
    let certificate = Certificate::from_bytes(&bytes).unwrap();
    let known = files("node2.example.com", 22, None, &fill("@cert-authority * CA"));
    assert_eq!(word(&known.check_certificate(&certificate, IN_2025)), "bad, authority on 1: its signature is wrong");
}

#[test]
fn the_host_is_asked_first_for_the_kinds_that_are_recorded() {
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let ecdsa = key(ECDSA).algorithm();
    let all = [Algorithm::Ed25519, ecdsa.clone(), rsa(HashAlg::Sha512), rsa(HashAlg::Sha256)];
    assert_eq!(files(HOST, 22, None, "").prefer(&all), all);
    let known = files(HOST, 22, None, &format!("{HOST} {RSA}\nother.example.com {ECDSA}"));
    assert_eq!(known.prefer(&all), [rsa(HashAlg::Sha512), rsa(HashAlg::Sha256), Algorithm::Ed25519, ecdsa]);
}

#[test]
fn only_pinned_keys_will_do_where_some_are_pinned() {
    let pins = |keys: &[&str]| keys.iter().map(|text| fingerprint(&key(text))).collect::<Vec<_>>();
    for (text, pinned, shown, expected) in [
        ("", &[ONE][..], ONE, "known"),
        ("", &[ONE], TWO, "not pinned"),
        ("", &[ONE, TWO], TWO, "known"),
        ("node1.example.com TWO", &[ONE], TWO, "not pinned"),
        ("node1.example.com TWO", &[ONE], ONE, "known"),
        ("@revoked * ONE", &[ONE], ONE, "revoked on 1"),
    ] {
        let known = files(HOST, 22, None, &fill(text)).pinned(&pins(pinned));
        assert_eq!(word(&known.check_key(&key(shown))), expected, "{text}");
    }
    // Nobody vouches for a pinned host: the key in a certificate counts, and the authority's own key is no host's.
    let good = Certificate::from_openssh(GOOD).unwrap();
    for (pinned, expected) in [(ONE, "known"), (TWO, "not pinned"), (CA, "not pinned")] {
        let known = files(HOST, 22, None, &fill("@cert-authority * CA")).pinned(&pins(&[pinned]));
        assert!(!known.has_authority());
        assert_eq!(word(&known.check_certificate(&good, IN_2025)), expected);
    }
    // The kind of a pinned key that is recorded too is known; that of another one is not what to ask for first.
    let all = [Algorithm::Ed25519, key(ECDSA).algorithm()];
    let known = files(HOST, 22, None, &fill("node1.example.com ECDSA"));
    assert_eq!(known.pinned(&pins(&[ECDSA])).prefer(&all)[0], key(ECDSA).algorithm());
    let known = files(HOST, 22, None, &fill("node1.example.com ECDSA"));
    assert_eq!(known.pinned(&pins(&[ONE])).prefer(&all)[0], Algorithm::Ed25519);
}

#[test]
fn several_files_count_together_and_each_names_its_own_lines() {
    let mut known = files(HOST, 22, None, &format!("{HOST} {TWO}"));
    known.add(Path::new("/etc/ssh/ssh_known_hosts"), &format!("\n{HOST} {ONE}\n@revoked * {RSA}"));
    assert_eq!(known.check_key(&key(ONE)), Verdict::Known);
    let Verdict::Revoked { recorded } = known.check_key(&key(RSA)) else {
        panic!("not revoked");
    };
    assert_eq!(recorded.to_string(), format!("/etc/ssh/ssh_known_hosts:3 ({})", fingerprint(&key(RSA))));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", host in "[ -~]{0,20}", port: u16) {
        drop(files(&host, port, None, &text).check_key(&key(ONE)));
    }

    #[test]
    fn no_line_of_the_right_shape_makes_it_panic(
        marker in "(@revoked |@cert-authority |)",
        names in "[a-z0-9*?!,.|=\\[\\]:]{1,30}",
        kind in "(ssh-ed25519|ssh-rsa|x)",
        blob in "[A-Za-z0-9+/=]{0,80}",
    ) {
        let known = files(HOST, 22, None, &format!("{marker}{names} {kind} {blob}"));
        drop(known.check_key(&key(ONE)));
        drop(known.check_certificate(&Certificate::from_openssh(GOOD).unwrap(), IN_2025));
    }
}
