//! `shared-files`: secondary user stores and tenants are on a file system that all nodes mount.

use super::finding::refuse;
use super::node::Node;
use super::{Finding, HostContext, Step, StepError, Wants};
use crate::model::inventory::{Cluster, SharedFiles as Shared};
use crate::model::{RemotePath, StepName};
use crate::resources::{MountPoint, Symlink};

/// Secondary user stores and tenants are on a file system that all nodes mount.
pub(super) struct SharedFiles;

impl Step for SharedFiles {
    fn name(&self) -> StepName {
        StepName("shared-files")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let (Some(node), Some(shared)) = (Node::of(on)?, &on.cluster.shared_files) else {
            return Ok(());
        };
        refuse(check(on.cluster))?;
        for link in links(shared, &node, on.allow.adopt)? {
            wants.add(link);
        }
        Ok(())
    }
}

/// The links that the nodes need; `adopt`: what is in their way may be moved into the shared folder.
pub(super) fn links(shared: &Shared, node: &Node<'_>, adopt: bool) -> Result<Vec<Symlink>, StepError> {
    let target: RemotePath = shared.mount.target.parse().map_err(|error| not_a_path(&error))?;
    let mount =
        MountPoint { target: target.clone(), source: shared.mount.source.clone(), kind: shared.mount.kind.clone() };
    let files = &node.profile.files;
    let mut links = Vec::new();
    for (wanted, path, folder) in
        [(shared.userstores, &files.userstores, "Userstores"), (shared.tenants, &files.tenants, "Tenants")]
    {
        if wanted.unwrap_or(true) {
            let folder = target.join(folder).map_err(|error| not_a_path(&error))?;
            let link = Symlink::new(node.path(path)?, folder);
            let link = link.owner(node.product.run_as.clone());
            links.push(link.adopt(adopt).must_be_mounted(Some(mount.clone())));
        }
    }
    Ok(links)
}

fn not_a_path(error: &crate::model::PathError) -> StepError {
    StepError {
        code: "mount-target",
        at: "shared_files.mount.target".into(),
        cause: error.to_string(),
        hint: Some("write the mount point's absolute path, such as /mnt/wso2".into()),
    }
}

/// Everything that is wrong with the shared files, as far as the inventory tells.
pub(super) fn check(cluster: &Cluster) -> Vec<Finding> {
    let Some(shared) = &cluster.shared_files else {
        return Vec::new();
    };
    let Ok(target) = shared.mount.target.parse::<RemotePath>() else {
        return Vec::new(); // Reading the inventory refuses it.
    };
    let mut products = cluster.hosts.iter().filter_map(|host| host.product.as_ref());
    if !products.any(|product| target.is_within(&product.home)) {
        return Vec::new();
    }
    let cause = format!("{target} is inside the product: a new pack in its place would hide the mount");
    let finding = Finding::error("mount-inside-product", "shared_files.mount.target", cause);
    vec![finding.hint("mount it elsewhere, such as /mnt/wso2")]
}
