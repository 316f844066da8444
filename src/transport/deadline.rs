//! The error for a request that took too long.

use super::{Request, Rung, TransportError};

/// The deadline has passed while we waited for `what`.
pub(super) fn late(request: &Request, what: &str) -> TransportError {
    TransportError::new(
        Rung::Command,
        "deadline",
        format!("no end within {:.1} s: waited for {what}", request.deadline.as_secs_f32()),
    )
    .hint("look on the host at what the command is waiting for, or allow more time with --timeout")
}
