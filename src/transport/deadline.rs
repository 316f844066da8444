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

/// The deadline has passed while the command was running, which had printed so many bytes.
pub(super) fn unended(request: &Request, printed: u64) -> TransportError {
    let error = late(request, "the command to end");
    // The login shell's own files are read before the command is run.
    let (so_far, hint) = match printed {
        0 => (
            "it has printed nothing".to_owned(),
            "look on the host at what it is waiting for: the command, or before it what the login shell reads (.bashrc, \
             .zshenv, config.fish); or allow more time with --timeout",
        ),
        1..ENDLESS => return error,
        printed => (
            format!("it has printed {} MB", printed / 1_000_000),
            "something prints without end there: the command, or before it what the login shell reads (.bashrc, .zshenv, \
             config.fish)",
        ),
    };
    TransportError { cause: format!("{}; {so_far}", error.cause), ..error }.hint(hint)
}

/// Nobody waits for so much, in bytes.
const ENDLESS: u64 = 32 << 20;
