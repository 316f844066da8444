//! The embedded lab: a practice cluster on this machine. No hosts, no root, no network but loopback.
//!
//! It stands beside the house: only `cli` opens its door. Its hosts are folders with an SSH server each, inside the lab's
//! own process; its nodes, its balancer and its database behave as the real ones were seen to, far quicker.

mod balancer;
mod breakage;
mod control;
mod database;
mod demo;
mod error;
mod exec;
mod host;
mod http;
mod inventory;
mod keys;
mod layout;
mod node;
mod pack;
mod printed;
mod programs;
mod reaper;
mod schema;
mod server;
mod state;
mod tls;
mod up;
mod visit;
mod zip;

pub use breakage::{Breakage, break_it};
pub use control::{Wish, ask};
pub use demo::{Act, Scene, scenes as demo_scenes};
pub use error::LabError;
pub use layout::{HOSTNAME, LabHost, Layout, Role};
pub use printed::Printed;
pub use programs::run as run_program;
pub use state::{MARKER, State};
pub use up::{Lab, remove};
pub use visit::{Visit, visit};

use std::net::Ipv4Addr;

/// The name of the account that the lab runs under: its hosts know no other.
fn user() -> String {
    ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "lab".to_owned())
}

/// Says why an address can't be listened on.
fn unbound((address, port): (Ipv4Addr, u16), error: &std::io::Error) -> LabError {
    let error_text = format!("cannot listen on {address}:{port}: {error}");
    match error.kind() {
        std::io::ErrorKind::AddrInUse => LabError::new(error_text)
            .hint("something on this machine holds that port, perhaps another lab: `hactl lab down`, or another --seed"),
        std::io::ErrorKind::AddrNotAvailable => LabError::new(error_text)
            .hint("this system has only one loopback address; the lab needs 127.79.0.0/16, which Linux has without being told"),
        _ => LabError::new(error_text),
    }
}
