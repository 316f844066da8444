//! The command line: words in.

mod exec;
mod hosts;
mod lab;
mod lock;
mod logs;
mod ssh;

pub use exec::Exec;
pub use hosts::{HostsAction, HostsRun, HostsTrust};
pub use lab::{LabAction, LabBreak, LabDemo, LabFolder, LabProgram, LabUp};
pub use lock::{Lock, LockAction, LockRelease, LockRun};
pub use logs::Logs;
pub use ssh::SshConfigFlag;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::orchestration::{Batch, RunId};

/// Set up and keep in shape high-availability clusters of WSO2 products, over plain SSH, from one inventory.
#[derive(Debug, Parser)]
#[command(name = "hactl", version, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 in place or done, 1 failed, 2 differs, 3 incomplete, 5 preflight, 9 locked, 64 usage, 65 inventory, \
                        130/143 interrupted.\nSee `hactl explain CODE` for any code or word in an error."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to say it.
    #[command(flatten)]
    pub talk: Talk,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented inventory for these addresses to standard output
    Init(Init),
    /// Read the inventory and apply every rule that needs no host
    Validate(Validate),
    /// Print a JSON Schema, for editors and for those who read hactl's output
    Schema(Schema),
    /// See which hosts there are, how far one gets with each, and what is on them
    #[command(subcommand)]
    Hosts(HostsAction),
    /// Judge the rules about the hosts, and change nothing; exit 5 on an error
    Preflight(Preflight),
    /// Show what apply would do, and change nothing; exit 2 when something would change
    Plan(Run),
    /// Bring every host to what the inventory says
    Apply(Apply),
    /// Show one line per host: in place, differing, or unknown
    Status(Run),
    /// List earlier runs, or show one
    Runs(Runs),
    /// Undo a run from the backups it left on the hosts
    Rollback(Rollback),
    /// Show who holds the lock of each host, or free it
    Lock(Lock),
    /// Run one command on many hosts
    Exec(Exec),
    /// Show the products' logs of all nodes, or follow them
    Logs(Logs),
    /// Practise on a cluster inside this machine: no hosts, no root, no network
    #[command(subcommand)]
    Lab(LabAction),
    /// Plays a program of a lab's host
    #[command(hide = true)]
    LabProgram(LabProgram),
    /// Explain an exit code, a rule, or the code of an error
    Explain(Explain),
    /// Print the completion script of a shell
    Completion(Completion),
    /// Print the manual page
    Man,
    /// Print the version
    Version,
}

/// How output looks.
#[derive(Debug, Clone, Args)]
pub struct Talk {
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORM")]
    pub output: Output,
    /// Say more: what is in place too, and what it took
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Say nothing while it runs
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Use colours
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document at the end.
    Json,
    /// A line of JSON per event, the report last.
    Jsonl,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which inventory, and which of its clusters.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// The inventory; default: $HACTL_INVENTORY, then ./inventory.yaml
    #[arg(value_name = "INVENTORY")]
    pub inventory: Option<PathBuf>,
    /// The inventory, for those who like flags
    #[arg(short, long = "inventory", value_name = "FILE", conflicts_with = "inventory")]
    pub i: Option<PathBuf>,
    /// Only this cluster of an inventory that holds several
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

/// Which hosts, and how they are worked on.
#[derive(Debug, Clone, Args)]
pub struct Hosts {
    /// Only these hosts or groups: `is-1,is-2`, `is-*`, `!is-3`
    #[arg(short, long, value_delimiter = ',', value_name = "NAME")]
    pub limit: Vec<String>,
    /// How many hosts are worked on at once
    #[arg(short, long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=2000), value_name = "N")]
    pub concurrency: u16,
    /// Seconds until a host that does not answer is unreachable; overrides the inventory
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600), value_name = "SECONDS")]
    pub connect_timeout: Option<u64>,
    /// Seconds that one look, one mend or one command may take on a host
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86400), value_name = "SECONDS")]
    pub timeout: u64,
    /// The file with the hosts' keys; overrides the inventory
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
    /// Which ssh_config is read.
    #[command(flatten)]
    pub ssh: SshConfigFlag,
    /// Never ask: what would be asked for, such as the passphrase of a key file, is an error
    #[arg(long)]
    pub no_input: bool,
}

