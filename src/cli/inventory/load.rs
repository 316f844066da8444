//! Finding and reading an inventory.

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Sources, files, missing_files, render};
use crate::model::inventory::{Cluster, Inventory, Place, Problem, SecretUse, Secrets, Severity, read_leniently};

/// The inventory that is used when nobody names one.
const USUAL: &str = "inventory.yaml";

/// An inventory that was read and checked; its secrets were not looked at.
#[derive(Debug)]
pub struct Read {
    /// The clusters.
    pub inventory: Inventory,
    /// The text that was read; rules of other floors show their problems in it.
    pub text: String,
    /// The file.
    pub path: PathBuf,
}

/// An inventory that is ready for a run.
#[derive(Debug)]
pub struct Loaded {
    /// The clusters; what is worth saying is in `inventory.warnings`.
    pub inventory: Inventory,
    /// Every secret that the inventory names.
    pub secrets: Secrets,
    /// The text that was read.
    pub text: String,
    /// The file.
    pub path: PathBuf,
}

/// Everything that is wrong with an inventory. The exit code for it is 65.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
    /// The text; empty when the file can't be read.
    pub text: String,
    /// The file.
    pub path: PathBuf,
}

impl Failure {
    /// What the user reads.
    pub fn render(&self, colour: bool) -> String {
        render(&self.problems, &self.text, &self.path.display().to_string(), colour).trim_end().to_owned()
    }

    fn unreadable(path: &Path, problem: Problem) -> Self {
        Self { problems: vec![problem], text: String::new(), path: path.to_owned() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Failure {}

/// Which inventory is meant: the argument, the `-i` option, `HACTL_INVENTORY`, `./inventory.yaml`, in this order.
pub fn find_inventory(argument: Option<&Path>, option: Option<&Path>, variable: Option<OsString>) -> PathBuf {
    let variable = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
    let written = argument.or(option).map(Path::to_owned);
    written.or(variable).unwrap_or_else(|| PathBuf::from(USUAL))
}

/// Reads and checks an inventory without touching its secrets: what `hactl validate` needs.
///
/// # Errors
/// Everything that is wrong with it, files that it names and that are not there included.
pub fn read(path: &Path) -> Result<Read, Failure> {
    let text = text_of(path).map_err(|problem| Failure::unreadable(path, problem))?;
    let place = place_of(path).map_err(|problem| Failure::unreadable(path, problem))?;
    let (mut inventory, mut problems) = read_leniently(&text, &place);
    problems.extend(missing_files(&inventory.files, files::fault));
    sort(&mut problems);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Failure { problems, text, path: path.to_owned() });
    }
    inventory.warnings = problems;
    Ok(Read { inventory, text, path: path.to_owned() })
}

/// Leaves only the cluster of this name.
pub(in crate::cli) fn only_cluster(inventory: &mut Inventory, name: &str, path: &Path) -> Result<(), Problem> {
    let known: Vec<String> = inventory.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    inventory.clusters.retain(|cluster| cluster.name == name);
    if !inventory.clusters.is_empty() {
        return Ok(());
    }
    let message = format!("{} has no cluster `{name}`", path.display());
    Err(Problem::new("unknown-cluster", None, "", message).hint(format!("it has: {}", known.join(", "))))
}

/// Reads and checks an inventory and resolves every secret that it names.
///
/// # Errors
/// As [`read`], and every secret that can't be had, in one go.
pub fn load(path: &Path) -> Result<Loaded, Failure> {
    load_cluster(path, None)
}

/// As [`load`], but of several clusters only the one of this name, so that the secrets of the others are not asked for.
///
/// # Errors
/// As [`load`], and when there is no such cluster.
pub fn load_cluster(path: &Path, cluster: Option<&str>) -> Result<Loaded, Failure> {
    let Read { mut inventory, text, path } = read(path)?;
    if let Some(name) = cluster {
        only_cluster(&mut inventory, name, &path).map_err(|problem| Failure::unreadable(&path, problem))?;
    }
    let folder = place_of(&path).map(|place| place.folder).unwrap_or_default();
    let (secrets, problems) = Sources::of_this_process(folder).resolve(&inventory);
    inventory.warnings.extend(problems);
    sort(&mut inventory.warnings);
    if inventory.warnings.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Failure { problems: inventory.warnings, text, path });
    }
    Ok(Loaded { inventory, secrets, text, path })
}

impl Loaded {
    /// Resolves the secrets that logging in to jump hosts may take, and no others. Returns what is worth saying of them.
    ///
    /// # Errors
    /// Every one of them that can't be had.
    pub(in crate::cli) fn resolve_logins(&mut self) -> Result<Vec<Problem>, Failure> {
        let wanted = |cluster: &Cluster, found: &SecretUse| {
            // A jump host that the user's ssh_config names is logged in to with the keys of the host behind it.
            let of_hosts = cluster.hosts.iter().map(|host| &host.ssh.passphrase);
            let of_hops = cluster.jump_hosts.values().flat_map(|hop| [&hop.passphrase, &hop.password]);
            of_hosts.chain(of_hops).flatten().any(|source| *source == found.source)
        };
        let folder = place_of(&self.path).map(|place| place.folder).unwrap_or_default();
        let (secrets, mut problems) = Sources::of_this_process(folder).resolve_some(&self.inventory, wanted);
        sort(&mut problems);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(Failure { problems, text: self.text.clone(), path: self.path.clone() });
        }
        self.secrets = secrets;
        Ok(problems)
    }
}

fn sort(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| problem.span.map_or((0, 0), |span| (span.start, span.end)));
}

fn text_of(path: &Path) -> Result<String, Problem> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Problem::new("inventory-not-found", None, "", format!("there is no inventory {}", path.display()))
                .hint("name one with `-i PATH`, or write one with `hactl init ADDRESS ADDRESS`")
        }
        _ => Problem::new(
            "inventory-unreadable",
            None,
            "",
            format!("the inventory {} can't be read: {error}", path.display()),
        )
        .hint("check that it is a file, and who may read it"),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        let message =
            format!("the inventory {} is not UTF-8 text; the first wrong byte is in line {line}", path.display());
        Problem::new("inventory-unreadable", None, "", message).hint("save it as UTF-8")
    })
}

fn place_of(path: &Path) -> Result<Place, Problem> {
    let full = std::path::absolute(path).map_err(|error| {
        Problem::new(
            "inventory-unreadable",
            None,
            "",
            format!("the inventory {} can't be found: {error}", path.display()),
        )
        .hint("write its whole path")
    })?;
    Ok(Place {
        file: path.display().to_string(),
        folder: full.parent().map(Path::to_owned).unwrap_or_default(),
        home: std::env::home_dir(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_wins_over_option_variable_and_the_usual_name() {
        let (argument, option) = (Some(Path::new("a.yaml")), Some(Path::new("o.yaml")));
        let variable = || Some(OsString::from("v.yaml"));
        assert_eq!(find_inventory(argument, option, variable()), Path::new("a.yaml"));
        assert_eq!(find_inventory(None, option, variable()), Path::new("o.yaml"));
        assert_eq!(find_inventory(None, None, variable()), Path::new("v.yaml"));
        assert_eq!(find_inventory(None, None, Some(OsString::new())), Path::new("inventory.yaml"));
        assert_eq!(find_inventory(None, None, None), Path::new("inventory.yaml"));
    }
}
