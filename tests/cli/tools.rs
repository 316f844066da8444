//! The programs that `hosts ping` looks for on a host are those that hactl's own scripts call.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hactl::orchestration::hosts::TOOLS;

/// Words at the place of a command that the shell knows itself.
const BUILTINS: &str = ". : [ cd command continue break echo eval exec exit export false kill printf pwd read readonly \
                        return set shift test times trap true type ulimit umask unset wait";

/// Reads a script for the names of the commands that it calls.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    calls: BTreeSet<String>,
    functions: BTreeSet<String>,
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Command,
    Argument,
    /// Of `for`, up to the end of the line or `do`.
    List,
    /// Of `case`, up to its `in`.
    Subject,
    /// Of `case`, up to the parenthesis.
    Pattern,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or_default()
    }

    /// Reads up to `end`, which closes what was open, or the end of the text.
    fn read(&mut self, end: u8) {
        let mut place = Place::Command;
        while self.at < self.text.len() {
            match self.peek() {
                b if b == end && place != Place::Pattern => return,
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.text.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                b'\n' => {
                    self.at += 1;
                    place = if place == Place::Pattern { place } else { Place::Command };
                }
                b'#' => self.at += self.text[self.at..].iter().take_while(|b| **b != b'\n').count(),
                b';' if self.text.get(self.at + 1) == Some(&b';') => {
                    self.at += 2;
                    place = Place::Pattern;
                }
                b')' | b'|' if place == Place::Pattern => {
                    place = if self.peek() == b')' { Place::Command } else { place };
                    self.at += 1;
                }
                b'(' => {
                    self.at += 1;
                    self.read(b')');
                    self.at += 1;
                    place = Place::Argument;
                }
                b';' | b'&' | b'|' | b')' => {
                    self.at += 1;
                    place = Place::Command;
                }
                b'<' if self.text[self.at..].starts_with(b"<<") => self.document(),
                b'<' | b'>' => {
                    let marks = self.text[self.at..].iter().take_while(|b| b"<>&| ".contains(b)).count();
                    self.at += marks;
                    self.word();
                }
                _ => {
                    let word = self.word();
                    place = self.judge(&word, place);
                }
            }
        }
    }

    /// A document in the script, up to the line that ends it. What it calls in between counts.
    fn document(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|b| b"<- ".contains(b)).count();
        let end = self.word();
        let rest = &self.text[self.at..];
        let line = format!("\n{end}\n");
        let length = rest.windows(line.len()).position(|some| some == line.as_bytes()).unwrap_or(rest.len());
        let text: Vec<u8> = rest[..length].to_vec();
        let mut inside = Reader { text: &text, at: 0, calls: BTreeSet::new(), functions: BTreeSet::new() };
        while inside.at < inside.text.len() {
            match inside.peek() {
                b'$' => inside.dollar(),
                _ => inside.at += 1,
            }
        }
        self.calls.extend(inside.calls);
        self.at = (self.at + length + line.len()).min(self.text.len());
    }

    fn judge(&mut self, word: &str, place: Place) -> Place {
        match (place, word) {
            (Place::Subject, "in") => return Place::Pattern,
            (Place::Pattern, "esac") | (Place::Command, "fi" | "done" | "esac" | "}") => return Place::Argument,
            (Place::Command, "case") => return Place::Subject,
            (Place::Command, "for") => return Place::List,
            (Place::Command, "if" | "then" | "else" | "elif" | "do" | "while" | "until" | "!" | "{") => return place,
            (Place::Command, _) => {}
            _ => return place,
        }
        let name = word.split('=').next().unwrap_or_default();
        let is_name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        // The digit before a redirection, and an assignment: the command is still to come.
        if word.contains('=') && is_name(name)
            || b"<>".contains(&self.peek()) && word.bytes().all(|b| b.is_ascii_digit())
        {
            return place;
        }
        if self.text[self.at..].starts_with(b"()") {
            self.functions.insert(word.to_owned());
            self.at += 2;
            return place;
        }
        if word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:[".contains(&b)) {
            self.calls.insert(word.to_owned());
        }
        // What these run is a command too.
        if ["exec", "setsid", "nohup"].contains(&word) { Place::Command } else { Place::Argument }
    }

    /// Reads one word with its quotes, and what is called inside it.
    fn word(&mut self) -> String {
        let mut word = String::new();
        while self.at < self.text.len() && !b" \t\n;&|()<>".contains(&self.peek()) {
            match self.peek() {
                b'\\' => {
                    word.push('\\');
                    self.at += 2;
                }
                b'\'' => {
                    word.push('\'');
                    self.at += 1;
                    self.at += self.text[self.at..].iter().take_while(|b| **b != b'\'').count() + 1;
                }
                b'"' => {
                    word.push('"');
                    self.at += 1;
                    while self.at < self.text.len() && self.peek() != b'"' {
                        match self.peek() {
                            b'\\' => self.at += 2,
                            b'$' => self.dollar(),
                            _ => self.at += 1,
                        }
                    }
                    self.at += 1;
                }
                b'$' => {
                    word.push('$');
                    self.dollar();
                }
                other => {
                    word.push(char::from(other));
                    self.at += 1;
                }
            }
        }
        word
    }

    /// A parameter, an expression, or commands whose output is meant.
    fn dollar(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"$((") {
            self.at += rest.windows(2).position(|two| two == b"))").map_or(rest.len(), |end| end + 2);
        } else if rest.starts_with(b"$(") {
            self.at += 2;
            self.read(b')');
            self.at += 1;
        } else if rest.starts_with(b"${") {
            self.at += 2;
            while self.at < self.text.len() && self.peek() != b'}' {
                match self.peek() {
                    b'\\' => self.at += 2,
                    b'$' => self.dollar(),
                    _ => self.at += 1,
                }
            }
            self.at += 1;
        } else {
            self.at += 1;
        }
    }
}

