//! `product-pack`: the product is there.

use super::node::Node;
use super::{HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::resources::Unpack;

/// The product is there: its pack is unpacked where the home is missing, and never over anything.
pub(super) struct ProductPack;

impl Step for ProductPack {
    fn name(&self) -> StepName {
        StepName("product-pack")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        let Some(pack) = &node.product.pack else { return Ok(()) };
        let Some(archive) = on.archives.iter().find(|archive| archive.blob.source == pack.file) else {
            return Err(StepError {
                code: "pack-missing",
                at: "product.pack.file".into(),
                cause: format!("{} was not read", pack.file.display()),
                hint: Some("is the file there, relative to the inventory?".into()),
            });
        };
        let unpack = Unpack::new(archive.clone(), node.product.home.clone(), &node.profile.files.start_script);
        wants.add(unpack.owner(node.product.run_as.clone()).java_home(node.product.java_home.clone()));
        Ok(())
    }
}
