//! `logs`.

use clap::Args;

use super::{Hosts, Which};

/// `logs`
#[derive(Debug, Clone, Args)]
pub struct Logs {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Follow the logs as they grow, also into the file that comes after a rotation
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines of each file are shown: 50, or all that --since allows
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "N")]
    pub lines: Option<u32>,
    /// Only lines of the last so much time, such as `10m` or `2h 30m`
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub since: Option<String>,
    /// Which log: a name that the product's profile knows, such as `audit`, or a path, also below the product's home
    #[arg(long = "file", value_delimiter = ',', value_name = "FILE")]
    pub files: Vec<String>,
    /// Run as the user who logs in, whatever the inventory says of `become`
    #[arg(long)]
    pub no_become: bool,
    /// Print lines without the host's name
    #[arg(long)]
    pub no_prefix: bool,
}
