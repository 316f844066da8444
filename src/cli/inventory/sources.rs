//! Secrets are resolved here: once, before anything connects, and everything that can't be had is said in one go.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::program;
use crate::model::Secret;
use crate::model::inventory::{Cluster, Inventory, OneOrMany, Problem, SecretSource, SecretUse, Secrets, decrypt};

/// How long a program may take to print a secret; long enough to type a passphrase.
const DEADLINE: Duration = Duration::from_secs(30);

/// The key of the vault's own password.
const VAULT_PASSWORD: &str = "vault.password";

/// Looks something up by its name.
pub type Lookup = Box<dyn Fn(&str) -> Option<OsString>>;

/// What secrets are resolved from.
pub struct Sources {
    /// Looks up an environment variable.
    pub variable: Lookup,
    /// Where programs run: the inventory's folder.
    pub folder: PathBuf,
    /// How long a program may take.
    pub deadline: Duration,
}

/// Why a secret can't be had: the code, a clause about its source, and a next move.
type Refusal = (&'static str, String, String);

impl Sources {
    /// The environment of this process.
    pub fn of_this_process(folder: PathBuf) -> Self {
        Self { variable: Box::new(|name| std::env::var_os(name)), folder, deadline: DEADLINE }
    }

    /// Resolves every secret of every cluster, each source once.
    pub fn resolve(&self, inventory: &Inventory) -> (Secrets, Vec<Problem>) {
        self.resolve_some(inventory, |_, _| true)
    }

    /// The same for those secrets alone that are wanted, and for what opens them.
    pub fn resolve_some(
        &self,
        inventory: &Inventory,
        wanted: impl Fn(&Cluster, &SecretUse) -> bool,
    ) -> (Secrets, Vec<Problem>) {
        let mut secrets = Secrets::default();
        let mut problems = Vec::new();
        for cluster in &inventory.clusters {
            let mut uses: Vec<&SecretUse> =
                inventory.secrets(cluster).iter().filter(|found| wanted(cluster, found)).collect();
            if uses.iter().any(|found| matches!(found.source, SecretSource::Vault(_))) {
                uses.extend(inventory.secrets(cluster).iter().filter(|found| found.key == VAULT_PASSWORD));
            }
            self.cluster(cluster, uses, &mut secrets, &mut problems);
        }
        (secrets, problems)
    }

    fn cluster(
        &self,
        cluster: &Cluster,
        mut uses: Vec<&SecretUse>,
        secrets: &mut Secrets,
        problems: &mut Vec<Problem>,
    ) {
        uses.sort_by_key(|wanted| wanted.key != VAULT_PASSWORD);
        let mut refused: Vec<&SecretSource> = Vec::new();
        for wanted in uses {
            if secrets.get(&wanted.source).is_some() || refused.contains(&&wanted.source) {
                continue;
            }
            let password = cluster.vault.as_ref().map(|vault| secrets.get(&vault.password));
            let value = match (&wanted.source, password) {
                // The password was refused, which has been said.
                (SecretSource::Vault(_), Some(None)) => continue,
                (SecretSource::Vault(text), Some(Some(password))) => open(text, &password),
                (SecretSource::Vault(_), None) => Err((
                    "no-vault-password",
                    "is in a vault, and nothing says how to open it".to_owned(),
                    "add `vault: { password: { env: VARIABLE } }` at the top".to_owned(),
                )),
                (SecretSource::Env(name), _) => self.variable(name),
                (SecretSource::File(path), _) => {
                    problems.extend(exposed(path, wanted));
                    file(path)
                }
                (SecretSource::Command(command), _) => self.command(command),
            };
            match value {
                Ok(value) => secrets.insert(wanted.source.clone(), value),
                Err((code, clause, hint)) => {
                    let message = format!("`{}`: {clause}", wanted.key);
                    problems.push(Problem::new(code, Some(wanted.span), wanted.key.clone(), message).hint(hint));
                    refused.push(&wanted.source);
                }
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Secret, Refusal> {
        let refuse = |clause: String| {
            ("secret-env", clause, format!("set it before you start hactl, and export it: `export {name}`"))
        };
        match (self.variable)(name) {
            None => Err(refuse(format!("the environment variable {name} is not set"))),
            Some(value) if value.is_empty() => Err(refuse(format!("the environment variable {name} is empty"))),
            Some(value) => match value.into_string() {
                Ok(text) => Ok(Secret::new(text)),
                Err(_) => Err(refuse(format!("the environment variable {name} is not UTF-8 text"))),
            },
        }
    }

    fn command(&self, command: &OneOrMany<String>) -> Result<Secret, Refusal> {
        let words = match command {
            OneOrMany::Many(words) => words.clone(),
            OneOrMany::One(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        };
        // Only the program's name: an argument may be a secret of its own.
        let name = match command {
            OneOrMany::Many(words) => format!("`{}`", words.first().map_or("", String::as_str)),
            OneOrMany::One(_) => "the command".to_owned(),
        };
        let hint =
            "run it by hand in the inventory's folder: it must print the secret alone, without asking".to_owned();
        let refuse = |clause: String| ("secret-command", format!("{name} {clause}"), hint.clone());
        let printed = program::output(&words, &self.folder, self.deadline).map_err(refuse)?;
        text_of(&printed).map_err(|clause| refuse(format!("printed something that {clause}")))
    }
}

fn open(text: &str, password: &Arc<Secret>) -> Result<Secret, Refusal> {
    decrypt(text, password).map_err(|error| {
        let hint = "check `vault.password`, or encrypt the value anew with `ansible-vault encrypt_string`";
        ("secret-vault", format!("the vault string can't be opened: {error}"), hint.to_owned())
    })
}

fn file(path: &Path) -> Result<Secret, Refusal> {
    let refuse = |clause: String| {
        let hint = "write the secret alone into it; one final newline is not part of it".to_owned();
        ("secret-file", format!("the file {} {clause}", path.display()), hint)
    };
    let bytes =
        zeroize::Zeroizing::new(std::fs::read(path).map_err(|error| refuse(format!("can't be read: {error}")))?);
    text_of(&bytes).map_err(|clause| refuse(clause.to_owned()))
}

/// A warning when others may read a secret's file.
fn exposed(path: &Path, wanted: &SecretUse) -> Option<Problem> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o044 != 0).then(|| {
        let message = format!("`{}`: the file {} can be read by others (mode {mode:03o})", wanted.key, path.display());
        Problem::new("secret-file-open", Some(wanted.span), wanted.key.clone(), message)
            .hint(format!("chmod 600 {}", path.display()))
            .warning()
    })
}

/// The secret in what a file holds or a program printed: text without one final newline.
fn text_of(bytes: &[u8]) -> Result<Secret, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text")?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    match text.is_empty() {
        true => Err("is empty"),
        false => Ok(Secret::new(text.to_owned())),
    }
}
