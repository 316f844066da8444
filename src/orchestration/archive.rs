//! Looking through a zip archive on the controller, before anything connects: what leads out of it never reaches a host.
//!
//! Only the directory at its end is read, and the texts of its links. The layout is that of PKWARE's APPNOTE 6.3.

use std::collections::BTreeSet;
use std::io::{Error, Read, Seek, SeekFrom};

/// What an archive holds, in sum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Bytes once unpacked, each file rounded up to blocks of 4 KiB.
    pub(super) unpacked: u64,
    /// How many symbolic links.
    pub(super) links: usize,
}

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It is no zip file, or not a whole one.
    #[error("is not a whole zip file: {0}")]
    Damaged(&'static str),
    /// An entry would be written, or would lead, outside the folder that it is unpacked to.
    #[error("holds the entry `{entry}`, which {why}")]
    Unsafe {
        /// The entry's name.
        entry: String,
        /// What is wrong with it; completes “which …”.
        why: &'static str,
    },
    /// It can't be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] Error),
}

/// The end record without its comment, and the longest comment.
const END: usize = 22;
const COMMENT: u64 = 0xFFFF;
/// A larger directory is not that of a product.
const DIRECTORY: u64 = 256 << 20;
const BLOCK: u64 = 4096;

struct Entry {
    name: String,
    size: u64,
    packed: u64,
    method: u64,
    at: u64,
    is_link: bool,
}

/// Looks through the whole directory of an archive.
///
/// # Errors
/// When it is not whole, or an entry leads out of it.
pub(super) fn look_through(file: &mut (impl Read + Seek)) -> Result<Content, Refused> {
    let entries = entries(file)?;
    let links: BTreeSet<&str> = entries.iter().filter(|entry| entry.is_link).map(|entry| entry.name.as_str()).collect();
    let first = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    let tops: BTreeSet<String> = entries.iter().map(|entry| first(&entry.name)).collect();
    // The only folder of an archive becomes the product's home: nothing may lead out of that one either.
    let top = tops.first().filter(|_| tops.len() == 1);
    let mut unpacked = 0;
    for entry in &entries {
        let refuse = |why| Err(Refused::Unsafe { entry: entry.name.escape_debug().to_string(), why });
        if let Some(why) = leads_out(&entry.name) {
            return refuse(why);
        }
        let above = entry.name.match_indices('/').map(|(at, _)| &entry.name[..at]);
        if above.clone().any(|folder| links.contains(folder)) {
            return refuse("would be written through a link");
        }
        if entry.is_link {
            let target = target(file, entry)?;
            let depth = above.count().saturating_sub(usize::from(top.is_some()));
            if let Some(why) = target.map_or(Some("is a link whose text is packed"), |text| strays(&text, depth)) {
                return refuse(why);
            }
        }
        unpacked += entry.size.div_ceil(BLOCK).max(1).saturating_mul(BLOCK);
    }
    Ok(Content { unpacked, links: links.len() })
}

fn leads_out(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.starts_with('/') {
        Some("is an absolute path")
    } else if name.split('/').any(|part| part == "..") {
        Some("climbs out of its folder")
    } else if name.contains(|c: char| c == '\\' || c.is_control()) {
        Some("holds a backslash or a control character")
    } else {
        None
    }
}

/// Does a link that is `depth` folders below the top lead out of it? `..` behind a name may follow another link to who
/// knows where.
fn strays(target: &str, depth: usize) -> Option<&'static str> {
    let parts: Vec<&str> = target.split('/').collect();
    let climbs =
        parts.iter().take_while(|part| matches!(**part, ".." | "." | "")).filter(|part| **part == "..").count();
    let later = parts.iter().skip_while(|part| matches!(**part, ".." | "." | "")).any(|part| *part == "..");
    (target.is_empty() || target.starts_with('/') || climbs > depth || later).then_some("is a link that leads outside")
}

