//! The product's log.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// `repository/logs/wso2carbon.log`, which every start goes on with.
#[derive(Clone)]
pub(super) struct Log(Arc<Mutex<File>>);

impl Log {
    /// Opens the log of a product.
    pub(super) fn open(home: &Path) -> std::io::Result<Self> {
        let folder = home.join("repository/logs");
        std::fs::create_dir_all(&folder)?;
        let file = OpenOptions::new().append(true).create(true).open(folder.join("wso2carbon.log"))?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    pub(super) fn info(&self, class: &str, text: &str) {
        self.write(" INFO", class, text);
    }

    pub(super) fn warn(&self, class: &str, text: &str) {
        self.write(" WARN", class, text);
    }

    pub(super) fn error(&self, class: &str, text: &str) {
        self.write("ERROR", class, text);
    }

    fn write(&self, level: &str, class: &str, text: &str) {
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f");
        let line = format!("TID: [-1234] [] [{now}] [] {level} {{{class}}} - {text}\n");
        // In one write: what is read meanwhile holds whole lines.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}
