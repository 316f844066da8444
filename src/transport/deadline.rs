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
        printed if printed <= request.limit as u64 => return error,
        printed => (
            format!("it has printed {} MB", printed / 1_000_000),
            "something prints without end there: the command, or before it what the login shell reads (.bashrc, .zshenv, \
             config.fish)",
        ),
    };
    TransportError { cause: format!("{}; {so_far}", error.cause), ..error }.hint(hint)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Input;
    use super::*;

    #[test]
    fn an_end_that_never_came_is_told_with_what_was_printed() {
        let request = Request {
            command: "x".into(),
            input: Input::Nothing,
            gate: None,
            deadline: Duration::from_secs(2),
            limit: 1_000_000,
            outlet: None,
        };
        let cause = |printed| unended(&request, printed).cause;
        let waited = "no end within 2.0 s: waited for the command to end";
        assert_eq!(cause(0), format!("{waited}; it has printed nothing"));
        assert_eq!(cause(5), waited);
        assert_eq!(cause(123_456_789), format!("{waited}; it has printed 123 MB"));
        assert!(unended(&request, 0).hint.unwrap().contains(".bashrc"));
    }
}
