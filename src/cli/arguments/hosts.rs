//! `hosts`.

use clap::{Args, Subcommand};

use super::{Hosts, Which};

/// See which hosts there are, how far one gets with each, and what is on them.
#[derive(Debug, Clone, Subcommand)]
pub enum HostsAction {
    /// List the hosts as they would be reached, and connect to none; with -q one name per line
    List(HostsRun),
    /// Climb to every host, rung by rung, and say what is wrong on the first that breaks; exit 3 when one does
    Ping(HostsRun),
    /// Show the unknown host keys of all hosts and jump hosts, ask once, and record them
    Trust(HostsTrust),
    /// Show what is on every host: system, memory, disks, JDKs, clock
    Facts(HostsRun),
}

/// What a command of `hosts` looks at.
#[derive(Debug, Clone, Args)]
pub struct HostsRun {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
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
}