/// The text of a link; `None` when it is packed, which no program does with so short a text.
fn target(file: &mut (impl Read + Seek), entry: &Entry) -> Result<Option<String>, Refused> {
    const DAMAGED: Refused = Refused::Damaged("the head of an entry is not where its directory says");
    if entry.method != 0 || entry.packed > BLOCK {
        return Ok(None);
    }
    let head = read_at(file, entry.at, 30)?;
    if !head.starts_with(b"PK\x03\x04") {
        return Err(DAMAGED);
    }
    let behind = number(&head, 26, 2).zip(number(&head, 28, 2)).map(|(name, extra)| 30 + name + extra);
    let text = read_at(file, entry.at + behind.ok_or(DAMAGED)?, entry.packed)?;
    Ok(String::from_utf8(text).ok())
}

fn entries(file: &mut (impl Read + Seek)) -> Result<Vec<Entry>, Refused> {
    const CUT: Refused = Refused::Damaged("its directory is not at its end; it may be cut off");
    const ODD: Refused = Refused::Damaged("its directory is broken");
    let length = file.seek(SeekFrom::End(0))?;
    let tail_at = length.saturating_sub(END as u64 + COMMENT);
    let tail = read_at(file, tail_at, length - tail_at)?;
    let is_end = |at: &usize| {
        tail[*at..].starts_with(b"PK\x05\x06") && number(&tail, at + 20, 2) == Some((tail.len() - at - END) as u64)
    };
    let end = (0..=tail.len().checked_sub(END).ok_or(CUT)?).rev().find(is_end).ok_or(CUT)?;
    let field = |at, bytes| number(&tail, end + at, bytes).ok_or(CUT);
    let (mut count, mut size, mut at) = (field(10, 2)?, field(12, 4)?, field(16, 4)?);
    if count == 0xFFFF || size == 0xFFFF_FFFF || at == 0xFFFF_FFFF {
        // Zip64: a locator before the end says where a record with longer numbers is.
        let locator = end.checked_sub(20).and_then(|locator| tail.get(locator..end)).ok_or(CUT)?;
        let record = read_at(file, number(locator, 8, 8).ok_or(CUT)?, 56)?;
        if !locator.starts_with(b"PK\x06\x07") || !record.starts_with(b"PK\x06\x06") {
            return Err(CUT);
        }
        let field = |at| number(&record, at, 8).ok_or(CUT);
        (count, size, at) = (field(32)?, field(40)?, field(48)?);
    }
    if size > DIRECTORY || at.checked_add(size).is_none_or(|behind| behind > tail_at + end as u64) {
        return Err(ODD);
    }
    let directory = read_at(file, at, size)?;
    let (mut rest, mut entries) = (directory.as_slice(), Vec::new());
    while !rest.is_empty() {
        let (entry, behind) = entry(rest).ok_or(ODD)?;
        if behind.1 {
            return Err(Refused::Unsafe { entry: entry.name, why: "is encrypted" });
        }
        entries.push(entry);
        rest = rest.get(behind.0..).ok_or(ODD)?;
    }
    if entries.is_empty() || entries.len() as u64 != count { Err(ODD) } else { Ok(entries) }
}

/// The first entry of a directory, how long its record is, and whether it is encrypted.
fn entry(record: &[u8]) -> Option<(Entry, (usize, bool))> {
    let field = |at, bytes| number(record, at, bytes);
    if !record.starts_with(b"PK\x01\x02") {
        return None;
    }
    let [name, extra, comment] = [28, 30, 32].map(|at| field(at, 2).and_then(|length| usize::try_from(length).ok()));
    let (name, extra, comment) = (name?, extra?, comment?);
    let entry = Entry {
        name: String::from_utf8_lossy(record.get(46..46 + name)?).into_owned(),
        size: field(24, 4)?,
        packed: field(20, 4)?,
        method: field(10, 2)?,
        at: field(42, 4)?,
        // The upper half of the attributes is the mode of the file on Unix.
        is_link: field(38, 4)? >> 28 == 0o12,
    };
    Some((entry, (46 + name + extra + comment, field(8, 2)? & 1 == 1)))
}

