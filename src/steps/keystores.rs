//! `keystores`: all nodes have the same keys, so that each reads what another one has encrypted or signed.

use std::path::Path;
use std::sync::Arc;

use super::finding::refuse;
use super::node::{ByPath as _, Node, has_peers};
use super::{Finding, HostContext, Step, StepError, Wants, spelled};
use crate::model::inventory::{Cluster, Keystore, KeystoreType, SecretSource};
use crate::model::profile::{KeyPath, Profile};
use crate::model::{Secret, StepName};
use crate::resources::Upload;
use crate::resources::edit::{TomlKeys, Value};

/// All nodes have the same keys.
pub(super) struct Keystores;

impl Step for Keystores {
    fn name(&self) -> StepName {
        StepName("keystores")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        refuse(check(on.cluster, node.profile))?;
        for (name, file) in files(on.cluster) {
            upload(&node, name, file, on, wants)?;
        }
        let (given, facts) = (&on.cluster.keystores, &node.profile.keystores);
        let mut keys = TomlKeys::new();
        for (name, store) in given.stores() {
            let table = table(node.profile, name);
            keys = store_keys(keys, on, &node, name, table, store)?;
        }
        if let Some(store) = &given.truststore {
            let columns = &facts.columns;
            let password = secret(on, "truststore.password", &store.password)?;
            keys = keys
                .put(&facts.truststore.join(&columns.file), text("truststore.file", file_name(&store.file))?)
                .put(&facts.truststore.join(&columns.kind), Value::Text(store.kind.word().to_owned()))
                .put(&facts.truststore.join(&columns.password), password);
        }
        if let Some(key) = &given.encryption_key {
            keys = keys.put(&facts.encryption_key, secret(on, "encryption_key", key)?);
        }
        node.configure(wants, keys)
    }
}

/// The keys that say of one store what the inventory says.
fn store_keys(
    keys: TomlKeys,
    on: &HostContext<'_>,
    node: &Node<'_>,
    name: &str,
    table: &KeyPath,
    store: &Keystore,
) -> Result<TomlKeys, StepError> {
    let columns = &node.profile.keystores.columns;
    let password = secret(on, &format!("{name}.password"), &store.password)?;
    let key_password = match &store.key_password {
        Some(source) => secret(on, &format!("{name}.key_password"), source)?,
        None => password.clone(),
    };
    Ok(keys
        .put(&table.join(&columns.file), text(&format!("{name}.file"), file_name(&store.file))?)
        .put(&table.join(&columns.kind), Value::Text(store.kind.word().to_owned()))
        .put(&table.join(&columns.password), password)
        .put(&table.join(&columns.alias), text(&format!("{name}.alias"), &store.alias)?)
        .put(&table.join(&columns.key_password), key_password))
}

/// Wants one file on the node.
fn upload(node: &Node<'_>, name: &str, file: &Path, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
    let Some(blob) = on.blobs.iter().find(|blob| blob.source == file) else {
        return Err(StepError {
            code: "keystore-missing",
            at: format!("keystores.{name}.file"),
            cause: format!("{} was not read", file.display()),
            hint: Some("is the file there, relative to the inventory?".into()),
        });
    };
    let path = node.path(&format!("{}/{}", node.profile.files.keystores, file_name(file)))?;
    let mut upload = Upload::new(blob.clone(), path).mode(0o640).owner(node.product.run_as.clone());
    if name == "primary" {
        let started = node.profile.keystores.started.iter().map(|file| node.path(file));
        upload = upload.settled_by(started.collect::<Result<_, _>>()?);
    }
    wants.add(upload);
    Ok(())
}

/// Every file once, by the first key of the inventory that names it: the primary one comes first.
fn files(cluster: &Cluster) -> Vec<(&'static str, &Path)> {
    let trusted = cluster.keystores.truststore.iter().map(|store| ("truststore", store.file.as_path()));
    let mut files: Vec<(&str, &Path)> = Vec::new();
    for (name, file) in cluster.keystores.stores().map(|(name, store)| (name, store.file.as_path())).chain(trusted) {
        if !files.iter().any(|(_, known)| *known == file) {
            files.push((name, file));
        }
    }
    files
}

fn file_name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn table<'a>(profile: &'a Profile, name: &str) -> &'a KeyPath {
    match name {
        "tls" => &profile.keystores.tls,
        "internal" => &profile.keystores.internal,
        _ => &profile.keystores.primary,
    }
}

fn text(at: &str, text: &str) -> Result<Value, StepError> {
    spelled::xml(text).map_err(|why| uncarried(at, why))
}

fn secret(on: &HostContext<'_>, at: &str, source: &SecretSource) -> Result<Value, StepError> {
    let value: Arc<Secret> = on.secrets.get(source).ok_or_else(|| StepError {
        code: "secret-unresolved",
        at: format!("keystores.{at}"),
        cause: "the secret was not resolved".into(),
        hint: None,
    })?;
    spelled::secret(&value).map_err(|why| uncarried(at, why))
}

fn uncarried(at: &str, why: spelled::Uncarried) -> StepError {
    let name = at.rsplit('.').next().unwrap_or(at);
    StepError {
        code: "value-not-carried",
        at: format!("keystores.{at}"),
        cause: format!("`{name}` can't be handed to the product: {why}"),
        hint: Some("choose a value without it".into()),
    }
}

/// Everything that is wrong, or not good, with the key stores, as far as the inventory tells.
pub(super) fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let given = &cluster.keystores;
    let files = files(cluster);
    for (index, (name, file)) in files.iter().enumerate() {
        if files[..index].iter().any(|(_, other)| file_name(other) == file_name(file)) {
            let at = format!("keystores.{name}.file");
            let cause = format!("{} would replace another store of the same name", file.display());
            findings.push(Finding::error("keystore-twice", at, cause).hint("rename one of the two files"));
        }
    }
    let kinds = given.stores().map(|(name, store)| (name, store.kind));
    let kinds = kinds.chain(given.truststore.iter().map(|store| ("truststore", store.kind)));
    let shipped = profile.keystores.shipped;
    for (name, kind) in kinds.filter(|(_, kind)| *kind != shipped) {
        let cause = format!(
            "{} {} ships with {} stores, and this one is {}",
            profile.product,
            profile.version,
            shipped.word(),
            kind.word()
        );
        let finding = Finding::warning("keystore-type", format!("keystores.{name}.type"), cause);
        findings.push(finding.hint(conversion(shipped)));
    }
    if given.primary.is_none() && has_peers(cluster) {
        let cause = "no `keystores.primary`: the nodes sign and encrypt with the shipped key, which everybody has";
        let hint = "name a key store of your own under `keystores.primary` before the first start";
        findings.push(Finding::warning("shipped-key", "keystores", cause).hint(hint));
    }
    findings
}

fn conversion(to: KeystoreType) -> String {
    format!("it works where the product reads both; `keytool -importkeystore -deststoretype {}` converts it", to.word())
}
