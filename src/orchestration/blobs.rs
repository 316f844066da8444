//! The local files that a cluster's hosts get, named by what they hold.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::Digest as _;

use super::Playbook;
use super::archive::{Refused, look_through};
use super::verify::asks::bodies;
use crate::model::inventory::{Cluster, Pack};
use crate::model::{Archive, Blob, Sha256};
use crate::steps::StepError;

/// Reads the files that the inventory names, and holds them against the digests that stand there.
///
/// # Errors
/// One per file that can't be read, is another one, or is no pack.
pub fn check_local_files(cluster: &Cluster) -> Result<(), Vec<StepError>> {
    let files = local_files(cluster, &Playbook::empty(), true).map(drop);
    match (files, bodies(cluster).map(drop)) {
        (Err(mut errors), Err(more)) => {
            errors.extend(more);
            Err(errors)
        }
        (files, bodies) => files.and(bodies),
    }
}

/// What is on the controller for the hosts.
#[derive(Default)]
pub(super) struct LocalFiles {
    pub(super) blobs: Vec<Blob>,
    pub(super) archives: Vec<Archive>,
}

/// Reads every file that the inventory and the playbook name, holds it against the digest that stands there, and looks
/// through the packs; without `with_packs` nobody wants them, and reading them would take a while.
pub(super) fn local_files(
    cluster: &Cluster,
    playbook: &Playbook,
    with_packs: bool,
) -> Result<LocalFiles, Vec<StepError>> {
    let (mut files, mut errors) = (LocalFiles::default(), Vec::new());
    let drivers = cluster.databases.driver.as_ref().map_or(&[][..], |drivers| drivers.as_slice());
    for driver in drivers {
        match checked(&driver.file, &driver.sha256, &DRIVER) {
            Ok(blob) => files.blobs.push(blob),
            Err(error) => errors.push(error),
        }
    }
    let packs = cluster.hosts.iter().filter_map(|host| host.product.as_ref()?.pack.as_ref());
    let mut known: Vec<&Pack> = Vec::new();
    for pack in packs.filter(|_| with_packs) {
        // Every host names it; a large file is read once.
        if known.contains(&pack) {
            continue;
        }
        known.push(pack);
        match checked(&pack.file, &pack.sha256, &PACK).and_then(archive) {
            Ok(archive) => files.archives.push(archive),
            Err(error) => errors.push(error),
        }
    }
    let stores = cluster.keystores.stores().map(|(name, store)| (name, &store.file));
    let trusted = cluster.keystores.truststore.iter().map(|store| ("truststore", &store.file));
    for (name, file) in stores.chain(trusted) {
        match blob(file) {
            Ok(blob) => files.blobs.push(blob),
            Err(error) => errors.push(StepError {
                code: "missing-file",
                at: format!("keystores.{name}.file"),
                cause: format!("{} cannot be read: {error}", file.display()),
                hint: Some("check the path, and who may read it".to_owned()),
            }),
        }
    }
    if let Some(balancer) = &cluster.load_balancer {
        let own = [("certificate", Some(&balancer.certificate)), ("nodes_ca", balancer.nodes_ca.as_ref())];
        for (key, file) in own.into_iter().filter_map(|(key, file)| Some((key, file?))) {
            match blob(file) {
                Ok(blob) => files.blobs.push(blob),
                Err(error) => errors.push(StepError {
                    code: "missing-file",
                    at: format!("load_balancer.{key}"),
                    cause: format!("{} cannot be read: {error}", file.display()),
                    hint: Some("check the path, and who may read it".to_owned()),
                }),
            }
        }
    }
    for file in playbook.local_files() {
        match blob(&file.path) {
            Ok(blob) => files.blobs.push(blob),
            Err(error) => errors.push(StepError {
                code: "missing-file",
                at: String::new(),
                cause: format!("the playbook names {}, which cannot be read: {error}", file.path.display()),
                hint: Some("check the path, and who may read it".to_owned()),
            }),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

/// How a kind of file that stands in the inventory with its digest is spoken of.
struct Kind {
    at: &'static str,
    missing: &'static str,
    differs: &'static str,
    hint: &'static str,
}

const DRIVER: Kind = Kind {
    at: "databases.driver",
    missing: "driver-missing",
    differs: "driver-digest",
    hint: "fetch the driver again and compare with its publisher's digest; correct `sha256` only if that agrees",
};

const PACK: Kind = Kind {
    at: "product.pack",
    missing: "pack-missing",
    differs: "pack-digest",
    hint: "fetch the pack again and compare with its publisher's digest; correct `sha256` only if that agrees",
};

/// A local file, which must have the digest that the inventory names.
fn checked(file: &Path, sha256: &str, kind: &Kind) -> Result<Blob, StepError> {
    let refuse = |code, key: &str, cause: String, hint: &str| StepError {
        code,
        at: format!("{}.{key}", kind.at),
        cause,
        hint: Some(hint.to_owned()),
    };
    let name = file.display();
    let unreadable = |error| {
        refuse(kind.missing, "file", format!("{name} cannot be read: {error}"), "check the path, and who may read it")
    };
    let blob = blob(file).map_err(unreadable)?;
    if sha256.parse() == Ok(blob.sha256) {
        return Ok(blob);
    }
    let cause = format!("{name} holds {}, not what the inventory names", blob.sha256);
    Err(refuse(kind.differs, "sha256", cause, kind.hint))
}

/// A pack, looked through.
fn archive(blob: Blob) -> Result<Archive, StepError> {
    let content = File::open(&blob.source).map_err(Refused::from).and_then(|mut file| look_through(&mut file));
    let refuse = |code, error: &Refused, hint: &str| StepError {
        code,
        at: "product.pack.file".to_owned(),
        cause: format!("{} {error}", blob.source.display()),
        hint: Some(hint.to_owned()),
    };
    match content {
        Ok(content) => Ok(Archive { unpacked: content.unpacked, links: content.links, blob }),
        Err(error @ Refused::Unsafe { .. }) => Err(refuse(
            "pack-unsafe",
            &error,
            "take the pack from the product's publisher; this one is not to be trusted",
        )),
        Err(error @ (Refused::Damaged(_) | Refused::Unreadable(_))) => {
            Err(refuse("pack-damaged", &error, "fetch the pack again, and take its digest from its publisher"))
        }
    }
}

/// A local file by its content, read once, a piece at a time.
///
/// # Errors
/// When it can't be read.
fn blob(source: &Path) -> std::io::Result<Blob> {
    let mut file = File::open(source)?;
    let (mut hasher, mut size) = (sha2::Sha256::new(), 0);
    let mut piece = vec![0; 128 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            count => {
                hasher.update(&piece[..count]);
                size += count as u64;
            }
        }
    }
    Ok(Blob { source: source.to_owned(), sha256: Sha256::from_hasher(hasher), size })
}
