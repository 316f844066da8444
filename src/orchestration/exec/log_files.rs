//! The products' log files on their nodes, as scripts that show or follow them.

use super::follow::Follow;
use super::merge::CLOCK;
use super::{Calls, Place, Work, text_of};
use crate::model::profile::LogFacts;
use crate::model::{Script, quote};
use crate::orchestration::FleetError;
use crate::orchestration::fleet::profile_of;

/// How much of all logs is fetched to be merged, and the most and least of one.
const FETCHED_IN_ALL: usize = 32 << 20;
const FETCHED_MOST: usize = 4 << 20;
const FETCHED_LEAST: usize = 64 << 10;

/// The name of the log that is shown where none is named.
const MAIN: &str = "carbon";

/// Which logs are wanted, and what of them.
#[derive(Debug, Clone)]
pub struct LogFiles {
    /// Names that the profiles know, or paths; none: the product's own log.
    pub files: Vec<String>,
    /// How many of the last lines.
    pub lines: u32,
    /// As they grow, too.
    pub follow: bool,
}

/// Why logs can't be asked for.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A profile that can't be read.
    #[error(transparent)]
    Profile(#[from] FleetError),
    /// A name that stands for no log.
    #[error("{product} has no log `{name}`; it has {known}, and a path has a slash in it: ./{name}")]
    Unknown {
        /// The product.
        product: String,
        /// The name.
        name: String,
        /// The names that it has.
        known: String,
    },
}

/// How much of one log is fetched to be merged.
pub fn most_bytes(logs: usize) -> usize {
    (FETCHED_IN_ALL / logs.max(1)).clamp(FETCHED_LEAST, FETCHED_MOST)
}

impl LogFiles {
    /// Adds a call for each wanted log of those places that have a product.
    ///
    /// # Errors
    /// When a product has no log of a wanted name, or its profile can't be read.
    pub fn add(&self, places: &[Place], most_bytes: usize, calls: &mut Calls) -> Result<(), LogError> {
        for place in places {
            let host = &place.host;
            let profile = profile_of(host).map_err(|error| FleetError::Profile { host: host.name.clone(), error })?;
            let (Some(product), Some(profile)) = (&host.product, profile) else { continue };
            let main = [MAIN.to_owned()];
            let names = if self.files.is_empty() { main.as_slice() } else { self.files.as_slice() };
            for name in names {
                let known = || known(&profile.process.log).join(", ");
                let file = file(name, &profile.process.log).ok_or_else(|| LogError::Unknown {
                    product: product.name.clone(),
                    name: name.clone(),
                    known: known(),
                })?;
                let path = if file.starts_with('/') { file } else { format!("{}/{file}", product.home) };
                let work = match self.follow {
                    true => Work::Follow(Follow::new(&path, followed(&path), self.lines)),
                    false => Work::Script(text_of(&show(&path, self.lines, most_bytes))),
                };
                calls.push(place, Some(name.clone()), work);
            }
        }
        Ok(())
    }
}

fn known(log: &LogFacts) -> Vec<&str> {
    std::iter::once(MAIN).chain(log.others.keys().map(String::as_str)).collect()
}

fn file(name: &str, log: &LogFacts) -> Option<String> {
    match log.others.get(name) {
        _ if name == MAIN => Some(log.file.clone()),
        Some(file) => Some(file.clone()),
        None => name.contains('/').then(|| name.to_owned()),
    }
}

/// A path in which `*` alone is a pattern.
fn pattern(path: &str) -> String {
    path.split('*').map(|part| if part.is_empty() { String::new() } else { quote(part) }).collect::<Vec<_>>().join("*")
}

/// Shell that sets `hactl_log` to the newest file of a pattern, or to nothing.
fn newest(path: &str) -> String {
    format!("hactl_log=$(ls -td -- {} 2>/dev/null | head -n 1)", pattern(path))
}

/// Shows the end of a log, with the host's time before it.
fn show(path: &str, lines: u32, most_bytes: usize) -> Script {
    let mut script = Script::new();
    script.line(&format!("date '+{CLOCK} %s %z'"));
    script.line(&newest(path));
    script.line("if [ -z \"$hactl_log\" ]; then");
    script.call("    printf 'there is no %s, or the user may not look there\\n'", &[path]);
    script.line("    exit 1\nfi >&2");
    // Not a pipe alone: its status would be that of its last part.
    script.line("[ -r \"$hactl_log\" ] || tail -n 1 -- \"$hactl_log\" || exit 1");
    script.line(&format!("tail -n {lines} -- \"$hactl_log\" | tail -c {most_bytes}"));
    script
}

/// Shell that sets `hactl_log` to the file that is to be followed by now: a rotation puts another one in its place, a node
/// that starts for the first time makes it, and the name of some changes every day.
fn followed(path: &str) -> String {
    match path.contains('*') {
        true => newest(path),
        false => format!("hactl_log={}\n[ -e \"$hactl_log\" ] || hactl_log=", quote(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_is_a_pattern() {
        assert_eq!(pattern("/opt/a b/http_access_*.log"), "'/opt/a b/http_access_'*.log");
        assert_eq!(pattern("/var/log/$(x)"), "'/var/log/$(x)'");
        assert_eq!(pattern("/x/*"), "/x/*");
    }

    #[test]
    fn many_logs_share_what_is_fetched() {
        assert_eq!((most_bytes(2), most_bytes(64), most_bytes(100_000)), (4 << 20, 512 << 10, 64 << 10));
    }
}
