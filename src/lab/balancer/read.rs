//! The text of nginx's configuration files: words, blocks, includes.

use std::fs;
use std::path::{Path, PathBuf};

/// A directive with its words, and with what is inside its braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) block: Option<Vec<Self>>,
    /// `in FILE:LINE`.
    pub(super) at: String,
}

/// Every file that was read, whole and in order, as `-T` prints them.
pub(super) type Files = Vec<(PathBuf, String)>;

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

/// Reads a file and what it includes.
///
/// # Errors
/// In nginx's words, without its `nginx: [emerg] `.
pub(super) fn read(path: &Path, files: &mut Files) -> Result<Vec<Directive>, String> {
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let mut reader = Reader { folder, files, depth: 0 };
    reader.file(path)
}

struct Reader<'f> {
    folder: PathBuf,
    files: &'f mut Files,
    depth: usize,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> Result<Vec<Directive>, String> {
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!("open() \"{}\" failed (2: No such file or directory)", path.display())
            }
            _ => format!("open() \"{}\" failed ({error})", path.display()),
        })?;
        self.files.push((path.to_owned(), text.clone()));
        let tokens = tokens(&text, path)?;
        let mut tokens = tokens.into_iter().peekable();
        let end = text.lines().count().max(1);
        self.block(&mut tokens, path, false, end)
    }

    fn block(
        &mut self,
        tokens: &mut std::iter::Peekable<std::vec::IntoIter<(Token, usize)>>,
        path: &Path,
        inside: bool,
        end: usize,
    ) -> Result<Vec<Directive>, String> {
        let mut all = Vec::new();
        loop {
            let Some((token, line)) = tokens.next() else {
                let text = format!("unexpected end of file, expecting \"}}\" in {}:{end}", path.display());
                return if inside { Err(text) } else { Ok(all) };
            };
            let at = format!("in {}:{line}", path.display());
            let name = match token {
                Token::Word(name) => name,
                Token::Close if inside => return Ok(all),
                Token::Close => return Err(format!("unexpected \"}}\" {at}")),
                Token::Open => return Err(format!("unexpected \"{{\" {at}")),
                Token::Semicolon => return Err(format!("unexpected \";\" {at}")),
            };
            let mut words = Vec::new();
            let block = loop {
                match tokens.next() {
                    Some((Token::Word(word), _)) => words.push(word),
                    Some((Token::Semicolon, _)) => break None,
                    Some((Token::Open, _)) => break Some(self.block(tokens, path, true, end)?),
                    Some((Token::Close, line)) => {
                        return Err(format!("unexpected \"}}\" in {}:{line}", path.display()));
                    }
                    None => {
                        let place = format!("{}:{end}", path.display());
                        return Err(format!("unexpected end of file, expecting \";\" or \"}}\" in {place}"));
                    }
                }
            };
            if name == "include" && block.is_none() {
                let [pattern] = words.as_slice() else {
                    return Err(format!("invalid number of arguments in \"include\" directive {at}"));
                };
                all.extend(self.include(pattern, &at)?);
            } else {
                all.push(Directive { name, words, block, at });
            }
        }
    }

    fn include(&mut self, pattern: &str, at: &str) -> Result<Vec<Directive>, String> {
        if self.depth > 8 {
            return Err(format!("too many levels of includes {at}"));
        }
        let pattern = self.folder.join(pattern);
        let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut paths = vec![pattern.clone()];
        if let Some((before, after)) = name.split_once('*') {
            let folder = pattern.parent().map(fs::read_dir).and_then(Result::ok);
            let fits = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                name.len() >= before.len() + after.len()
                    && name.starts_with(before)
                    && name.ends_with(after)
                    && (!name.starts_with('.') || before.starts_with('.'))
            };
            paths = folder.into_iter().flatten().flatten().map(|entry| entry.path()).filter(fits).collect();
            paths.sort();
        }
        self.depth += 1;
        let mut all = Vec::new();
        for path in paths {
            all.extend(self.file(&path)?);
        }
        self.depth -= 1;
        Ok(all)
    }
}

fn tokens(text: &str, path: &Path) -> Result<Vec<(Token, usize)>, String> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            _ if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' => all.push((Token::Semicolon, line)),
            '{' => all.push((Token::Open, line)),
            '}' => all.push((Token::Close, line)),
            '"' | '\'' => {
                let (start, mut word) = (line, String::new());
                loop {
                    match chars.next() {
                        None => {
                            let place = format!("{}:{start}", path.display());
                            return Err(format!("unexpected end of file, expecting \";\" or \"}}\" in {place}"));
                        }
                        Some(quote) if quote == c => break,
                        // Only a quote, a backslash and a few letters are escaped; a regular expression stays as it is.
                        Some('\\') => match chars.peek() {
                            Some('"' | '\'' | '\\') => word.extend(chars.next()),
                            _ => word.push('\\'),
                        },
                        Some(other) => {
                            line += usize::from(other == '\n');
                            word.push(other);
                        }
                    }
                }
                if chars.peek().is_some_and(|c| !c.is_whitespace() && !";{)".contains(*c)) {
                    let next = chars.peek().copied().unwrap_or_default();
                    return Err(format!("unexpected \"{next}\" in {}:{line}", path.display()));
                }
                all.push((Token::Word(word), start));
            }
            _ => {
                let mut word = String::from(c);
                let mut variable = false;
                while let Some(next) = chars.peek().copied() {
                    // `${name}` is part of a word; any other brace ends it.
                    let opens = next == '{' && word.ends_with('$');
                    if next.is_whitespace() || next == ';' || (next == '{' && !opens) || (next == '}' && !variable) {
                        break;
                    }
                    variable = opens || (variable && next != '}');
                    word.push(next);
                    chars.next();
                }
                all.push((Token::Word(word), line));
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Directive>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nginx.conf");
        fs::write(&path, text).unwrap();
        let read = read(&path, &mut Vec::new());
        read.map_err(|error| error.replace(&path.display().to_string(), "F"))
    }

    #[test]
    fn words_blocks_and_quotes_are_read() {
        let all = parse("a b \"c d\"; # no\nmap $x $y { default \"\"; \"~^a\\.b\" 'v'; }\nx ${y}z;").unwrap();
        assert_eq!(all[0].words, ["b", "c d"]);
        let block = all[1].block.as_ref().unwrap();
        assert_eq!((block[1].name.as_str(), block[1].words[0].as_str()), ("~^a\\.b", "v"));
        assert_eq!(all[2].words, ["${y}z"]);
    }

    #[test]
    fn mistakes_are_told_in_nginx_s_words() {
        assert_eq!(parse("a b").unwrap_err(), "unexpected end of file, expecting \";\" or \"}\" in F:1");
        assert_eq!(parse("a {\n b;\n").unwrap_err(), "unexpected end of file, expecting \"}\" in F:2");
        assert_eq!(parse("a;\n}").unwrap_err(), "unexpected \"}\" in F:2");
        assert_eq!(parse("a b\n}").unwrap_err(), "unexpected \"}\" in F:2");
        let missing = parse("include other.conf;").unwrap_err();
        assert!(missing.ends_with("other.conf\" failed (2: No such file or directory)"), "{missing}");
        assert_eq!(parse("include none/*.conf;").unwrap(), []);
    }
}
