//! `HostsEntry`, `ManagedBlock` and `Line` over generated files in the shape of `/etc/hosts`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hactl::resources::edit::{Edit, HostsEntry, Line, ManagedBlock};
use proptest::prelude::*;

use super::shapes::{layout, without};

const LINES: [&str; 10] = [
    "127.0.0.1\tlocalhost",
    "127.0.1.1 is-1.example.com is-1 # debian",
    "::1     localhost ip6-localhost is-1",
    "# 10.0.0.1 sso",
    "",
    "10.0.0.1\tsso.example.com  sso\tis-2 # balancer",
    "10.0.0.2 IS-2",
    "fe80::1%lo0 is-1",
    "  10.0.0.3   db # the database",
    "not-an-address is-1",
];

/// Every name with its address, in lower case.
fn mapping(text: &str) -> BTreeSet<(IpAddr, String)> {
    let mut found = BTreeSet::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let mut words = line.split('#').next().unwrap().split_whitespace();
        if let Some(Ok(address)) = words.next().map(str::parse) {
            found.extend(words.map(|name| (address, name.to_lowercase())));
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_maps_to_its_address_and_all_others_as_before(
        layout in layout(),
        contents in prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..8),
        address in prop::sample::select(vec!["10.0.0.1", "10.0.0.9", "fd00::1", "127.0.0.1"]),
        names in prop::collection::btree_set(prop::sample::select(vec!["is-1", "is-2", "sso", "sso.example.com", "fresh"]), 1..4),
    ) {
        let contents: Vec<String> = contents.iter().map(|line| (*line).to_owned()).collect();
        let lines = layout.lines(&contents);
        let before = layout.text(&lines);
        let address: IpAddr = address.parse().unwrap();
        let edit = HostsEntry::new(address, names.clone());
        let edited = edit.apply(&before).unwrap();

        let same_family = |other: &IpAddr| other.is_ipv4() == address.is_ipv4();
        let mut wanted = mapping(&before);
        wanted.retain(|(at, name)| !same_family(at) || !names.contains(name.as_str()));
        wanted.extend(names.iter().map(|name| (address, (*name).to_owned())));
        prop_assert_eq!(mapping(&edited.text), wanted, "{:?}", edited.text);

        let loses = |line: &str| mapping(line).iter().any(|(at, name)| {
            *at != address && same_family(at) && names.contains(name.as_str())
        });
        let kept: Vec<&String> = lines.iter().filter(|line| !loses(line)).collect();
        without(&kept, &edited.text).map_err(TestCaseError::fail)?;
        let comments = |text: &str| text.lines().filter_map(|line| line.split_once('#')).map(|(_, c)| c.to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(comments(&edited.text), comments(&before));

        let again = edit.apply(&edited.text).unwrap();
        prop_assert!(again.changes.is_empty());
        prop_assert_eq!(again.text, edited.text);
    }

    #[test]
    fn a_block_comes_changes_and_goes_without_a_trace(
        layout in layout(),
        contents in prop::collection::vec(prop::sample::select(LINES.to_vec()), 1..6),
        first in prop::collection::vec("[a-z ]{0,6}", 1..4),
        second in prop::collection::vec("[a-z ]{0,6}", 1..4),
    ) {
        let contents: Vec<String> = contents.iter().map(|line| (*line).to_owned()).collect();
        let lines = layout.lines(&contents);
        let before = layout.text(&lines);
        let block = |lines: &[String]| ManagedBlock::new("hosts", "#", lines.to_vec());
        let one = block(&first).apply(&before).unwrap().text;
        let two = block(&second).apply(&one).unwrap().text;
        prop_assert_eq!(&two, &block(&second).apply(&before).unwrap().text);
        prop_assert!(block(&second).apply(&two).unwrap().changes.is_empty());
        let held: Vec<&str> = two.trim_start_matches('\u{feff}').lines().skip_while(|line| *line != "# BEGIN hactl hosts").skip(1)
            .take_while(|line| *line != "# END hactl hosts").collect();
        prop_assert_eq!(held, second);
        let gone = block(&[]).apply(&two).unwrap().text;
        // Only a newline at the end may have come.
        prop_assert_eq!(gone.trim_end_matches(['\r', '\n']), before.trim_end_matches(['\r', '\n']));
        prop_assert!(gone.starts_with(&before));
    }

    #[test]
    fn a_line_replaces_only_the_line_with_its_prefix(
        layout in layout(),
        contents in prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..6),
        value in "[a-z0-9]{1,6}",
    ) {
        let contents: Vec<String> = contents.iter().map(|line| (*line).to_owned()).collect();
        let lines = layout.lines(&contents);
        let before = layout.text(&lines);
        let edit = Line::new(format!("10.0.0.2 {value}")).replacing("10.0.0.2 ");
        let count = contents.iter().filter(|line| line.starts_with("10.0.0.2 ")).count();
        match edit.apply(&before) {
            Err(error) => {
                prop_assert_eq!(error.code, "line-not-unique");
                prop_assert!(count > 1);
            }
            Ok(edited) => {
                prop_assert!(count <= 1);
                let expected: Vec<String> = contents.iter().map(|line| {
                    if line.starts_with("10.0.0.2 ") { format!("10.0.0.2 {value}") } else { line.clone() }
                }).collect();
                if count == 1 {
                    prop_assert_eq!(edited.text.as_str(), layout.text(&layout.lines(&expected)));
                } else {
                    prop_assert!(edited.text.starts_with(&before));
                }
                prop_assert!(edit.apply(&edited.text).unwrap().changes.is_empty());
            }
        }
    }
}
