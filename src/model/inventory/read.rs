//! From text to clusters.

use std::path::PathBuf;

use super::position::Positions;
use super::resolve::{Resolved, resolve};
use super::{Cluster, Document, Origin, Place, Problem, SecretSource, Severity, Span, check, rules, tree};

/// An inventory that is right as far as it can be told without looking at anything else.
#[derive(Debug)]
pub struct Inventory {
    /// The clusters in the order of the file.
    pub clusters: Vec<Cluster>,
    /// The files on the controller that it names; whether they exist is for the caller to see.
    pub files: Vec<LocalFile>,
    /// What is worth saying.
    pub warnings: Vec<Problem>,
    details: Vec<Details>,
}

/// What is known of one cluster beyond the cluster itself.
#[derive(Debug)]
struct Details {
    cluster: String,
    secrets: Vec<SecretUse>,
    origins: Vec<Origin>,
    positions: Positions,
}

/// A file on the controller that the inventory names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// The path as written.
    pub written: String,
    /// The key that names it.
    pub key: String,
    /// Where it is named.
    pub span: Span,
}

/// A place where a secret is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// Where the secret comes from.
    pub source: SecretSource,
    /// The key that wants it.
    pub key: String,
    /// Where that is.
    pub span: Span,
}

/// Reads an inventory.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn read(text: &str, place: &Place) -> Result<Inventory, Vec<Problem>> {
    let (inventory, problems) = read_leniently(text, place);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    Ok(Inventory { warnings: problems, ..inventory })
}

/// Reads what can be read, and says what is wrong with the rest. For callers that add problems of their own, such as
/// missing files, so that a user sees everything in one go.
pub fn read_leniently(text: &str, place: &Place) -> (Inventory, Vec<Problem>) {
    let parsed = tree::parse(text);
    let mut inventory =
        Inventory { clusters: Vec::new(), files: Vec::new(), warnings: Vec::new(), details: Vec::new() };
    let mut problems = Vec::new();
    if parsed.documents.is_empty() && parsed.problem.is_none() {
        problems.push(
            Problem::new("empty-inventory", None, "", format!("{} holds no cluster", place.file))
                .hint("`hactl init ADDRESS ADDRESS` writes one to start from"),
        );
    }
    let mut named = Vec::new();
    for node in &parsed.documents {
        let checked = check::check(node, place);
        problems.extend(checked.problems.iter().cloned());
        inventory.files.extend(checked.files.iter().cloned());
        let Some(value) = &checked.value else { continue };
        let Ok(document) = serde_json::from_value::<Document>(value.clone()) else {
            // The schema and serde come from one struct; this says that they disagree, and repeats no value.
            problems.push(
                Problem::new("wrong-type", Some(node.span), "", "this document does not have the form of an inventory")
                    .hint("this is a fault of hactl: `hactl schema` accepts what it can't read"),
            );
            continue;
        };
        rules::check(&document, &checked, &mut problems);
        rules::one_name_each(&document, &checked.positions, &mut named, &mut problems);
        let Resolved { cluster, origins, positions } = resolve(&document, value, checked.positions);
        inventory.clusters.push(cluster);
        inventory.details.push(Details {
            cluster: document.cluster.clone(),
            secrets: checked.secrets,
            origins,
            positions,
        });
    }
    problems.extend(parsed.problem);
    problems.sort_by_key(|problem| problem.span.map_or((0, 0), |span| (span.start, span.end)));
    (inventory, problems)
}

impl Inventory {
    fn details(&self, cluster: &Cluster) -> Option<&Details> {
        self.details.iter().find(|details| details.cluster == cluster.name)
    }

    /// Where a key of this cluster stands, such as `databases.shared_db.host` or `hosts.is-1.groups[0]`. For a key that
    /// does not stand in the file it is the nearest one above it, and in the end the cluster's name.
    pub fn locate(&self, cluster: &Cluster, key: &str) -> Option<Span> {
        let positions = &self.details(cluster)?.positions;
        // A section that is missing altogether is missed in the cluster.
        positions.nearest(key).or_else(|| positions.nearest("cluster"))
    }

    /// Every place of this cluster that wants a secret.
    pub fn secrets(&self, cluster: &Cluster) -> &[SecretUse] {
        self.details(cluster).map_or(&[], |details| &details.secrets)
    }

    /// Where every value of this cluster comes from.
    pub fn origins(&self, cluster: &Cluster) -> &[Origin] {
        self.details(cluster).map_or(&[], |details| &details.origins)
    }
}
