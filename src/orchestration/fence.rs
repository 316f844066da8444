//! Many scripts in one, told apart by fences that their output cannot forge.
//!
//! Every item runs in a subshell of its own. After each, a line with a random nonce and the item's status goes to
//! standard output and to standard error. What a login shell prints before the first fence is dropped; an item whose
//! fence never came is unknown.

use crate::model::Script;
use crate::resources::Seen;

/// Writes fences into a script, and reads them back.
pub(super) struct Fences {
    nonce: String,
}

/// What is done when an item fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The next item runs: items that only look do not depend on one another.
    GoOn,
    /// The items after it do not run.
    End,
}

impl Fences {
    /// Fences with a nonce of their own.
    pub(super) fn new() -> Self {
        Self { nonce: format!("hactl-{:032x}", rand::random::<u128>()) }
    }

    /// Joins `items` after `prelude` into the body of one function.
    pub(super) fn join<'a>(
        &self,
        prelude: &Script,
        items: impl IntoIterator<Item = &'a Script>,
        on_failure: OnFailure,
    ) -> Script {
        self.join_parts(prelude, items.into_iter().map(|item| (None, item)), on_failure)
    }

    /// The same, each with what runs right before it in the shell that all of them come from, if anything: that prints
    /// nothing, and does not end. What is to be done after a failure is the prelude's `hactl_after_failure`.
    pub(super) fn join_parts<'a>(
        &self,
        prelude: &Script,
        parts: impl IntoIterator<Item = (Option<&'a Script>, &'a Script)>,
        on_failure: OnFailure,
    ) -> Script {
        let mut script = Script::new();
        script.line("LC_ALL=C; export LC_ALL; umask 077");
        script.line(&format!(
            "hactl_fence() {{ printf '\\n{0} %s\\n' \"$1\"; printf '\\n{0} %s\\n' \"$1\" >&2; }}",
            self.nonce
        ));
        script.line("hactl_after_failure() { :; }");
        script.line("hactl_fence start");
        script.append(prelude);
        for (index, (before, item)) in parts.into_iter().enumerate() {
            before.into_iter().for_each(|before| script.append(before));
            // `set -e` counts only in a subshell whose status nothing tests: no `||` and no `if` around it.
            script.line(if on_failure == OnFailure::End { "( set -e" } else { "(" });
            script.append(item);
            script.line(") </dev/null; hactl_status=$?");
            script.line(&format!("hactl_fence \"{index} $hactl_status\""));
            if on_failure == OnFailure::End {
                script.line("[ \"$hactl_status\" = 0 ] || { hactl_after_failure; return 0; }");
            }
        }
        script
    }

    /// What each of `count` items printed and how it ended; `None` for an item whose fence did not come.
    pub(super) fn split<'a>(&self, stdout: &'a [u8], stderr: &'a [u8], count: usize) -> Vec<Option<Seen<'a>>> {
        let (mut out, mut err) = (self.after_start(stdout), self.after_start(stderr));
        let mut seen = Vec::with_capacity(count);
        for index in 0..count {
            let (Some((text, status, rest)), said) = (self.item(out, index), self.item(err, index)) else {
                break;
            };
            // Standard error may be cut short by its limit without the item being unknown.
            let (said, rest_said) = said.map_or((err.unwrap_or_default(), None), |(said, _, rest)| (said, Some(rest)));
            seen.push(Some(Seen { stdout: text, stderr: said, status }));
            (out, err) = (Some(rest), rest_said);
        }
        seen.resize(count, None);
        seen
    }

    /// Did the script begin at all?
    pub(super) fn started(&self, stdout: &[u8]) -> bool {
        self.after_start(stdout).is_some()
    }

    fn after_start<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let fence = format!("\n{} start\n", self.nonce);
        // The very first line of an answer has no newline before it when nothing else was printed: the fence brings its own.
        find(text, fence.as_bytes()).map(|at| &text[at + fence.len()..])
    }

    fn item<'a>(&self, text: Option<&'a [u8]>, index: usize) -> Option<(&'a [u8], u32, &'a [u8])> {
        let text = text?;
        let fence = format!("\n{} {index} ", self.nonce);
        let at = find(text, fence.as_bytes())?;
        let rest = &text[at + fence.len()..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let status = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
        Some((&text[..at], status, &rest[end + 1..]))
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fences: &Fences, parts: &[(&str, &str)]) -> Vec<u8> {
        let mut text = String::from("Welcome to this host!\n");
        text.push_str(&format!("\n{} start\n", fences.nonce));
        for (content, fence) in parts {
            text.push_str(content);
            text.push_str(&format!("\n{} {fence}\n", fences.nonce));
        }
        text.into_bytes()
    }

    #[test]
    fn content_comes_back_byte_for_byte() {
        let fences = Fences::new();
        let out = answer(&fences, &[("no newline at the end", "0 0"), ("two\n\n", "1 3"), ("", "2 0")]);
        let err = answer(&fences, &[("", "0 0"), ("cat: no\n", "1 3"), ("", "2 0")]);
        let seen = fences.split(&out, &err, 3);
        assert_eq!(seen[0].unwrap().stdout, b"no newline at the end");
        assert_eq!((seen[1].unwrap().stdout, seen[1].unwrap().stderr), (&b"two\n\n"[..], &b"cat: no\n"[..]));
        assert_eq!(seen[1].unwrap().status, 3);
        assert_eq!(seen[2].unwrap().stdout, b"");
    }

    #[test]
    fn an_item_without_its_fence_is_unknown_and_so_are_those_after_it() {
        let fences = Fences::new();
        let out = answer(&fences, &[("whole", "0 0"), ("cut off in the mid", "7 0")]);
        let seen = fences.split(&out, &out, 3);
        assert!(seen[0].is_some() && seen[1].is_none() && seen[2].is_none());
        assert!(fences.split(b"", b"", 1)[0].is_none());
    }

    #[test]
    fn standard_error_that_was_cut_does_not_make_an_item_unknown() {
        let fences = Fences::new();
        let out = answer(&fences, &[("a", "0 0"), ("b", "1 0")]);
        let seen = fences.split(&out, b"", 2);
        assert_eq!(seen[1].unwrap().stdout, b"b");
    }

    #[test]
    fn another_nonce_is_only_text() {
        let (fences, forged) = (Fences::new(), Fences::new());
        let out = answer(&fences, &[(&format!("x\n{} 0 0\ny", forged.nonce), "0 0")]);
        assert!(fences.split(&out, b"", 1)[0].unwrap().stdout.ends_with(b"y"));
    }
}
