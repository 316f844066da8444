//! A local file that is uploaded whole: a driver, a pack.

use std::path::PathBuf;

use super::Sha256;

/// A local file, named by its content. Streamed when it is sent, never held whole in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Where the file is on the controller.
    pub source: PathBuf,
    /// What it must hold; checked again on the host after the upload.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}
