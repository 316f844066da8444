//! The programs and folders that hactl's scripts need on a host.

use super::Place;
use crate::model::Script;
use crate::model::inventory::{Service, TransportKind};
use crate::orchestration::Failure;
use crate::transport::{Link, Reply, Rung, TransportError, instead};

/// A program that hactl's scripts call.
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Where it is needed.
    pub need: Need,
}

/// Where a program is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// On every host.
    Everywhere,
    /// Where a product runs.
    Product,
    /// Where a product is unpacked: one of those that can.
    Pack,
    /// Where a product is a unit of systemd.
    Unit,
    /// Nowhere: another program takes its place, or less is seen without it.
    Nowhere,
}

const fn tool(name: &'static str, need: Need) -> Tool {
    Tool { name, need }
}

/// Every program that a script of hactl's calls. A test compares it with the scripts.
pub const TOOLS: &[Tool] = &[
    tool("awk", Need::Product),
    tool("base64", Need::Everywhere),
    tool("bsdtar", Need::Pack),
    tool("busybox", Need::Pack),
    tool("cat", Need::Everywhere),
    tool("chcon", Need::Nowhere),
    tool("chmod", Need::Everywhere),
    tool("chown", Need::Everywhere),
    tool("cp", Need::Everywhere),
    tool("curl", Need::Nowhere),
    tool("date", Need::Everywhere),
    tool("df", Need::Everywhere),
    tool("find", Need::Everywhere),
    tool("getconf", Need::Nowhere),
    tool("grep", Need::Everywhere),
    tool("head", Need::Everywhere),
    tool("id", Need::Everywhere),
    tool("ip", Need::Nowhere),
    tool("jar", Need::Pack),
    tool("journalctl", Need::Nowhere),
    tool("ln", Need::Everywhere),
    tool("ls", Need::Everywhere),
    tool("md5sum", Need::Product),
    tool("mkdir", Need::Everywhere),
    tool("mkfifo", Need::Nowhere),
    tool("mktemp", Need::Everywhere),
    tool("mv", Need::Everywhere),
    tool("nproc", Need::Nowhere),
    tool("readlink", Need::Everywhere),
    tool("rm", Need::Everywhere),
    tool("rmdir", Need::Everywhere),
    tool("rpm", Need::Nowhere),
    tool("runuser", Need::Nowhere),
    tool("script", Need::Nowhere),
    tool("sed", Need::Everywhere),
    tool("setpriv", Need::Nowhere),
    tool("setsid", Need::Product),
    tool("sh", Need::Everywhere),
    tool("sha256sum", Need::Everywhere),
    tool("sleep", Need::Everywhere),
    tool("sort", Need::Everywhere),
    tool("stat", Need::Everywhere),
    tool("su", Need::Nowhere),
    tool("sync", Need::Everywhere),
    tool("systemctl", Need::Unit),
    tool("tail", Need::Everywhere),
    tool("timeout", Need::Nowhere),
    tool("tr", Need::Everywhere),
    tool("uname", Need::Nowhere),
    tool("unzip", Need::Pack),
    tool("wc", Need::Everywhere),
];

fn needed(need: Need) -> Vec<&'static str> {
    TOOLS.iter().filter(|tool| tool.need == need).map(|tool| tool.name).collect()
}

/// Shell that prints a line with `nonce` for everything that is missing, and a last one when it has looked at all.
pub(super) fn probe(nonce: &str, place: &Place) -> Script {
    let mut script = Script::new();
    script.line("LC_ALL=C; export LC_ALL");
    script.line(include_str!("tools.sh"));
    script.line(&place.node.state_folder);
    let mut words = vec![nonce];
    words.extend(needed(Need::Everywhere));
    if let Some(product) = &place.host.product {
        words.extend(needed(Need::Product));
        if product.service == Service::Systemd {
            words.extend(needed(Need::Unit));
        }
        if product.pack.is_some() {
            script.call("hactl_none", &[&[nonce][..], &needed(Need::Pack)].concat());
        }
    }
    script.call("hactl_missing", &words);
    script.call("( hactl_temporary", &[nonce]);
    script.line(")");
    script.call("hactl_state", &[nonce]);
    script.call("printf '\\n%s done\\n'", &[nonce]);
    script
}

