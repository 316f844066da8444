//! Output that is kept up to a limit.

/// The first bytes of a stream. What comes past the limit is counted as read and thrown away: a stream that is not
/// read to its end would stall the whole connection.
#[derive(Debug, Default)]
pub(super) struct Capture {
    kept: Vec<u8>,
    limit: usize,
    seen: u64,
}

impl Capture {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        let room = self.limit - self.kept.len();
        self.seen += data.len() as u64;
        self.kept.extend_from_slice(&data[..data.len().min(room)]);
    }

    pub(super) fn overflowed(&self) -> bool {
        self.seen > self.kept.len() as u64
    }

    /// How many bytes were printed, kept or not.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.kept
    }
}
