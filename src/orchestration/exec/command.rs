//! The command of `hactl exec`, as a script.

use bytes::Bytes;

use crate::model::{Script, quote};

/// A command that somebody typed in.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// One word is a line for the host's `sh`; several are a program and its arguments, each of them exactly as it is.
    pub words: Vec<String>,
    /// What it reads on standard input; nothing, where there is none.
    pub stdin: Option<Bytes>,
}

impl Command {
    /// The script that runs it.
    pub fn text(&self) -> Bytes {
        let mut script = Script::new();
        // Becoming another user wants the C locale for its own messages alone.
        script.line("[ \"${LC_ALL-}\" != C ] || unset LC_ALL");
        let mut words = vec!["-c"];
        match self.words.as_slice() {
            [line] => words.push(line),
            // Not the words themselves: a shell has functions and words of its own.
            several => words.extend(["exec \"$@\"", "sh"].into_iter().chain(several.iter().map(String::as_str))),
        }
        match &self.stdin {
            Some(stdin) => script.call_with_input("sh", &words, stdin),
            None => {
                let words: Vec<String> = words.into_iter().map(quote).collect();
                script.line(&format!("sh {} </dev/null", words.join(" ")));
            }
        }
        super::text_of(&script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[&str], stdin: Option<&'static [u8]>) -> String {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        String::from_utf8(Command { words, stdin: stdin.map(Bytes::from_static) }.text().to_vec()).unwrap()
    }

    #[test]
    fn one_word_is_a_line_and_several_are_a_program_with_arguments() {
        assert!(text(&["ls | wc -l; echo $HOME"], None).contains("\nsh -c 'ls | wc -l; echo $HOME' </dev/null\n"));
        let several = text(&["printf", "%s", "it's $HOME"], None);
        assert!(several.contains("\nsh -c 'exec \"$@\"' sh printf %s 'it'\\''s $HOME' </dev/null\n"), "{several}");
        assert!(text(&["cat"], Some(b"in")).contains("| sh -c cat\naW4=\n"));
    }
}
