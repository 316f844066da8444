//! `exec`.

use std::path::PathBuf;

use clap::Args;

use super::{Hosts, Which};

/// `exec`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "One word after -- is a line for the host's sh: hactl exec -- 'df -h | grep /opt'\nSeveral are a program and its arguments, \
                  each exactly as it is: hactl exec -- grep -c 'a b' /etc/hosts\nExit codes: 0 the command ended with 0 everywhere, \
                  1 somewhere it did not, 3 a host was not reached."
)]
pub struct Exec {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Run as the user who logs in, whatever the inventory says of `become`
    #[arg(long)]
    pub no_become: bool,
    /// Give every host this file, or `-`, on standard input; at most 1 MiB
    #[arg(long, value_name = "FILE")]
    pub stdin: Option<PathBuf>,
    /// Print lines without the host's name; of one host, byte for byte
    #[arg(long)]
    pub no_prefix: bool,
    /// The command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}