/// What the shell scripts below a folder call, each with the files that call it.
fn called(folder: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let (mut calls, mut functions) = (BTreeMap::<String, Vec<PathBuf>>::new(), BTreeSet::new());
    for file in scripts(folder) {
        let text = fs::read_to_string(&file).unwrap();
        let mut reader = Reader { text: text.as_bytes(), at: 0, calls: BTreeSet::new(), functions: BTreeSet::new() };
        reader.read(0);
        functions.extend(reader.functions);
        for call in reader.calls {
            calls.entry(call).or_default().push(file.clone());
        }
    }
    let builtins: Vec<&str> = BUILTINS.split_whitespace().collect();
    calls.retain(|call, _| !functions.contains(call) && !builtins.contains(&call.as_str()));
    calls
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("src/lab") {
            found.extend(scripts(&path));
        // One of them runs on a developer's machine.
        } else if path.extension().is_some_and(|ending| ending == "sh") && !path.ends_with("schema/compile.sh") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_programs_that_ping_looks_for_are_those_that_the_scripts_call() {
    let calls = called(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let known: BTreeSet<&str> = TOOLS.iter().map(|tool| tool.name).collect();
    let unknown: Vec<_> = calls.iter().filter(|(call, _)| !known.contains(call.as_str())).collect();
    assert!(unknown.is_empty(), "called, and not in orchestration::hosts::TOOLS: {unknown:?}");
    // A script chooses it, and calls it by a variable.
    let unused: Vec<_> = known.iter().filter(|tool| !calls.contains_key(**tool) && **tool != "jar").collect();
    assert!(unused.is_empty(), "in orchestration::hosts::TOOLS, and called by no script: {unused:?}");
    assert!(TOOLS.is_sorted_by(|one, other| one.name < other.name), "in the order of the alphabet, each once");
}

#[test]
fn the_reader_of_scripts_sees_what_is_called() {
    let text = b"a=$(one \"$(two 'no no')\" | three) four; if ! five -x | six && seven; then eight; fi
case $(nine) in
no | never) ten ;;
*) : ;; esac # eleven
f() { FOO=1 twelve 2> /dev/null; ( exec thirteen ); }
for no in fourteen \"${x:-$(fifteen)}\"; do sixteen < \"$no\"; done\n";
    let mut reader = Reader { text, at: 0, calls: BTreeSet::new(), functions: BTreeSet::new() };
    reader.read(0);
    let wanted = "one two three four five six seven eight nine ten : exec twelve thirteen fifteen sixteen";
    assert_eq!(reader.calls, wanted.split(' ').map(str::to_owned).collect());
    assert_eq!(reader.functions, BTreeSet::from(["f".to_owned()]));
}
