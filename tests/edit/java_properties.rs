//! `Properties` over generated files in the shape of `log4j2.properties`, judged by a second reader written for this.

use std::collections::BTreeMap;

use hactl::resources::edit::{Edit, Properties, Value};
use proptest::prelude::*;

use super::shapes::{layout, nasty, without};

/// What Java holds, for files whose lines end in `\n` or `\r\n` and that are ASCII.
fn load(text: &str) -> BTreeMap<String, String> {
    let mut held = BTreeMap::new();
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        let mut logical = line.trim_start_matches([' ', '\t']).to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while logical.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 {
            logical.pop();
            let Some(next) = lines.next() else { break };
            logical.push_str(next.trim_start_matches([' ', '\t']));
        }
        let mut escaped = false;
        let end = logical.find(|c: char| {
            let is_end = !escaped && " \t=:".contains(c);
            escaped = !escaped && c == '\\';
            is_end
        });
        let (key, rest) = logical.split_at(end.unwrap_or(logical.len()));
        let rest = rest.trim_start_matches([' ', '\t']);
        let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches([' ', '\t']);
        held.insert(unescaped(key), unescaped(value));
    }
    held
}

fn unescaped(text: &str) -> String {
    let mut units = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let c = if c != '\\' {
            c
        } else {
            match rest.next() {
                Some('u') => {
                    let digits: String = rest.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(c) => c,
                None => continue,
            }
        };
        units.extend(c.encode_utf16(&mut [0; 2]).iter());
    }
    String::from_utf16(&units).unwrap()
}

fn lines() -> impl Strategy<Value = Vec<Vec<&'static str>>> {
    let line = prop::sample::select(vec![
        vec!["# list of all appenders"],
        vec![" ! rootLogger.level = OFF \\"],
        vec![""],
        vec!["appenders = CONSOLE, \\", "     FILE, \\", "\tosgi"],
        vec!["appender.FILE.pattern = TID: [%d] %5p {%c} - %m%n"],
        vec!["appender.FILE.size=10MB"],
        vec!["rootLogger.level : INFO"],
        vec!["  spaced   a value"],
        vec!["bare"],
        vec!["empty="],
        vec!["a\\ key\\=\\: = x\\\\"],
        vec!["size=1"],
        vec!["size = 2"],
        vec!["unicode = \\u00e9\\ud83d\\ude00"],
    ]);
    prop::collection::vec(line, 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_wished_keys_change(layout in layout(), lines in lines(), value in nasty(), remove in any::<bool>(),
        key in prop::sample::select(vec!["appenders", "appender.FILE.size", "rootLogger.level", "spaced", "bare", "empty", "a key=:", "size", "unicode", "fresh", "né w#!"]))
    {
        let contents: Vec<String> = lines.iter().flatten().map(|line| (*line).to_owned()).collect();
        let before_lines = layout.lines(&contents);
        let before = layout.text(&before_lines);
        let edit = if remove { Properties::new().remove(key) } else { Properties::new().set(key, Value::Text(value.clone())) };
        let edited = edit.apply(&before).unwrap();

        let mut wanted = load(&before);
        if remove { wanted.remove(key); } else { wanted.insert(key.to_owned(), value); }
        prop_assert_eq!(load(&edited.text), wanted, "{:?}", edited.text);

        // The lines of other keys, the comments and the blank lines are there, byte for byte.
        let owns = |line: &[&str]| load(&line.join("\n")).contains_key(key);
        let mut kept = Vec::new();
        let mut at = 0;
        for line in &lines {
            if !owns(line) {
                kept.extend(&before_lines[at..at + line.len()]);
            }
            at += line.len();
        }
        without(&kept, &edited.text).map_err(TestCaseError::fail)?;

        let again = edit.apply(&edited.text).unwrap();
        prop_assert!(again.changes.is_empty(), "{:?}", again.changes);
        prop_assert_eq!(again.text, edited.text);
    }
}