/// Which part of the playbook.
#[derive(Debug, Clone, Args)]
pub struct Steps {
    /// A playbook of your own instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub playbook: Option<PathBuf>,
    /// Only these steps
    #[arg(long = "step", value_delimiter = ',', value_name = "STEP")]
    pub steps: Vec<String>,
    /// All steps but these
    #[arg(long = "skip-step", value_delimiter = ',', value_name = "STEP")]
    pub skip_steps: Vec<String>,
    /// Move what is in the way of a link to the shared folder into that folder
    #[arg(long)]
    pub adopt: bool,
}

/// Look at hosts.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Which steps.
    #[command(flatten)]
    pub steps: Steps,
}

/// `preflight`
#[derive(Debug, Clone, Args)]
pub struct Preflight {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Only these rules, such as `O02`
    #[arg(long = "rule", value_delimiter = ',', value_name = "ID")]
    pub rules: Vec<String>,
}

/// `apply`
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// What to look at.
    #[command(flatten)]
    pub run: Run,
    /// How many hosts of a stage at once, in turn: `1,25%`; overrides the playbook
    #[arg(long, value_delimiter = ',', value_name = "SIZE")]
    pub batch: Vec<Batch>,
    /// Go on while no more hosts than this have failed or are unknown
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub max_failures: usize,
    /// Take up a run that did not end well: its hosts that are not done, with its steps
    #[arg(long, value_name = "RUN", conflicts_with_all = ["limit", "steps", "skip_steps", "inventory", "i", "cluster", "playbook"])]
    pub resume: Option<RunId>,
    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockWait,
}

/// How the lock is taken.
#[derive(Debug, Clone, Args)]
pub struct LockWait {
    /// Seconds to wait for a lock that somebody else holds
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub lock_wait: u64,
}

/// `init`
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// The nodes' addresses, as `[USER@]ADDRESS[:PORT]`
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<String>,
    /// The cluster's name
    #[arg(long, default_value = "iam", value_name = "NAME")]
    pub cluster: String,
    /// The product
    #[arg(long, default_value = "wso2is", value_name = "NAME")]
    pub product: String,
    /// The product's version
    #[arg(long, value_name = "VERSION")]
    pub product_version: Option<String>,
    /// The product's folder on the hosts
    #[arg(long, value_name = "FOLDER")]
    pub home: Option<String>,
}

/// `validate`
#[derive(Debug, Clone, Args)]
pub struct Validate {
    /// Which inventory.
    #[command(flatten)]
    pub which: Which,
    /// Also print where every value came from, and what was derived
    #[arg(long)]
    pub explain: bool,
    /// Which ssh_config is read.
    #[command(flatten)]
    pub ssh: SshConfigFlag,
}

/// `schema`
#[derive(Debug, Clone, Args)]
pub struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Inventory)]
    pub of: SchemaOf,
}

/// What a schema can be printed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The inventory.
    Inventory,
    /// What `--output json` prints.
    Report,
    /// A line of `--output jsonl`.
    Event,
    /// A line of `--output jsonl` of `exec` and `logs`; its `result` is what `--output json` prints.
    Call,
    /// What `hosts list --output json` prints.
    HostsList,
    /// What `hosts ping --output json` prints.
    HostsPing,
    /// What `hosts facts --output json` prints.
    HostsFacts,
    /// What `hosts trust --output json` prints.
    HostsTrust,
    /// What `--output json` prints where a command is refused with exit code 64 or 65, and `validate` always.
    Refusal,
}

/// `runs`
#[derive(Debug, Clone, Args)]
pub struct Runs {
    /// Show this one
    pub run: Option<RunId>,
    /// How many of the newest are listed
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub last: usize,
}

/// `rollback`
#[derive(Debug, Clone, Args)]
pub struct Rollback {
    /// The run to undo, as `hactl runs` lists it
    pub run: RunId,
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Only say what would be undone
    #[arg(long)]
    pub plan: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockWait,
}

/// `explain`
#[derive(Debug, Clone, Args)]
pub struct Explain {
    /// An exit code (`65`), a rule (`D04`), or the code of an error (`host-key-changed`); none lists them all
    pub code: Option<String>,
}

/// `completion`
#[derive(Debug, Clone, Args)]
pub struct Completion {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
