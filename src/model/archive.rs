//! A product's pack: a zip archive on the controller.

use super::Blob;

/// A zip archive that was looked through: every entry of it stays inside the folder that it is unpacked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The file.
    pub blob: Blob,
    /// How much room it takes once it is unpacked, in bytes, on a file system with blocks of 4 KiB.
    pub unpacked: u64,
    /// How many symbolic links it holds.
    pub links: usize,
}
