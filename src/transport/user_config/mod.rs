//! The user's own SSH configuration: what a person would get who types `ssh NAME`.
//!
//! Where OpenSSH's client is there, it is asked (`ssh -G NAME`), which is exact by definition. Elsewhere [`subset`] reads
//! the files itself, and refuses what it would have to guess. Reading is pure; only [`client`] and [`files`] touch the
//! machine.

mod alike;
mod client;
mod error;
mod files;
mod found;
mod keywords;
mod reading;
mod settings;
mod subset;
mod tokens;

pub use error::UserConfigError;
pub use found::{Agent, Hop, HostConfig, Passed, Way};
pub use tokens::Here;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use settings::Settings;

/// How many clients are asked at once: each is a process that lives for some milliseconds.
const AT_ONCE: usize = 8;

/// Which files are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SshConfig {
    /// The user's and the system's, as `ssh` reads them.
    #[default]
    Usual,
    /// This one instead, as `ssh -F` does.
    File(PathBuf),
    /// None at all.
    None,
}

impl fmt::Display for SshConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => f.write_str("~/.ssh/config, /etc/ssh/ssh_config"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::None => f.write_str("none"),
        }
    }
}

/// What is looked up: what stands after `ssh`, and before it as options.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    /// In which files.
    pub config: SshConfig,
    /// The name, as a person would type it.
    pub name: String,
    /// The user, where it is settled already.
    pub user: Option<String>,
    /// The port, where it is settled already.
    pub port: Option<u16>,
    /// The address, where it is settled already.
    pub address: Option<String>,
}

/// What the configuration of one user says, each name asked for once.
pub struct UserConfigs {
    here: Arc<Here>,
    /// What the client does by itself; `None` where there is no client to ask. Not known before the first question.
    defaults: Option<Option<Settings>>,
    known: BTreeMap<Query, HostConfig>,
}

impl UserConfigs {
    /// Nothing is read yet.
    pub fn new(here: Here) -> Self {
        Self { here: Arc::new(here), defaults: None, known: BTreeMap::new() }
    }

    /// What was found; `None` where it was not looked up.
    pub fn get(&self, query: &Query) -> Option<&HostConfig> {
        self.known.get(query)
    }

    /// What the user should hear of all that was found, each thing once.
    pub fn warnings(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.known.values().flat_map(|found| &found.warnings).collect();
        all.into_iter().cloned().collect()
    }

    /// Looks all of them up, several at once.
    ///
    /// # Errors
    /// The first of them whose files are refused, or hold for its name what cannot be honoured.
    pub async fn look_up(&mut self, queries: &[Query]) -> Result<(), (Box<Query>, UserConfigError)> {
        let is_new = |query: &&Query| query.config != SshConfig::None && !self.known.contains_key(query);
        let new: BTreeSet<Query> = queries.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let answers = match self.defaults.is_none() && client::is_there() || matches!(self.defaults, Some(Some(_))) {
            true => self.ask(new).await,
            false => self.read(new),
        };
        let mut failed: Vec<(Query, UserConfigError)> = Vec::new();
        for (query, answer) in answers {
            match answer {
                Ok(found) => drop(self.known.insert(query, found)),
                Err(error) => failed.push((query, error)),
            }
        }
        let place = |query: &Query| queries.iter().position(|other| other == query);
        failed.sort_by_key(|(query, _)| place(query));
        failed.into_iter().next().map_or(Ok(()), |(query, error)| Err((Box::new(query), error)))
    }

    /// Asks the client: about each name, or about one of many that its files do not tell apart.
    async fn ask(&mut self, new: BTreeSet<Query>) -> Vec<Answer> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        let mut settled = Vec::new();
        for group in of_one_form(&new) {
            let shared = match group.first() {
                // As many as this are asked about at once, in the time of one.
                Some(first) if group.len() > AT_ONCE => client::ask_for_all(first).await.map(|set| (set, &first.name)),
                _ => None,
            };
            if let Some((set, name)) = shared {
                settled.extend(group.iter().map(|query| (query.clone(), name.clone(), Ok(set.clone()))));
                continue;
            }
            for query in group {
                let places = places.clone();
                asked.spawn(async move {
                    // Never closed.
                    let _place = places.acquire().await.ok();
                    let answer = client::ask(&query).await;
                    let name = query.name.clone();
                    (query, name, answer)
                });
            }
        }
        if self.defaults.is_none() {
            self.defaults = Some(client::defaults().await);
        }
        let Some(Some(defaults)) = &self.defaults else {
            // What answers to this name is no client that can be asked.
            return self.read(new);
        };
        while let Some(done) = asked.join_next().await {
            settled.extend(done);
        }
        let read = |(query, name, answer): (Query, String, Result<Settings, UserConfigError>)| {
            let found =
                answer.and_then(|set| reading::read(&set.beyond(defaults, &name), &query, &self.here, &source(&query)));
            (query, found)
        };
        settled.into_iter().map(read).collect()
    }

    /// Reads the files without it.
    fn read(&self, new: BTreeSet<Query>) -> Vec<Answer> {
        let of_files = |query: &Query| {
            let set = subset::read(&files::of(&query.config, &self.here)?, query, &self.here, &files::included)?;
            reading::read(&set, query, &self.here, "ssh_config, read without `ssh`")
        };
        new.into_iter().map(|query| (of_files(&query), query)).map(|(found, query)| (query, found)).collect()
    }
}

/// Queries that differ in the name alone, together.
fn of_one_form(all: &BTreeSet<Query>) -> Vec<Vec<Query>> {
    let mut groups: BTreeMap<_, Vec<Query>> = BTreeMap::new();
    for query in all {
        groups.entry((&query.config, &query.user, query.port)).or_default().push(query.clone());
    }
    groups.into_values().collect()
}

/// A question and its answer.
type Answer = (Query, Result<HostConfig, UserConfigError>);

fn source(query: &Query) -> String {
    match &query.config {
        SshConfig::File(path) => format!("ssh -G -F {} {}", path.display(), query.name),
        _ => format!("ssh -G {}", query.name),
    }
}

#[cfg(test)]
mod tests;
