//! `lab`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `lab`
#[derive(Debug, Clone, Subcommand)]
pub enum LabAction {
    /// Make a practice cluster and keep it running until Ctrl-C or `hactl lab down`
    Up(LabUp),
    /// Show the whole way on a practice cluster: every command, its real output, and how long it took
    Demo(LabDemo),
    /// Break something in the running lab
    Break(LabBreak),
    /// End the lab and remove its folder
    Down(LabFolder),
}

/// Which lab.
#[derive(Debug, Clone, Args)]
pub struct LabFolder {
    /// The lab's folder
    #[arg(long, default_value = "hactl-lab", value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// `lab up`
#[derive(Debug, Clone, Args)]
pub struct LabUp {
    /// Where.
    #[command(flatten)]
    pub at: LabFolder,
    /// What addresses, ports and host keys follow from; default: one that is free
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// End when standard input does
    #[arg(long, hide = true)]
    pub until_input_ends: bool,
}

/// `lab demo`
#[derive(Debug, Clone, Args)]
pub struct LabDemo {
    /// What addresses, ports and host keys follow from; default: one that is free
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Run in this folder and leave the lab's files there; default: a temporary folder, removed at the end
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
}

/// `lab break`
#[derive(Debug, Clone, Args)]
pub struct LabBreak {
    /// What to break, or to let be
    #[arg(value_enum, value_name = "WHAT")]
    pub what: LabBreakage,
    /// On which node
    #[arg(default_value = "is-1", value_parser = ["is-1", "is-2"], value_name = "NODE")]
    pub node: String,
    /// Where.
    #[command(flatten)]
    pub at: LabFolder,
}

/// What `lab break` can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LabBreakage {
    /// Kill a node without a word
    KillNode,
    /// Stop a node in its tracks
    FreezeNode,
    /// Let a frozen node go on
    ThawNode,
    /// Write a wrong password of the database into a node's configuration
    WrongPassword,
    /// Let nothing through to and from a node's membership port
    BlockMembership,
    /// Let it through again
    OpenMembership,
    /// Let another program take a node's HTTPS port
    PortTaken,
    /// Let it go away
    PortFreed,
    /// Change a node's configuration by hand
    EditFile,
    /// Write the id of another process into a node's pid file
    ForeignPid,
    /// Take a node's JDBC driver away
    TakeDriver,
    /// Stop the database
    StopDatabase,
    /// Start it again
    StartDatabase,
}

/// `lab-program`
#[derive(Debug, Clone, Args)]
pub struct LabProgram {
    /// Which
    pub name: String,
    /// Its words
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<std::ffi::OsString>,
}
