//! `hosts`.

use clap::{Args, Subcommand};

use super::{Hosts, Which};

/// Look at the way to the hosts.
#[derive(Debug, Clone, Subcommand)]
pub enum HostsAction {
    /// Show the unknown host keys of all hosts and jump hosts, ask once, and record them
    Trust(HostsTrust),
}

/// `hosts trust`
#[derive(Debug, Clone, Args)]
pub struct HostsTrust {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Print the lines for a known_hosts file, and record nothing
    #[arg(long, conflicts_with = "yes")]
    pub print: bool,
    /// Do not ask: trust whoever answers now
    #[arg(short, long)]
    pub yes: bool,
    /// Never ask: without --yes the keys are only shown
    #[arg(long)]
    pub no_input: bool,
}