/// A number of this many bytes, the lowest first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
}

fn read_at(file: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, Refused> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(Refused::Damaged("it ends in the middle of a record")) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// An archive of entries: name, mode, content.
    fn zip(entries: &[(&str, u32, &str)]) -> Vec<u8> {
        let (mut body, mut directory) = (Vec::new(), Vec::new());
        for (name, mode, content) in entries {
            let at = body.len() as u32;
            let sizes = [content.len() as u32, content.len() as u32].map(u32::to_le_bytes).concat();
            let names = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
            body.extend(
                [b"PK\x03\x04".as_slice(), &[0; 14], &sizes, &names, name.as_bytes(), content.as_bytes()].concat(),
            );
            let end = [[0; 4], (mode << 16).to_le_bytes(), at.to_le_bytes()].concat();
            directory
                .extend([b"PK\x01\x02".as_slice(), &[0; 16], &sizes, &names, &[0; 2], &end, name.as_bytes()].concat());
        }
        let count = [entries.len() as u16; 2].map(u16::to_le_bytes).concat();
        let place = [directory.len() as u32, body.len() as u32].map(u32::to_le_bytes).concat();
        [body, directory, b"PK\x05\x06\0\0\0\0".to_vec(), count, place, vec![0; 2]].concat()
    }

    const FILE: u32 = 0o100_644;
    const LINK: u32 = 0o120_777;

    fn look(entries: &[(&str, u32, &str)]) -> Result<Content, Refused> {
        look_through(&mut Cursor::new(zip(entries)))
    }

    #[test]
    fn counts_what_an_archive_needs_on_the_disk() {
        let large = "x".repeat(5000);
        let content = look(&[("is/a", FILE, "x"), ("is/b", FILE, &large), ("is/c/l", LINK, "../a")]).unwrap();
        assert_eq!(content, Content { unpacked: 4 * 4096, links: 1 });
        let commented = [zip(&[("a", FILE, "x")]), vec![]].concat();
        let mut commented = commented[..commented.len() - 2].to_vec();
        commented.extend(b"\x02\0ok");
        assert!(look_through(&mut Cursor::new(commented)).is_ok());
    }

    #[test]
    fn what_leads_out_is_refused_with_the_entry() {
        for (name, mode, content) in [
            ("/etc/passwd", FILE, ""),
            ("is/../../etc/passwd", FILE, ""),
            ("..", FILE, ""),
            ("is\\..\\x", FILE, ""),
            ("is/new\nline", FILE, ""),
            ("is/link", LINK, "/etc"),
            ("is/link", LINK, ".."),
            ("is/link", LINK, "./../.."),
            ("is/link", LINK, "../other"),
            ("is/link", LINK, "bin/../../.."),
            ("is/link", LINK, ""),
        ] {
            let error = look(&[("is/bin/x", FILE, "x"), (name, mode, content)]).unwrap_err();
            assert!(matches!(&error, Refused::Unsafe { .. }), "{name} {content}: {error}");
        }
        let through = look(&[("is/l", LINK, "bin"), ("is/l/x", FILE, "")]).unwrap_err();
        assert!(through.to_string().contains("through a link"), "{through}");
    }

    #[test]
    fn what_is_cut_off_anywhere_or_is_no_zip_is_refused() {
        let whole = zip(&[("is/a", FILE, "x"), ("is/b", FILE, "y")]);
        for length in 0..whole.len() {
            assert!(look_through(&mut Cursor::new(&whole[..length])).is_err(), "{length} of {}", whole.len());
        }
        assert!(look_through(&mut Cursor::new(vec![b'x'; 100_000])).is_err());
        let mut odd = whole.clone();
        let at = odd.len() - 12;
        odd[at] = 9;
        assert!(look_through(&mut Cursor::new(odd)).is_err(), "a count that is not that of the entries");
    }
}
