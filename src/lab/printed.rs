//! What a program of the lab prints.

/// What a program prints and ends with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// On standard output.
    pub stdout: String,
    /// On standard error.
    pub stderr: String,
    /// The exit status.
    pub status: u8,
}

impl Printed {
    /// It prints this on standard error, and ends with this status.
    pub(super) fn failed(status: u8, stderr: impl Into<String>) -> Self {
        Self { stdout: String::new(), stderr: stderr.into(), status }
    }
}
