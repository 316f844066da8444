//! Real kernels are started, and what hactl tells of them is what is so.
//!
//! Kernel 4.5 is started by the tests of whole hosts. Needs `java`, `unzip`, `curl`, MariaDB's server, and `mvn` for the first time; two nodes also need root, for network
//! namespaces of their own. What is missing is said aloud.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test that can't go on ends here, and says why")]

mod database;
mod failures;
mod members;
mod node;
mod tools;
