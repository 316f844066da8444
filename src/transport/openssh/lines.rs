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
    received: u64,
}

impl Lines {
    pub(super) fn of(stream: Option<ChildStderr>) -> Self {
        Self { stream, read: Vec::new(), cut: false, received: 0 }
    }

    /// How many bytes have come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next line; `None` at the end, and nothing more of a line that was cut than that it goes on. May be given up and called again.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=at).collect();
                if !std::mem::take(&mut self.cut) {
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
            } else if self.read.len() >= LONGEST {
                let line = std::mem::take(&mut self.read);
                return match std::mem::replace(&mut self.cut, true) {
                    false => Some(String::from_utf8_lossy(&line).into_owned()),
                    true => Some(String::new()),
                };
            }
            let stream = self.stream.as_mut()?;
            match stream.read_buf(&mut self.read).await {
                Ok(count @ 1..) => self.received += count as u64,
                _ => self.stream = None,
            }
        }
    }
}
