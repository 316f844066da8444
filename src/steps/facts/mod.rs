//! What a host is: asked in one script, whose functions are those of the preflight wherever it asks for the same.

use std::net::Ipv6Addr;

use schemars::JsonSchema;
use serde::Serialize;

use super::preflight::{Clock, FUNCTIONS, java_version};
use crate::model::Script;
use crate::model::inventory::Host;
use crate::resources::LOOK;

/// What a host said of itself. What it did not tell is `None`, or not in a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct HostFacts {
    /// The operating system's name and version, for people.
    pub system: Option<String>,
    /// The operating system in one word, such as `debian`.
    pub system_id: Option<String>,
    /// Its version, such as `12`.
    pub system_version: Option<String>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// The processor's architecture, such as `x86_64`.
    pub architecture: Option<String>,
    /// The first process, such as `systemd`.
    pub init: Option<String>,
    /// The C library and its version, such as `glibc 2.36`, or `musl`.
    pub libc: Option<String>,
    /// The program behind `sh`.
    pub shell: Option<String>,
    /// The user that scripts run as.
    pub user: Option<String>,
    /// How many processors may be used.
    pub processors: Option<u64>,
    /// The memory, in kB.
    pub memory_kb: Option<u64>,
    /// The disks that hactl and the product write to.
    pub disks: Vec<Disk>,
    /// Every JDK that was found.
    pub jdks: Vec<Jdk>,
    /// What is at the inventory's `java_home`, or the session's `JAVA_HOME`; only where a product runs.
    pub java: Option<Java>,
    /// The time zone.
    pub zone: Option<String>,
    /// How far the clock is ahead of this machine's, in seconds.
    pub clock_ahead: Option<f64>,
    /// The true value of that lies within this many seconds.
    pub clock_uncertainty: Option<f64>,
    /// `enforcing`, `permissive`; `None` where there is none.
    pub selinux: Option<&'static str>,
    /// Is AppArmor enabled? `None` where there is none.
    pub apparmor: Option<bool>,
    /// How many files a process may have open: that of the product, where it runs.
    pub open_files: Option<String>,
    /// How many processes and threads the user may have.
    pub processes: Option<String>,
    /// The addresses of its interfaces, but the loopback's.
    pub addresses: Vec<String>,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Disk {
    /// What is there: `product`, `tmp` or `state`.
    pub of: &'static str,
    /// Where it is mounted.
    pub mount: String,
    /// What is free for us, in kB.
    pub free_kb: u64,
    /// The whole, in kB.
    pub size_kb: u64,
}

/// A JDK that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Jdk {
    /// Its folder.
    pub home: String,
    /// The version in its `release` file.
    pub version: Option<String>,
}

/// The JDK that the product is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Java {
    /// Its folder; `None` when neither the inventory nor the session names one.
    pub home: Option<String>,
    /// Its feature version, such as 17; `None` when there is none, or it does not run.
    pub version: Option<u16>,
}

/// Appends the functions that [`probe`] calls.
pub fn prelude(script: &mut Script) {
    script.line(LOOK);
    script.line(FUNCTIONS);
    script.line(include_str!("facts.sh"));
}

/// Appends shell that prints the facts, behind [`prelude`] and the shell that sets `HACTL_STATE`.
pub fn probe(of: &Host, script: &mut Script) {
    let product = of.product.as_ref();
    let home = product.map_or("", |product| product.home.as_str());
    let java_home = product.and_then(|product| product.java_home.as_ref()).map_or("", |home| home.as_str());
    script.line("hactl_own=");
    script.line("hactl_system; hactl_guards; hactl_zone; hactl_processes; hactl_addresses6");
    // What one of these cannot look at ends only itself.
    script.line("( hactl_addresses )");
    script.call("hactl_limits", &[home]);
    script.line("hactl_disk tmp \"${TMPDIR:-/tmp}\"; hactl_disk state \"$HACTL_STATE\"");
    script.call("hactl_jdks", &[java_home]);
    if product.is_some() {
        script.call("hactl_java", &[java_home]);
    }
    script.line(":");
}

/// Reads what the probe has printed.
pub fn read(said: &str, of: &Host, clock: Option<Clock>) -> HostFacts {
    let values = |key: &'static str| said.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '));
    let text = |key: &'static str| values(key).map(|text| unquoted(text.trim())).find(|text| !text.is_empty());
    let number = |key: &'static str| values(key).find_map(|text| text.trim().parse().ok());
    let four = values("address").map(str::trim).filter(|address| !address.starts_with("127."));
    let six = values("address6").filter_map(|hex| u128::from_str_radix(hex.trim(), 16).ok().map(Ipv6Addr::from));
    let mut addresses: Vec<String> = Vec::new();
    for address in four.map(str::to_owned).chain(six.map(|address| address.to_string())) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    HostFacts {
        system: text("os name"),
        system_id: text("os id"),
        system_version: text("os version"),
        kernel: text("kernel"),
        architecture: text("architecture"),
        init: text("init"),
        libc: text("libc"),
        shell: text("shell"),
        user: text("user"),
        processors: number("processors"),
        memory_kb: number("memory"),
        disks: [("disk", "product"), ("tmp", "tmp"), ("state", "state")]
            .into_iter()
            .filter(|(_, of_what)| *of_what != "product" || of.product.is_some())
            .filter_map(|(key, of)| values(key).find_map(|text| disk(of, text)))
            .collect(),
        jdks: values("jdk").filter_map(jdk).collect(),
        java: values("java").next().map(|state| java(state, values("said").find_map(java_version))),
        zone: text("zone").map(|zone| zone_words(&zone)),
        clock_ahead: clock.map(|clock| thousandths(clock.ahead())),
        clock_uncertainty: clock.map(|clock| thousandths(clock.uncertainty())),
        selinux: text("selinux").map(|on| if on == "1" { "enforcing" } else { "permissive" }),
        apparmor: text("apparmor").map(|on| on == "Y"),
        open_files: text("files"),
        processes: text("processes"),
        addresses,
    }
}

/// The value of an os-release file without its quotes.
fn unquoted(text: &str) -> String {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text).to_owned()
}

fn disk(of: &'static str, text: &str) -> Option<Disk> {
    let mut words = text.splitn(3, ' ');
    let (free_kb, size_kb) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Disk { of, free_kb, size_kb, mount: words.next()?.trim().to_owned() })
}

fn jdk(text: &str) -> Option<Jdk> {
    let (version, home) = text.split_once(' ')?;
    Some(Jdk { home: home.to_owned(), version: (version != "-").then(|| version.to_owned()) })
}

fn java(state: &str, version: Option<u16>) -> Java {
    let home = state.split_once(' ').map(|(_, home)| home.trim().to_owned());
    Java { home, version }
}

/// `+0200 CEST Europe/Berlin` as `Europe/Berlin (CEST, +0200)`.
fn zone_words(text: &str) -> String {
    let mut words = text.split_whitespace();
    let (offset, letters) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match words.next() {
        Some(name) if name != letters => format!("{name} ({letters}, {offset})"),
        _ => format!("{letters} ({offset})"),
    }
}

fn thousandths(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
