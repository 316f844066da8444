//! What the command line says about SSH.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Args;

use crate::transport::user_config::SshConfig;

/// Which ssh_config is read.
#[derive(Debug, Clone, Args)]
pub struct SshConfigFlag {
    /// The ssh_config to read instead of yours and the system's, or `none`; overrides the inventory
    #[arg(long, env = "HACTL_SSH_CONFIG", value_parser = ssh_config, value_name = "FILE|none")]
    pub ssh_config: Option<SshConfig>,
}

fn ssh_config(text: &str) -> Result<SshConfig, Infallible> {
    Ok(match text {
        "none" => SshConfig::None,
        path => SshConfig::File(PathBuf::from(path)),
    })
}
