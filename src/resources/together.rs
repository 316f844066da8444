//! The mends of several items in one script: those that write files are prepared together, see `drafts.sh`.

use super::{Assessment, Kin};
use crate::model::Script;

/// The script of each item, and what must run right before it in the shell that all of them come from.
///
/// What writes a file becomes a function of `prelude`. As many of them as come after one another, with nothing between
/// them that may change those files, are prepared before the first: not earlier, because what an item before them does
/// may be what they are written over.
pub fn together<'a>(
    items: impl IntoIterator<Item = &'a Assessment>,
    prelude: &mut Script,
) -> Vec<(Option<Script>, Script)> {
    let mut parts = Vec::new();
    let mut group = Group::default();
    for (index, assessment) in items.into_iter().enumerate() {
        let mut script = Script::new();
        if assessment.kin == Kin::Draft {
            let function = format!("hactl_item_{index}");
            prelude.line(&format!("{function}() {{"));
            prelude.append(&assessment.mend);
            prelude.line("}");
            script.line(&function);
            group.add(index, function);
        } else {
            script.append(&assessment.mend);
            if assessment.kin == Kin::Apart {
                group.end(&mut parts);
            }
        }
        parts.push((None, script));
    }
    group.end(&mut parts);
    parts
}

/// Functions that are prepared together, before the item `first`.
#[derive(Default)]
struct Group {
    first: usize,
    functions: Vec<String>,
}

impl Group {
    fn add(&mut self, index: usize, function: String) {
        if self.functions.is_empty() {
            self.first = index;
        }
        self.functions.push(function);
    }

    fn end(&mut self, parts: &mut [(Option<Script>, Script)]) {
        let functions = std::mem::take(&mut self.functions);
        if let (Some((before, _)), false) = (parts.get_mut(self.first), functions.is_empty()) {
            let mut script = Script::new();
            script.line(&format!("hactl_prepare {} </dev/null >/dev/null 2>&1", functions.join(" ")));
            *before = Some(script);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_a_file_parts_those_that_write_files() {
        let kinds = [Kin::Beside, Kin::Draft, Kin::Beside, Kin::Draft, Kin::Apart, Kin::Draft];
        let items: Vec<Assessment> = kinds
            .iter()
            .map(|kin| {
                let mut mend = Script::new();
                mend.line("true");
                Assessment { kin: *kin, mend, ..Assessment::default() }
            })
            .collect();
        let mut prelude = Script::new();
        let parts = together(&items, &mut prelude);
        let before: Vec<&str> = parts.iter().map(|(before, _)| before.as_ref().map_or("", Script::text)).collect();
        let line = |names: &str| format!("hactl_prepare {names} </dev/null >/dev/null 2>&1\n");
        let (first, second) = (line("hactl_item_1 hactl_item_3"), line("hactl_item_5"));
        assert_eq!(before, ["", first.as_str(), "", "", "", second.as_str()]);
        assert_eq!(parts[3].1.text(), "hactl_item_3\n");
        assert_eq!(prelude.text().matches("() {\ntrue\n}").count(), 3);
    }
}
