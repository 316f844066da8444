//! Tests against real OpenSSH servers, started for the test on a port of their own.
//!
//! Where a part is missing (sshd, sudo, root), a test says `SKIPPED` and passes; with `HACTL_REQUIRE_REAL=1` it fails.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests: they start real programs, fail by panicking, and say aloud what they skip"
)]

mod account;
mod balancer;
mod cluster;
mod sshd;
mod strange;
mod transport;
