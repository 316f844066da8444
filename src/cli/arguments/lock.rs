//! `lock`.

use clap::{Args, Subcommand};

use super::{Hosts, Which};
use crate::orchestration::RunId;

/// `lock`
#[derive(Debug, Clone, Args)]
pub struct Lock {
    /// Look at it, or free it.
    #[command(subcommand)]
    pub action: LockAction,
}

/// Look at the lock, or free it.
#[derive(Debug, Clone, Subcommand)]
pub enum LockAction {
    /// Show who holds the lock of each host
    Status(LockRun),
    /// Free the lock that a run holds; for a run that is known to be dead
    Release(LockRelease),
}

/// `lock status`
#[derive(Debug, Clone, Args)]
pub struct LockRun {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
}

/// `lock release`
#[derive(Debug, Clone, Args)]
pub struct LockRelease {
    /// The run that holds it, as `hactl lock status` shows it
    #[arg(long)]
    pub run: RunId,
    /// Where.
    #[command(flatten)]
    pub at: LockRun,
}
