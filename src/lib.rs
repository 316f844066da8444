//! hactl sets up and keeps in shape high-availability clusters of WSO2 Identity Server and its Carbon siblings, over
//! plain SSH, from one inventory.
//!
//! Six floors; an import may only go down (`tests/floors.rs`). The library never prints; `main` alone ends the process.

pub mod cli;
pub mod lab;
pub mod model;
pub mod orchestration;
pub mod resources;
pub mod steps;
pub mod transport;