/// Reads the answer; what it comes to where a look is still possible are warnings.
///
/// # Errors
/// When something is missing that hactl can't do without.
pub(super) fn read(reply: &Reply, nonce: &str, link: &Link) -> Result<Vec<Failure>, TransportError> {
    let said = String::from_utf8_lossy(&reply.stdout);
    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix(nonce)?.strip_prefix(' ')).map(str::trim).collect();
    if lines.last() != Some(&"done") {
        return Err(instead(reply, link));
    }
    let mut missing: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("missing ")).collect();
    missing.dedup();
    let none = lines.iter().find_map(|line| line.strip_prefix("none "));
    if !missing.is_empty() || none.is_some() {
        return Err(tools_missing(&missing, none, link));
    }
    let mut warnings = Vec::new();
    if let Some(tmp) = lines.iter().find_map(|line| line.strip_prefix("tmp ")) {
        let (how, rest) = tmp.split_once(' ').unwrap_or((tmp, ""));
        match how {
            "noexec" => warnings.push(noexec(rest)),
            _ => return Err(closed(rest)),
        }
    }
    warnings.extend(lines.iter().find_map(|line| line.strip_prefix("state ")).map(state_closed));
    Ok(warnings)
}

fn tools_missing(missing: &[&str], none: Option<&str>, link: &Link) -> TransportError {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("it has no {}", missing.join(", ")));
    }
    if let Some(none) = none {
        parts.push(format!("nothing that unpacks a zip: none of {}", none.split(' ').collect::<Vec<_>>().join(", ")));
    }
    let place = if link.kind == TransportKind::Local { "this machine" } else { "the host" };
    let hint = match (missing.is_empty(), none) {
        (true, _) => "install unzip on the host".to_owned(),
        (false, _) => format!(
            "install coreutils, findutils, grep, sed, awk and util-linux (or busybox) on {place}; if they are there, see \
             which PATH a command of this user gets: `ssh {}@{} 'echo $PATH'`, and secure_path behind sudo",
            link.user, link.address
        ),
    };
    TransportError::new(Rung::Tools, "tools-missing", parts.join("; ")).hint(hint)
}

/// The folder for temporary files takes none.
fn closed(rest: &str) -> TransportError {
    let (folder, said) = rest.split_once(' ').unwrap_or((rest, ""));
    let error = |code, cause: String, hint: &str| TransportError::new(Rung::Tools, code, cause).hint(hint);
    if said.contains("Read-only file system") {
        let cause = format!("{folder}, the folder for temporary files, is on a read-only file system");
        error("tmp-read-only", cause, "see in the kernel's log (`dmesg`) why, and remount it writable")
    } else if said.contains("No space left") || said.contains("quota exceeded") {
        let cause = format!("{folder}, the folder for temporary files, is full: {said}");
        error("tmp-full", cause, "free space or inodes there: `df -h` and `df -i` show which")
    } else {
        let cause = format!("{folder}, the folder for temporary files, takes no file: {said}");
        error("tmp-closed", cause, "make it a folder of mode 1777, or set TMPDIR in a start file of the login shell")
    }
}

fn noexec(folder: &str) -> Failure {
    let cause = format!("nothing can be run in {folder} (noexec): Java unpacks libraries there");
    Failure::new("tmp-noexec", cause)
        .hint("hactl does without; let the product's start script set -Djava.io.tmpdir to another folder")
}

fn state_closed(folder: &str) -> Failure {
    let cause = format!("hactl's own folder cannot be made: {folder} is not writable for this user");
    Failure::new("state-folder-closed", cause)
        .hint("a plan works, an apply does not: use ssh.become, or choose another place with ssh.state_folder")
}
