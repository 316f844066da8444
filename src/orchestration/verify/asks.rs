//! What a cluster is asked, and the local files that go with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::model::inventory::{Cluster, Secrets};
use crate::model::profile::Profile;
use crate::steps::StepError;
use crate::steps::verify::{Asks, Bodies, check_bodies};

/// How large the file of a body may be, in bytes.
const LARGEST_BODY: u64 = 1 << 20;

/// What is asked of a cluster whose first node with a product has this profile, with a value of its own to write.
///
/// # Errors
/// Everything that can't be asked as the inventory wants it.
pub(in crate::orchestration) fn asks(
    cluster: &Cluster,
    profile: &Profile,
    secrets: &Secrets,
) -> Result<Arc<Asks>, Vec<StepError>> {
    let bodies = bodies(cluster)?;
    let value = format!("hactl-{:016x}", rand::random::<u64>());
    Asks::new(cluster, profile, secrets, &bodies, &value).map(Arc::new)
}

/// The local files that probes send, each with values for all that it wants.
///
/// # Errors
/// One for each that can't be read or sent.
pub(in crate::orchestration) fn bodies(cluster: &Cluster) -> Result<Bodies, Vec<StepError>> {
    let (mut bodies, mut errors) = (BTreeMap::new(), Vec::new());
    for (index, probe) in cluster.failover.probes.iter().enumerate() {
        let Some(file) = probe.body.as_ref().and_then(|body| body.file.as_ref()) else { continue };
        match read(file) {
            Ok(text) => drop(bodies.insert(file.clone(), text)),
            Err(cause) => errors.push(StepError {
                code: "missing-file",
                at: format!("failover.probes[{index}].body.file"),
                cause: format!("{} {cause}", file.display()),
                hint: Some("check the path, and who may read it; a body is text".to_owned()),
            }),
        }
    }
    errors.extend(check_bodies(cluster, &bodies));
    if errors.is_empty() { Ok(bodies) } else { Err(errors) }
}

fn read(file: &Path) -> Result<String, String> {
    let size = fs::metadata(file).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > LARGEST_BODY {
        return Err(format!("is too large for a probe: {size} bytes"));
    }
    fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))
}
