//! `lab.json`: the marker of a lab's folder, and what its own programs need to find it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{LabError, Layout};

/// The name of the marker. Only a folder that holds it is ever removed.
pub const MARKER: &str = "lab.json";

/// What the marker holds; only its owner may read it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    hactl_lab: u32,
    /// The seed.
    pub seed: u64,
    /// The process that the lab lives in.
    pub pid: u32,
    /// What a program must know to be listened to.
    pub token: String,
    /// The password of the database.
    pub database_password: String,
    /// The password of the key stores.
    pub keystore_password: String,
}

impl State {
    /// A new lab of this process, with secrets from the operating system, whatever the seed is.
    pub fn new(seed: u64) -> Self {
        let (token, database_password, keystore_password) = (secret(), secret(), secret());
        Self { hactl_lab: 1, seed, pid: std::process::id(), token, database_password, keystore_password }
    }

    /// Reads the marker of a lab's folder.
    ///
    /// # Errors
    /// When it is not there, or not a marker.
    pub fn read(folder: &Path) -> Result<Self, LabError> {
        let path = folder.join(MARKER);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            LabError::new(format!("{} is not a lab: {MARKER}: {error}", folder.display()))
                .hint("name the lab's folder with --folder, or start one with `hactl lab up`")
        })?;
        let state: Self = serde_json::from_str(&text)
            .map_err(|error| LabError::new(format!("{} is not a lab's marker: {error}", path.display())))?;
        if state.hactl_lab != 1 {
            return Err(LabError::new(format!("{} is of another version of hactl", path.display())));
        }
        Ok(state)
    }

    /// Writes the marker.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), LabError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| LabError::new(error.to_string()))?;
        private(&folder.join(MARKER), &text)
    }

    /// The lab that this state is of.
    pub fn layout(&self, folder: &Path) -> Layout {
        Layout::new(folder, self.seed)
    }
}

/// A word that nobody guesses.
fn secret() -> String {
    let bytes: [u8; 18] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner may read.
pub(super) fn private(path: &PathBuf, text: &str) -> Result<(), LabError> {
    let written = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    written.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| LabError::file("write", path, &error))
}
