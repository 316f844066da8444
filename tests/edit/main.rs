//! The format-preserving editors, from outside: cases as folders, and properties over generated files.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod any_text;
mod cases;
mod hosts_properties;
mod java_properties;
mod shapes;
mod toml_properties;
mod wishes;
mod xml_properties;
