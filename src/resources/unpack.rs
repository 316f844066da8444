//! A product's pack, unpacked to where the product should be.

use super::leftover::remove_leftovers;
use super::{AssessError, Assessment, Change, Found, Look, Resource, Seen};
use crate::model::{Archive, RemotePath, Script};

/// A zip archive that is unpacked where its folder is missing or empty. A folder that holds anything is left alone.
///
/// It is unpacked beside the folder, given to its owner, and put in place by one rename. What is in the archive's only
/// folder becomes the content, whatever that folder is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpack {
    archive: Archive,
    home: RemotePath,
    holds: String,
    owner: Option<String>,
    java_home: Option<RemotePath>,
}

impl Unpack {
    /// The archive at `home`. The file `holds`, relative to it, tells a product from anything else.
    pub fn new(archive: Archive, home: RemotePath, holds: impl Into<String>) -> Self {
        Self { archive, home, holds: holds.into(), owner: None, java_home: None }
    }

    /// Who owns all of it; `None`: the owner of the folder that it is in.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// A JDK, whose `jar` can unpack where nothing else can.
    #[must_use]
    pub fn java_home(mut self, java_home: Option<RemotePath>) -> Self {
        self.java_home = java_home;
        self
    }

    /// What unpacks it.
    fn program(&self, look: &Look<'_>) -> Result<String, AssessError> {
        let refuse = |cause: String| {
            let hint =
                "install unzip on the host: `apt-get install unzip`, `dnf install unzip` or `zypper install unzip`";
            Err(AssessError::new("unzip-missing", cause).hint(hint))
        };
        match look.notes("unpacker").next() {
            None => refuse(format!("there is nothing on this host to unpack {} with", self.home.file_name())),
            // `jar` writes a link as a file that holds its text.
            Some(jar) if jar.ends_with("jar") && self.archive.links > 0 => refuse(format!(
                "the pack holds links, which {jar} can't unpack, and there is nothing else on this host"
            )),
            Some(program) => Ok(program.to_owned()),
        }
    }

    fn has_room(&self, look: &Look<'_>) -> Result<(), AssessError> {
        // What a run that died has left goes away before anything is unpacked; then the mend finds out.
        let room = look.notes("room").next().and_then(|room| room.parse::<u64>().ok()).unwrap_or(u64::MAX);
        let wanted = self.archive.unpacked.div_ceil(1024);
        if room >= wanted || !look.leftovers.is_empty() {
            return Ok(());
        }
        let megabytes = |kibibytes: u64| kibibytes.div_ceil(1024);
        let cause = format!(
            "{} takes {} MiB once it is unpacked, and there are {} MiB left",
            self.home,
            megabytes(wanted),
            room / 1024
        );
        Err(AssessError::new("disk-full", cause).hint("make room on that file system and run again"))
    }
}

impl Resource for Unpack {
    fn id(&self) -> String {
        format!("unpack:{}", self.home)
    }

    fn path(&self) -> Option<&RemotePath> {
        Some(&self.home)
    }

    fn creates(&self) -> Option<&RemotePath> {
        Some(&self.home)
    }

    fn probe(&self, script: &mut Script) {
        let java_home = self.java_home.as_ref().map_or("-", RemotePath::as_str);
        script.call("hactl_look_unpacked", &[self.home.as_str(), &self.holds, java_home]);
    }

    fn assess(&self, seen: Seen<'_>) -> Result<Assessment, AssessError> {
        let look = Look::read(seen)?;
        let mut assessment = Assessment::default();
        remove_leftovers(&look, &mut assessment);
        let refuse = |what: String| {
            let hint = "move it away, or correct `product.home`; hactl never unpacks over something";
            Err(AssessError::new("in-the-way", what).hint(hint))
        };
        match (&look.found, look.notes("holds").next()) {
            (Found::Directory { .. }, Some("product")) => {
                assessment.because = format!("{} is there", self.holds);
                return Ok(assessment);
            }
            (Found::Absent, _) => "the product is not there".clone_into(&mut assessment.because),
            (Found::Directory { .. }, Some("nothing")) => {
                "the folder is empty".clone_into(&mut assessment.because);
            }
            (Found::Directory { .. }, _) => {
                return refuse(format!("{} is there and is not the product: it has no {}", self.home, self.holds));
            }
            (other, _) => return refuse(format!("{} is not a folder but {other}", self.home)),
        }
        let program = self.program(&look)?;
        self.has_room(&look)?;
        let blob = &self.archive.blob;
        let digest = blob.sha256.to_string();
        let short = digest.get(..12).unwrap_or_default();
        let name = blob.source.file_name().unwrap_or_default().to_string_lossy();
        assessment.changes.push(Change::new(format!("unpack {name}, {} bytes, sha256 {short}…", blob.size)));
        let owner = self.owner.as_deref().unwrap_or("-");
        let words = [digest.as_str(), self.home.as_str(), &self.holds, owner, &program];
        assessment.mend.call("hactl_unpack", &words);
        assessment.needs.push(blob.clone());
        Ok(assessment)
    }
}
