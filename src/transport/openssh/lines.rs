//! Lines from a process, of bounded length.

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStderr;

/// What is longer is cut.
const LONGEST: usize = 64 * 1024;

/// The standard error of a process, line by line.
pub(super) struct Lines {
    stream: Option<ChildStderr>,
    read: Vec<u8>,
    /// The rest of a line that was cut is thrown away.
    cut: bool,
}

impl Lines {
    pub(super) fn of(stream: Option<ChildStderr>) -> Self {
        Self { stream, read: Vec::new(), cut: false }
    }

    /// The next line; `None` at the end. May be given up and called again.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=at).collect();
                if !std::mem::take(&mut self.cut) {
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
            } else if self.read.len() >= LONGEST {
                let line = std::mem::take(&mut self.read);
                if !std::mem::replace(&mut self.cut, true) {
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
            }
            let stream = self.stream.as_mut()?;
            if !matches!(stream.read_buf(&mut self.read).await, Ok(1..)) {
                self.stream = None;
            }
        }
    }
}
