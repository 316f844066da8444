//! A POSIX shell script in the making.

use std::fmt;

use super::quote;

/// Lines for a POSIX `sh`. It may hold secrets, so it never shows itself.
#[derive(Default, PartialEq, Eq)]
pub struct Script(zeroize::Zeroizing<String>);

impl Script {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends shell text as it is, and a newline. Words from outside go through [`quote`] first, or use [`Self::call`].
    pub fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Appends shell functions without the lines that are only comments: some shells read every byte by itself.
    pub fn functions(&mut self, text: &str) {
        text.lines().filter(|line| !line.trim_start().starts_with('#')).for_each(|line| self.line(line));
    }

    /// Appends `command` with each of `words` quoted.
    pub fn call(&mut self, command: &str, words: &[&str]) {
        self.0.push_str(command);
        for word in words {
            self.0.push(' ');
            self.0.push_str(&quote(word));
        }
        self.0.push('\n');
    }

    /// Appends `command` with each of `words` quoted, and gives it `content` on standard input, byte for byte.
    // base64: a here-document cannot hold NUL, adds a final newline, and would end at a line that equals its fence.
    pub fn call_with_input(&mut self, command: &str, words: &[&str], content: &[u8]) {
        self.0.push_str("base64 -d <<'HACTL_CONTENT' | ");
        self.call(command, words);
        self.encode(content);
    }

    /// The same for a command that decodes the base64 on its standard input itself, which saves the host a process.
    pub fn call_with_encoded(&mut self, command: &str, words: &[&str], content: &[u8]) {
        self.call(command, words);
        self.0.pop();
        self.line(" <<'HACTL_CONTENT'");
        self.encode(content);
    }

    /// The same for a shell function that takes a plain text as its last word, which saves the host one process more. What
    /// is no text, or holds signs by which shells mark their own words, comes encoded.
    pub fn call_with_content(&mut self, function: &str, words: &[&str], content: &[u8]) {
        let plain = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\n' | b'\t' | b'\r');
        let Some(text) = std::str::from_utf8(content).ok().filter(|_| content.iter().all(plain)) else {
            return self.call_with_encoded(function, words, content);
        };
        self.call(function, words);
        self.0.pop();
        // Piece by piece: a quoted copy of a secret would stay in memory.
        self.0.push_str(" '");
        for piece in text.split_inclusive('\'') {
            match piece.strip_suffix('\'') {
                Some(before) => {
                    self.0.push_str(before);
                    self.0.push_str(r"'\''");
                }
                None => self.0.push_str(piece),
            }
        }
        self.line("'");
    }

    fn encode(&mut self, content: &[u8]) {
        use base64ct::Encoding as _;
        let encoded = zeroize::Zeroizing::new(base64ct::Base64::encode_string(content));
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(76));
            self.line(line);
            rest = more;
        }
        self.line("HACTL_CONTENT");
    }

    /// Appends another script.
    pub fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// Is there nothing to run?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The script's text. It may hold secrets: it goes to a host's standard input and nowhere else.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_of_what_it_holds() {
        let mut script = Script::new();
        script.call_with_input("cat >", &["/tmp/a b"], b"poison");
        assert_eq!(script.text(), "base64 -d <<'HACTL_CONTENT' | cat > '/tmp/a b'\ncG9pc29u\nHACTL_CONTENT\n");
        assert_eq!(format!("{script:?}"), format!("Script({} bytes)", script.text().len()));
        let mut encoded = Script::new();
        encoded.call_with_encoded("write", &["/tmp/a b"], b"poison");
        assert_eq!(encoded.text(), "write '/tmp/a b' <<'HACTL_CONTENT'\ncG9pc29u\nHACTL_CONTENT\n");
        let mut plain = Script::new();
        plain.call_with_content("write", &["/tmp/a b"], "it's\n$(x) ü".as_bytes());
        assert_eq!(plain.text(), "write '/tmp/a b' 'it'\\''s\n$(x) ü'\n");
        for odd in [&b"\0"[..], b"\x01", b"\x7f", b"\xff"] {
            let mut encoded = Script::new();
            encoded.call_with_content("write", &[], odd);
            assert!(encoded.text().starts_with("write <<'HACTL_CONTENT'"), "{odd:?}");
        }
    }
}
