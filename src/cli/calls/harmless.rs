//! What a host prints, as a terminal may see it: a log line must not move the cursor, rename the window or type a command.

/// Appends a line with every control character but the tab, and every character that changes the direction of writing,
/// in a form that can be read: `^[` for escape, as `cat -v` has it.
pub(super) fn push_harmless(line: &[u8], to: &mut Vec<u8>) {
    for chunk in line.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\t' => to.push(b'\t'),
                '\0'..='\x1f' => to.extend([b'^', (character as u8) ^ 0x40]),
                '\x7f' => to.extend(*b"^?"),
                '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    to.extend(character.escape_unicode().to_string().into_bytes());
                }
                plain => to.extend(plain.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            to.extend(format!("\\x{byte:02x}").into_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let shown = |line: &[u8]| {
            let mut to = Vec::new();
            push_harmless(line, &mut to);
            String::from_utf8(to).unwrap()
        };
        assert_eq!(shown("grün\t\u{1b}[2J\u{1b}]0;x\u{7}".as_bytes()), "grün\t^[[2J^[]0;x^G");
        assert_eq!(shown(b"10%\r20%\x7f"), "10%^M20%^?");
        assert_eq!(shown("\u{9b}31m\u{202e}".as_bytes()), "\\u{9b}31m\\u{202e}");
        assert_eq!(shown(b"a\xff\xc3z\x9b"), "a\\xff\\xc3z\\x9b");
    }
}
