//! hactl against whole hosts: real kernels, MariaDB, PostgreSQL, nginx and OpenSSH, each in namespaces of its own.
//!
//! `ground.sh` makes the hosts. It needs root, minutes, and the parts that `ground.sh parts` names: so these tests run where
//! `HACTL_REQUIRE_REAL=1` asks for them, fail where a part is missing then, and else say `SKIPPED`. One ground serves all
//! tests, one after the other; each begins on hosts that are as if nothing had ever happened on them. It is gone when this
//! process is, however it ends.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests: they start real programs, fail by panicking, and say aloud what they skip"
)]

mod bastions;
mod configured;
mod faults;
mod interrupted;
mod nodes;
mod place;
mod started;
mod systemd;
mod watcher;
