//! Zip files without compression: what a pack and a driver of the lab are made of, and what its `unzip` reads.

/// An archive that is being written.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) mode: u32,
    pub(super) content: &'a [u8],
}

const LOCAL: u32 = 0x0403_4B50;
const CENTRAL: u32 = 0x0201_4B50;
const END: u32 = 0x0605_4B50;
/// The first of January 1980: the same archive is the same bytes, whenever it is made.
const DATE: u16 = 0x21;

impl Writer {
    /// Adds a file; a name that ends with a slash is a folder.
    pub(super) fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        let at = length(&self.bytes);
        let (crc, size) = (crc32(content), length(content));
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        // Flag 11: the name is UTF-8.
        common.extend(0x0800_u16.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        common.extend(DATE.to_le_bytes());
        common.extend(crc.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        self.bytes.extend(LOCAL.to_le_bytes());
        self.bytes.extend(&common);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(content);
        self.directory.extend(CENTRAL.to_le_bytes());
        // Made on Unix: the upper half of the attributes is the mode.
        self.directory.extend(0x0314_u16.to_le_bytes());
        self.directory.extend(&common);
        self.directory.extend([0; 6]);
        let kind = if name.ends_with('/') { 0o040_000 } else { 0o100_000 };
        self.directory.extend(((kind | mode) << 16).to_le_bytes());
        self.directory.extend(at.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let (at, size) = (length(&self.bytes), length(&self.directory));
        self.bytes.append(&mut self.directory);
        self.bytes.extend(END.to_le_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(self.count.to_le_bytes());
        self.bytes.extend(self.count.to_le_bytes());
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(at.to_le_bytes());
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Reads the whole archive.
///
/// # Errors
/// When it is damaged, or not of the plain kind that [`Writer`] makes.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let end = bytes.len().checked_sub(22).filter(|end| number(bytes, *end, 4) == Some(END));
    let end = end.ok_or("End-of-central-directory signature not found")?;
    let damaged = || "the central directory is damaged".to_owned();
    let count = number(bytes, end + 10, 2).ok_or_else(damaged)?;
    let mut at = number(bytes, end + 16, 4).ok_or_else(damaged)? as usize;
    let mut entries = Vec::new();
    for _ in 0..count {
        let field = |offset: usize, size: usize| number(bytes, at + offset, size).ok_or_else(damaged);
        if field(0, 4)? != CENTRAL {
            return Err(damaged());
        }
        let (method, crc, size) = (field(10, 2)?, field(16, 4)?, field(24, 4)? as usize);
        let (name_length, extra, comment) = (field(28, 2)? as usize, field(30, 2)? as usize, field(32, 2)? as usize);
        let (attributes, start) = (field(38, 4)?, field(42, 4)? as usize);
        let name = bytes.get(at + 46..at + 46 + name_length).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or_else(damaged)?;
        if method != 0 {
            return Err(format!("{name}: unsupported compression method {method}; the lab's unzip knows none"));
        }
        let local = |offset: usize| number(bytes, start + offset, 2).ok_or_else(damaged);
        let from = start + 30 + local(26)? as usize + local(28)? as usize;
        let content = bytes.get(from..from + size).ok_or_else(damaged)?;
        if crc32(content) != crc {
            return Err(format!("{name}: bad CRC {:08x} (should be {crc:08x})", crc32(content)));
        }
        entries.push(Entry { name, mode: attributes >> 16 & 0o7777, content });
        at += 46 + name_length + extra + comment;
    }
    Ok(entries)
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(size)?)?;
    Some(field.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_seen() {
        let mut writer = Writer::default();
        writer.add("a/", 0o755, b"");
        writer.add("a/run.sh", 0o755, b"#!/bin/sh\n");
        writer.add("a/text", 0o644, b"text");
        let bytes = writer.finish();
        let entries = read(&bytes).unwrap();
        assert_eq!(entries[1], Entry { name: "a/run.sh", mode: 0o755, content: b"#!/bin/sh\n" });
        assert_eq!(entries[2].content, b"text");
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        for at in [0, 40, bytes.len() / 2] {
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
        }
        let mut flipped = bytes.clone();
        let place = flipped.windows(4).position(|part| part == b"text" as &[u8]).unwrap();
        flipped[place + 4] ^= 1;
        assert!(flipped == bytes || read(&flipped).is_err());
    }
}
