//! One command on many hosts, told line by line while it runs.
mod lines;
pub use lines::*;
