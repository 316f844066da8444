//! What the generated files have in common.

use proptest::prelude::*;

/// How a file is laid out: its line ends, its byte order mark, its last line.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    ends: Vec<&'static str>,
    byte_order_mark: bool,
    final_newline: bool,
}

pub(super) fn layout() -> impl Strategy<Value = Layout> {
    let ends = prop_oneof![Just(vec!["\n"]), Just(vec!["\r\n"]), Just(vec!["\n", "\r\n", "\r\n"])];
    (ends, any::<bool>(), any::<bool>()).prop_map(|(ends, byte_order_mark, final_newline)| Layout {
        ends,
        byte_order_mark,
        final_newline,
    })
}

impl Layout {
    /// The lines with their ends.
    pub(super) fn lines(&self, contents: &[String]) -> Vec<String> {
        let count = contents.len();
        let line = |(index, content): (usize, &String)| {
            let last = index + 1 == count && !self.final_newline;
            let end = if last { "" } else { self.ends[index % self.ends.len()] };
            format!("{content}{end}")
        };
        contents.iter().enumerate().map(line).collect()
    }

    /// The whole text, which may begin with a byte order mark.
    pub(super) fn text(&self, lines: &[String]) -> String {
        let mark = if self.byte_order_mark { "\u{feff}" } else { "" };
        format!("{mark}{}", lines.concat())
    }
}

/// Texts that hurt: quotes, backslashes, what formats use as marks, what is not ASCII, line ends.
pub(super) fn nasty() -> impl Strategy<Value = String> {
    let whole = prop_oneof![
        Just(String::new()),
        Just(" ".to_owned()),
        Just("]]>".to_owned()),
        Just("--".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("a&amp;b".to_owned()),
        Just("\\u00e9\\".to_owned()),
        Just("jdbc:mysql://db:3306/ID?useSSL=true&password=p".to_owned()),
    ];
    prop_oneof![3 => "[ -~éß😀\t\n\r]{0,10}", 1 => whole]
}

/// Are `kept`, in their order, in `text`? Gives its other lines. A last line may have got an end.
pub(super) fn without<'a>(kept: &[&String], text: &'a str) -> Result<Vec<&'a str>, String> {
    let mut others = Vec::new();
    let mut next = kept.iter().filter(|line| !line.is_empty()).peekable();
    for line in text.trim_start_matches('\u{feff}').split_inclusive('\n') {
        let is_next = |kept: &&&String| {
            kept.as_str() == line || (!kept.ends_with('\n') && kept.as_str() == line.trim_end_matches(['\r', '\n']))
        };
        if next.next_if(is_next).is_none() {
            others.push(line);
        }
    }
    match next.next() {
        None => Ok(others),
        Some(lost) => Err(format!("the line {lost:?} was changed or lost")),
    }
}
