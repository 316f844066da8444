//! `lab`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::lab::Breakage;

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
    #[arg(value_parser = breakages(), value_name = "WHAT")]
    pub what: Breakage,
    /// On which node
    #[arg(default_value = "is-1", value_parser = ["is-1", "is-2"], value_name = "NODE")]
    pub node: String,
    /// Where.
    #[command(flatten)]
    pub at: LabFolder,
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

/// What `lab break` can do, as the lab names it.
fn breakages() -> impl TypedValueParser<Value = Breakage> {
    let values = Breakage::ALL.map(|(_, name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(values).try_map(|said| {
        let known = Breakage::ALL.into_iter().find(|(_, name, _)| *name == said);
        known.map(|(breakage, ..)| breakage).ok_or("the lab knows no such thing")
    })
}
