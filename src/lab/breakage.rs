//! Breaking things on purpose, to practise.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{LabError, Layout, State, Wish, ask};

/// What can be broken, and mended again where nobody else could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// Kills a node without a word.
    KillNode,
    /// Stops a node in its tracks.
    FreezeNode,
    /// Lets it go on.
    ThawNode,
    /// Writes a wrong password of the database into a node's configuration.
    WrongPassword,
    /// Lets nothing through to and from a node's membership port.
    BlockMembership,
    /// Lets it through again.
    OpenMembership,
    /// Another program takes a node's HTTPS port.
    PortTaken,
    /// It goes away.
    PortFreed,
    /// Changes a node's configuration by hand.
    EditFile,
    /// Writes the id of another process into a node's pid file.
    ForeignPid,
    /// Takes a node's JDBC driver away.
    TakeDriver,
    /// Stops the database.
    StopDatabase,
    /// Starts it again.
    StartDatabase,
}

impl Breakage {
    /// All of them: what it is called by, and what it does.
    pub const ALL: [(Self, &'static str, &'static str); 13] = [
        (Self::KillNode, "kill-node", "Kill a node without a word"),
        (Self::FreezeNode, "freeze-node", "Stop a node in its tracks"),
        (Self::ThawNode, "thaw-node", "Let a frozen node go on"),
        (Self::WrongPassword, "wrong-password", "Write a wrong password of the database into a node's configuration"),
        (Self::BlockMembership, "block-membership", "Let nothing through to and from a node's membership port"),
        (Self::OpenMembership, "open-membership", "Let it through again"),
        (Self::PortTaken, "port-taken", "Let another program take a node's HTTPS port"),
        (Self::PortFreed, "port-freed", "Let it go away"),
        (Self::EditFile, "edit-file", "Change a node's configuration by hand"),
        (Self::ForeignPid, "foreign-pid", "Write the id of another process into a node's pid file"),
        (Self::TakeDriver, "take-driver", "Take a node's JDBC driver away"),
        (Self::StopDatabase, "stop-database", "Stop the database"),
        (Self::StartDatabase, "start-database", "Start it again"),
    ];

    /// Does it happen on a node, so that one must be named?
    pub fn needs_node(self) -> bool {
        !matches!(self, Self::StopDatabase | Self::StartDatabase)
    }
}

/// Breaks something in the lab in `folder`, and says what is different now.
///
/// # Errors
/// When the lab does not run, or there is nothing to break.
pub async fn break_it(folder: &Path, what: Breakage, node: &str) -> Result<String, LabError> {
    let state = State::read(folder)?;
    let layout = state.layout(folder);
    let at = Place { layout: &layout, node };
    match what {
        Breakage::StopDatabase => {
            ask(folder, Wish::StopDatabase).await?;
            Ok(format!("the database at {}:{} takes no connection", layout.database(), layout.database_port()))
        }
        Breakage::StartDatabase => {
            ask(folder, Wish::StartDatabase).await?;
            Ok(format!("the database at {}:{} takes connections", layout.database(), layout.database_port()))
        }
        Breakage::KillNode => at.signal(Signal::SIGKILL).map(|pid| format!("process {pid} of {node} was killed")),
        Breakage::FreezeNode => at.signal(Signal::SIGSTOP).map(|pid| format!("process {pid} of {node} stands still")),
        Breakage::ThawNode => at.signal(Signal::SIGCONT).map(|pid| format!("process {pid} of {node} goes on")),
        Breakage::BlockMembership => {
            let path = layout.fault("block-membership", node);
            fs::write(&path, b"").map_err(|error| LabError::file("write", &path, &error))?;
            Ok(format!("nothing gets through to or from the membership port of {node}"))
        }
        Breakage::OpenMembership => {
            let path = layout.fault("block-membership", node);
            fs::remove_file(&path).map_err(|error| LabError::file("remove", &path, &error))?;
            Ok(format!("the membership port of {node} is open again"))
        }
        Breakage::PortTaken => {
            let address = at.https()?;
            ask(folder, Wish::TakePort(address)).await?;
            Ok(format!("a program that is not the product listens on {address}"))
        }
        Breakage::PortFreed => {
            let address = at.https()?;
            ask(folder, Wish::FreePort(address)).await?;
            Ok(format!("{address} is free again"))
        }
        Breakage::WrongPassword => at.edit(|text| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let section = lines.iter().position(|line| line.trim() == "[database.shared_db]")?;
            let line = lines.iter_mut().skip(section).find(|line| line.trim_start().starts_with("password"))?;
            *line = "password = \"not-the-password\"".to_owned();
            Some(lines.join("\n") + "\n")
        }),
        Breakage::EditFile => at.edit(|text| {
            let wrong = text.replace(super::HOSTNAME, "edited.by.hand.example");
            (wrong != text).then_some(wrong)
        }),
        Breakage::ForeignPid => {
            let path = layout.product_home(node).join("wso2carbon.pid");
            let mut bytes = format!("{}\n", state.pid).into_bytes();
            bytes.resize(100, 0);
            fs::write(&path, bytes).map_err(|error| LabError::file("write", &path, &error))?;
            Ok(format!("{} names process {}, which is not the product", path.display(), state.pid))
        }
        Breakage::TakeDriver => {
            let home = layout.product_home(node).join("repository/components");
            let lib = home.join("lib").join(super::pack::DRIVER);
            fs::remove_file(&lib).map_err(|error| LabError::file("remove", &lib, &error))?;
            let _ = fs::remove_file(home.join("dropins/mysql_connector_j_9.1.0_1.0.0.jar"));
            Ok(format!("{} is gone", lib.display()))
        }
    }
}

struct Place<'a> {
    layout: &'a Layout,
    node: &'a str,
}

impl Place<'_> {
    fn https(&self) -> Result<SocketAddr, LabError> {
        let host = self.layout.host(self.node);
        let host = host.ok_or_else(|| LabError::new(format!("the lab has no host {}", self.node)))?;
        Ok(SocketAddr::from((host.address, 9443 + self.layout.offset(&host))))
    }

    /// Signals the node's process, if it is that.
    fn signal(&self, signal: Signal) -> Result<i32, LabError> {
        let home = self.layout.product_home(self.node);
        let runs_not = || LabError::new(format!("no node runs on {}", self.node)).hint("start it with `hactl apply`");
        let wanted = format!("-Dcarbon.home={}", home.display());
        let is_it = |pid: &i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes())
        };
        let all = fs::read_dir("/proc").map_err(|_| runs_not())?.flatten();
        let pid = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(is_it).ok_or_else(runs_not)?;
        kill(Pid::from_raw(pid), signal).map_err(|error| LabError::new(format!("process {pid}: {error}")))?;
        Ok(pid)
    }

    fn edit(&self, change: impl FnOnce(&str) -> Option<String>) -> Result<String, LabError> {
        let path = self.layout.product_home(self.node).join("repository/conf/deployment.toml");
        let text = fs::read_to_string(&path).map_err(|error| {
            LabError::file("read", &path, &error).hint("configure the cluster first: `hactl apply`")
        })?;
        let changed = change(&text).ok_or_else(|| {
            LabError::new(format!("{} does not hold what would be changed", path.display()))
                .hint("configure the cluster first: `hactl apply`")
        })?;
        let written = fs::File::create(&path).and_then(|mut file| file.write_all(changed.as_bytes()));
        written.map_err(|error| LabError::file("write", &path, &error))?;
        Ok(format!("{} was edited by hand", path.display()))
    }
}
